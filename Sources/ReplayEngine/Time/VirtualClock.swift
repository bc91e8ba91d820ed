import CReplay
import ReplayLog

/// The guest's virtual time, (icount << shift) + bias, and its warp.
///
/// A value, part of ``EngineState``, that uses neither log nor host. The arithmetic is in
/// `replay-vclock.h`, because the archive of stubs has the same clock.
package struct VirtualClock {
    static let maximalShift = UInt8(truncatingIfNeeded: REPLAY_SHIFT_MAX)
    /// Auto: how far virtual time may be off before the shift is adapted.
    static let wobble = Int64(REPLAY_WOBBLE_NS)

    private var clock: replay_vclock_t

    init() { self.init(shift: 0) }

    /// - Parameter shift: nil: automatic, from 3 on.
    init(shift: UInt8?) { clock = replay_vclock(shift.map { Int32($0) } ?? -1) }

    var shift: UInt8 { clock.shift }
    var isAuto: Bool { clock.is_auto }
    var bias: Int64 { clock.bias }
    /// The sum of all warps.
    var warped: Int64 { clock.warped }
    /// Counts what changes the virtual time of an instruction.
    var changes: UInt32 { clock.changes }

    @inline(__always)
    func now(_ icount: UInt64) -> Int64 { withClock { replay_vclock_now($0, icount) } }

    /// Whole instructions until `ns` have passed.
    @inline(__always)
    func instructions(for ns: Int64) -> UInt64 { withClock { replay_vclock_instructions($0, ns) } }

    @inline(__always)
    private func withClock<Result>(_ body: (UnsafePointer<replay_vclock_t>) -> Result) -> Result {
        withUnsafePointer(to: clock, body)
    }

    // MARK: Warp

    /// Real time at which the guest fell asleep; nil: no warp is in progress.
    var warpStart: Int64? { clock.sleeps ? clock.warp_start : nil }
    /// Real time at which the warp must end because a timer is due.
    var warpEnd: Int64? { clock.is_armed ? clock.warp_end : nil }

    /// Real ns until a timer ends the warp; nil: none is armed.
    func warpLeft(_ real: Int64) -> Int64? {
        let left = withClock { replay_vclock_warp_left($0, real) }
        return left < 0 ? nil : left
    }

    /// Is there no warp yet to `target`, where a sleeping guest's next timer is due?
    func mustArm(_ target: Int64) -> Bool { withClock { replay_vclock_must_arm($0, target) } }

    /// The guest has slept since `real`; a timer is due `deadline` later.
    mutating func armWarp(real: Int64, deadline: Int64, target: Int64) {
        replay_vclock_arm(&clock, real, deadline, target)
    }

    mutating func disarmWarp() { clock.is_armed = false }

    /// Ends the warp: virtual time advances by the time slept, in auto mode at
    /// most up to real time.
    mutating func endWarp(real: Int64, icount: UInt64) { replay_vclock_end_warp(&clock, real, icount) }

    /// Advances virtual time by `ns`.
    mutating func skip(_ ns: Int64) { replay_vclock_skip(&clock, ns) }

    // MARK: Position

    /// The fields that a position holds, and ``init(reading:)`` takes.
    func write(to writer: inout ByteWriter) {
        let numbers = [
            clock.bias, clock.warped, clock.warp_start, clock.warp_end, clock.warp_target, clock.last_delta,
            clock.next_virtual_look, clock.next_real_look,
        ]
        for number in numbers { writer.writeUInt64(UInt64(bitPattern: number)) }
        writer.writeUInt8(clock.shift)
        for flag in [clock.is_auto, clock.sleeps, clock.is_armed] { writer.writeUInt8(flag ? 1 : 0) }
    }

    init?(reading reader: inout ByteReader) {
        var numbers: [Int64] = []
        for _ in 0..<8 {
            guard let number = reader.readUInt64() else { return nil }
            numbers.append(Int64(bitPattern: number))
        }
        guard let shift = reader.readUInt8(), shift <= Self.maximalShift, let isAuto = reader.readBool(),
            let sleeps = reader.readBool(), let isArmed = reader.readBool()
        else { return nil }
        clock = replay_vclock_t(
            bias: numbers[0], warped: numbers[1], warp_start: numbers[2], warp_end: numbers[3],
            warp_target: numbers[4], last_delta: numbers[5], next_virtual_look: numbers[6],
            next_real_look: numbers[7], changes: 0, shift: shift, is_auto: isAuto, sleeps: sleeps,
            is_armed: isArmed)
    }

    // MARK: Automatic shift

    var nextVirtualLook: Int64 { clock.next_virtual_look }
    var nextRealLook: Int64 { clock.next_real_look }

    func mustLook(icount: UInt64, real: Int64) -> Bool {
        withClock { replay_vclock_must_look($0, real, icount) }
    }

    /// Compares virtual with real time, and adapts the shift. The clock itself doesn't jump.
    mutating func look(icount: UInt64, real: Int64) { replay_vclock_look(&clock, real, icount) }
}
