/// The guest's virtual time, (icount << shift) + bias, and its warp.
///
/// A value: it is part of ``EngineTime``, and knows neither log nor host.
package struct VirtualClock {
    static let maximalShift: UInt8 = 10
    /// Auto: how often the shift is looked at, in virtual and in real time.
    static let virtualInterval: Int64 = 100_000_000
    static let realInterval: Int64 = 1_000_000_000
    /// Auto: how far virtual time may be off before the shift follows.
    static let wobble: Int64 = 100_000_000

    private(set) var shift: UInt8 = 0
    private(set) var isAuto = false
    private(set) var bias: Int64 = 0
    /// What the warps have added.
    private(set) var warped: Int64 = 0

    /// Real time at which the guest fell asleep; nil: no warp is under way.
    private(set) var warpStart: Int64?
    /// Real time at which the warp must end because a timer is due.
    private(set) var warpEnd: Int64?
    /// The virtual time for which it was armed.
    private(set) var warpTarget: Int64 = 0

    /// Counts what changes the virtual time of an instruction.
    private(set) var changes: UInt32 = 0

    private var lastDelta: Int64 = 0
    private(set) var nextVirtualLook: Int64 = virtualInterval
    private(set) var nextRealLook: Int64 = realInterval

    init() {}

    /// - Parameter shift: nil: automatic, from 3 on.
    init(shift: UInt8?) {
        self.shift = shift ?? 3
        isAuto = shift == nil
    }

    func now(_ icount: UInt64) -> Int64 {
        Int64(truncatingIfNeeded: icount &<< UInt64(shift)) &+ bias
    }

    /// Whole instructions until `ns` have passed.
    func instructions(for ns: Int64) -> UInt64 {
        let ns = UInt64(max(ns, 0))
        let unit = UInt64(1) &<< UInt64(shift)
        return (ns >> UInt64(shift)) &+ (ns & (unit &- 1) == 0 ? 0 : 1)
    }

    // MARK: Warp

    /// The guest sleeps since `real`; a timer is due `deadline` later.
    mutating func armWarp(real: Int64, deadline: Int64, target: Int64) {
        warpStart = min(warpStart ?? real, real)
        let (end, overflow) = real.addingReportingOverflow(deadline)
        warpEnd = overflow ? .max : end
        warpTarget = target
    }

    mutating func disarmWarp() { warpEnd = nil }

    /// Ends the warp: virtual time moves on by the time slept, in auto mode at
    /// most up to real time.
    mutating func endWarp(real: Int64, icount: UInt64) {
        guard let start = warpStart else { return }
        warpStart = nil
        var slept = max(real &- start, 0)
        if isAuto { slept = min(slept, max(real &- now(icount), 0)) }
        skip(slept)
    }

    /// Moves virtual time on by `ns`.
    mutating func skip(_ ns: Int64) {
        changes &+= 1
        bias = bias &+ ns
        warped = warped &+ ns
    }

    // MARK: Automatic shift

    func mustLook(icount: UInt64, real: Int64) -> Bool {
        isAuto && (now(icount) >= nextVirtualLook || real >= nextRealLook)
    }

    /// Compares virtual with real time: a guest that is ahead gets a smaller
    /// shift, one that falls behind a larger one, unless it is catching up by
    /// itself. The clock itself does not jump.
    mutating func look(icount: UInt64, real: Int64) {
        let virtual = now(icount)
        let delta = virtual &- real
        if delta > 0, lastDelta &+ Self.wobble < delta &* 2, shift > 0 {
            shift &-= 1
        } else if delta < 0, lastDelta &- Self.wobble > delta &* 2, shift < Self.maximalShift {
            shift &+= 1
        }
        changes &+= 1
        lastDelta = delta
        bias = virtual &- Int64(truncatingIfNeeded: icount &<< UInt64(shift))
        nextVirtualLook = virtual &+ Self.virtualInterval
        nextRealLook = real &+ Self.realInterval
    }
}
