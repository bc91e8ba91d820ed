/// What belongs to one run of a session and to no snapshot: replaced as a whole when the run ends.
struct Course {
    /// The queue is being flushed.
    var isFlushing = false
    /// The host's digest callback runs.
    var isInDigest = false
    /// What takes the digests: turns, or, in a host without them, flushes.
    var digestTaker = DigestTaker.nobody
    /// A block of audio samples is being recorded or replayed.
    var audioIn: AudioBlock?
    /// When virtual timers ran last, and how often they have run at that virtual time.
    var timerRuns: (time: Int64, count: UInt32) = (.min, 0)
    var warnedOfSleep = false
    var warnedOfAlignment = false
}
