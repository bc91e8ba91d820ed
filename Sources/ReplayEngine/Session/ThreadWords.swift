import CReplay

/// The words that a session's threads share: C structs, because their addresses must not change.
struct ThreadWords {
    let lock = UnsafeMutablePointer<replay_fair_lock_t>.allocate(capacity: 1)
    let change = UnsafeMutablePointer<replay_change_t>.allocate(capacity: 1)
    let watch = UnsafeMutablePointer<replay_watch_t>.allocate(capacity: 1)

    init() {
        lock.initialize(to: replay_fair_lock_t())
        change.initialize(to: replay_change_t())
        watch.initialize(to: replay_watch_t())
    }

    func deallocate() {
        lock.deallocate()
        change.deallocate()
        watch.deallocate()
    }
}
