/// State that belongs to one run of a session and isn't part of a snapshot. It is replaced as a whole when the run ends.
struct Course {
    /// Is the queue being flushed?
    var isFlushing = false
    /// Is a thread with both roles in its I/O turn? Its events are the I/O thread's then.
    var isIOTurn = false
    /// The callback of the host that is running, if it must not change the run.
    var onlooker: Onlooker?
    /// What takes the digests: turns or, in a host without them, flushes.
    var digestTaker = DigestTaker.nobody
    /// The block of audio samples that is being recorded or replayed.
    var audioIn: AudioBlock?
    /// The virtual time when timers last ran, and how often they have run at that time.
    var timerRuns: (time: Int64, count: UInt32) = (.min, 0)
    /// While the host loads its state: the requests that it has to submit again.
    var resubmissions: [PendingRequest]?
    /// Was replay_vmstate_init() called?
    var hasInitializedSnapshot = false
    var warnedOfSleep = false
    var warnedOfAlignment = false
}

/// A callback of the host that must not change the run.
enum Onlooker {
    case digest, save, load

    /// What it is, and what it must not do.
    var rule: String {
        switch self {
        case .digest: "the digest callback, which must not change anything"
        case .save: "replay_host::save_state, which must not change anything"
        case .load:
            "replay_host::load_state, which only reads back what save_state wrote: the library sets its own timers and clocks"
        }
    }
}
