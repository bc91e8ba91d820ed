/// The virtual clock and the timers on it. Apart from ``EngineState``, because in
/// mode NONE, where no lock orders the two threads, both look at them.
struct EngineTime {
    var clock = VirtualClock()
    var timers = TimerList()
}
