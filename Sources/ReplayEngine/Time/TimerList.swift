import CReplay
import ReplayLog

/// Deterministic timers on the virtual clock: by time, equal ones in the order in
/// which they were set.
package struct TimerList {
    private struct Timer {
        var callback: @convention(c) (UnsafeMutableRawPointer?) -> Void
        var opaque: UnsafeMutableRawPointer?
        var expire: Int64?
        var order: UInt64 = 0
    }

    /// By handle. No order of this dictionary reaches anyone.
    private var timers: [UInt: Timer] = [:]
    /// Handles of those that are set, the next first.
    private var pending: [UInt] = []
    private var nextOrder: UInt64 = 0

    /// nil: memory ran out. Setting a timer then needs no more.
    mutating func add(
        _ callback: @escaping @convention(c) (UnsafeMutableRawPointer?) -> Void,
        _ opaque: UnsafeMutableRawPointer?
    ) -> UInt? {
        let size = 4 &* MemoryLayout<(UInt, Timer)>.stride
        guard timers.count < timers.capacity || CheckedMemory.has(size &* (timers.count &+ 16)),
            pending.makeRoom(for: timers.count &+ 1 &- pending.count)
        else { return nil }
        let handle = Devices.newHandle()
        timers[handle] = Timer(callback: callback, opaque: opaque)
        return handle
    }

    /// - Returns: false if there is no such timer.
    mutating func set(_ handle: UInt, at expire: Int64) -> Bool {
        guard clear(handle) else { return false }
        timers[handle]?.expire = expire
        timers[handle]?.order = nextOrder
        nextOrder &+= 1
        let place = pending.firstIndex { (timers[$0]?.expire ?? .max) > expire } ?? pending.endIndex
        pending.insert(handle, at: place)
        return true
    }

    mutating func clear(_ handle: UInt) -> Bool {
        guard let timer = timers[handle] else { return false }
        if timer.expire != nil {
            pending.removeAll { $0 == handle }
            timers[handle]?.expire = nil
        }
        return true
    }

    mutating func remove(_ handle: UInt) -> Bool {
        clear(handle) && timers.removeValue(forKey: handle) != nil
    }

    func expire(_ handle: UInt) -> Int64? { timers[handle]?.expire }

    /// When the next one runs.
    var nearest: Int64? { pending.first.flatMap { timers[$0]?.expire } }

    /// Takes the next timer that is due and was set before the run began, so
    /// that one that sets itself anew does not run for ever.
    mutating func takeDue(
        _ now: Int64, before order: UInt64
    ) -> (callback: @convention(c) (UnsafeMutableRawPointer?) -> Void, opaque: UnsafeMutableRawPointer?)? {
        for handle in pending {
            guard let timer = timers[handle], let expire = timer.expire, expire <= now else { return nil }
            guard timer.order < order else { continue }
            _ = clear(handle)
            return (timer.callback, timer.opaque)
        }
        return nil
    }

    /// Separates the timers that are set from those that will be.
    var order: UInt64 { nextOrder }
}
