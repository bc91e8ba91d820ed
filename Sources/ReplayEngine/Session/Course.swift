/// State that belongs to one run of a session and isn't part of a snapshot. It is replaced as a whole when the run ends.
struct Course {
    /// Is the queue being flushed?
    var isFlushing = false
    /// Is a thread with both roles in its I/O turn? Its events are the I/O thread's then.
    var isIOTurn = false
    /// Is the host's digest callback running?
    var isInDigest = false
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
