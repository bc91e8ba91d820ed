/// The machine, as the gdb stub sees it. The stub calls it from one thread of its own.
///
/// ``pause()``, ``resume()``, ``step(cpu:)``, and a ``reverseStep()``, ``reverseContinue()`` or ``seek(_:)`` that returns
/// nil, only begin something: ``stop`` is nil from their return on, until the machine is paused (again); then the
/// function of ``onStop(_:)`` is called. This is so even if the machine can't move. While it isn't paused, only
/// ``pause()`` and what isn't listed under "While it is paused" may be called.
package protocol Debuggee: GuestState {
    // MARK: At any time

    /// At least one. Each is a thread to the debugger.
    var cpuCount: Int { get }
    /// The target description in XML, as gdb's manual describes it; may be empty.
    var targetXML: String { get }
    /// PLAY with snapshots.
    var canReverse: Bool { get }
    /// Registers and memory may be changed, because no recording depends on them.
    var mayWrite: Bool { get }

    /// A debugger has come. The machine goes on until ``pause()``.
    func attach()
    /// The debugger has gone: the machine goes on. Breaks that are still set are removed; there are some only if the
    /// stub ends while the machine isn't paused.
    func detach()
    /// Pauses as soon as possible, with ``Stop/Reason/request``; ends a search too. Does nothing if the machine
    /// is paused already.
    func pause()
    /// Why and where the machine is paused; nil while it isn't.
    var stop: Stop? { get }
    /// `notify` is called whenever the machine pauses; from any thread, maybe more often, maybe before
    /// the call that caused it has returned. nil: no more calls after this one has returned.
    func onStop(_ notify: (@Sendable () -> Void)?)

    // MARK: While it is paused: motion
    //
    // No motion stops at a breakpoint where it begins. Forward, it does stop at a watchpoint where it begins, unless
    // that is why the machine is paused there: a user may have stepped or gone back to the access.

    func resume()
    /// Until that CPU has executed one instruction, or stops at a watchpoint before it.
    func step(cpu: Int)
    /// Back by one instruction, of whichever CPU. Returns nil if it has begun, else why not.
    func reverseStep() -> String?
    /// Back to the last break. Returns nil if it has begun, else why not.
    func reverseContinue() -> String?
    /// Returns nil if it has begun, else why not.
    func seek(_ place: Place) -> String?

    // MARK: While it is paused: state

    func writeRegister(cpu: Int, _ number: Int, _ bytes: [UInt8]) -> Bool
    func writeMemory(cpu: Int, address: UInt64, _ bytes: [UInt8]) -> Bool

    // MARK: While it is paused: breaks

    /// The condition is asked in the vCPU's thread at each hit, in both directions; false: the hit doesn't count.
    /// Setting a break again replaces its condition.
    func setBreak(_ site: BreakSite, condition: BreakCondition?) -> Bool
    func removeBreak(_ site: BreakSite) -> Bool

    /// A command that the stub doesn't know. Returns text for the user, which ends with a new line.
    func monitor(_ command: String) -> String
}

/// The guest's registers and memory, while it is paused or at a break.
package protocol GuestState: AnyObject, Sendable {
    /// The byte order of registers and of numbers in memory.
    var isBigEndian: Bool { get }
    /// In the guest's byte order; nil: there is no such register, or it can't be read.
    func readRegister(cpu: Int, _ number: Int) -> [UInt8]?
    /// Several of them, at less cost.
    func readRegisters(cpu: Int, _ numbers: [Int]) -> [[UInt8]?]
    /// All bytes or nil.
    func readMemory(cpu: Int, address: UInt64, count: Int) -> [UInt8]?
}

extension GuestState {
    package func readRegisters(cpu: Int, _ numbers: [Int]) -> [[UInt8]?] {
        numbers.map { readRegister(cpu: cpu, $0) }
    }
}

/// Whether a hit counts. It is called while the guest stands at the break.
package typealias BreakCondition = @Sendable (_ guest: any GuestState, _ cpu: Int) -> Bool

/// With gdb's numbers in packets Z0 to Z4.
package enum BreakKind: Int, Sendable, CaseIterable {
    case software = 0
    case hardware, writeWatch, readWatch, accessWatch

    package var isWatch: Bool {
        switch self {
        case .software, .hardware: false
        case .writeWatch, .readWatch, .accessWatch: true
        }
    }
}

package struct BreakSite: Hashable, Sendable {
    package var kind: BreakKind
    package var address: UInt64
    /// Of a watchpoint, in bytes; of a breakpoint, gdb's kind of instruction.
    package var length: UInt64

    package init(kind: BreakKind, address: UInt64, length: UInt64) {
        self.kind = kind
        self.address = address
        self.length = length
    }
}

package enum Place: Equatable, Sendable {
    case icount(UInt64)
    case event(UInt64)
}

/// The machine is paused.
package struct Stop: Equatable, Sendable {
    package enum Reason: Equatable, Sendable {
        /// ``Debuggee/pause()``, or the host asked for it.
        case request
        /// What was begun is done: a step, a seek.
        case place
        /// Before the instruction at a breakpoint.
        case breakpoint(BreakKind)
        /// Before the instruction that accesses what is watched, at this address, in both directions.
        case watch(BreakKind, address: UInt64)
        /// Before the recording's first instruction, or the first that can still be reached.
        case begin
        /// After the recording's last instruction.
        case end
        /// The guest has ended.
        case exited(UInt8)
    }

    /// The CPU that a debugger shows first.
    package var cpu: Int
    package var reason: Reason

    package init(cpu: Int, reason: Reason) {
        self.cpu = cpu
        self.reason = reason
    }
}
