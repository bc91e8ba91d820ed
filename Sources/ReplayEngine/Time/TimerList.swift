import CReplay
import ReplayLog
import ReplaySystem

/// Deterministic timers on the virtual clock, ordered by time; those with equal times are in the order in
/// which they were set.
///
/// The list's order is in `replay-timers.h`, because the archive of stubs has the same timers.
package struct TimerList {
    typealias Callback = @convention(c) (UnsafeMutableRawPointer?) -> Void

    /// The timers that are set come first: see `replay_timers_t`, whose elements these are.
    private var entries: [replay_timer_entry_t] = []
    private var list = replay_timers_t()
    /// Those that exist, in the order in which they were made. The number counts the timers made before: it is
    /// the same in each run, and a position knows a timer by it.
    private var made: [(number: UInt64, handle: UInt)] = []
    private var nextNumber: UInt64 = 0

    /// nil: memory ran out. Setting a timer needs no more memory.
    mutating func add(_ callback: @escaping Callback, _ opaque: UnsafeMutableRawPointer?) -> UInt? {
        guard entries.makeRoom(), made.makeRoom() else { return nil }
        let handle = Devices.newHandle()
        entries.append(replay_timer_entry_t())
        made.append((nextNumber, handle))
        nextNumber &+= 1
        change { replay_timers_add(&$0, handle, callback, opaque) }
        return handle
    }

    /// - Returns: false if there is no such timer.
    mutating func set(_ handle: UInt, at expire: Int64) -> Bool {
        change { replay_timers_set(&$0, handle, expire) }
    }

    mutating func clear(_ handle: UInt) -> Bool { change { replay_timers_clear(&$0, handle) } }

    mutating func remove(_ handle: UInt) -> Bool {
        guard change({ replay_timers_remove(&$0, handle) }) else { return false }
        entries.removeLast()
        if let place = made.lastIndex(where: { $0.handle == handle }) { made.remove(at: place) }
        return true
    }

    func expire(_ handle: UInt) -> Int64? {
        entries.withUnsafeBufferPointer { entries in
            var list = list
            list.entries = UnsafeMutablePointer(mutating: entries.baseAddress)
            let expire = replay_timers_expire(&list, handle)
            return expire < 0 ? nil : expire
        }
    }

    /// When the next one runs.
    var nearest: Int64? { list.pending > 0 ? entries[0].expire : nil }

    /// Removes the next timer that is due and was set before the run began, so
    /// that a timer that sets itself again doesn't run for ever.
    mutating func takeDue(
        _ now: Int64, before order: UInt64
    ) -> (callback: Callback, opaque: UnsafeMutableRawPointer?)? {
        var due = replay_timer_entry_t()
        guard change({ replay_timers_take_due(&$0, now, order, &due) }), let callback = due.callback else {
            return nil
        }
        return (callback, due.opaque)
    }

    // MARK: Position

    /// A bound on the bytes of ``write(to:)``.
    var mostBytes: Int { 32 &+ entries.count &* 24 }

    /// Those that exist, and when they run: what a position holds.
    func write(to writer: inout ByteWriter) {
        writer.writeVarInt(nextNumber)
        writer.writeVarInt(UInt64(made.count))
        var numbers: [UInt: UInt64] = [:]
        for timer in made {
            writer.writeVarInt(timer.number)
            numbers[timer.handle] = timer.number
        }
        let set = entries.prefix(list.pending)
        writer.writeVarInt(UInt64(set.count))
        for timer in set.sorted(by: { $0.order < $1.order }) {
            writer.writeVarInt(numbers[timer.handle] ?? 0)
            writer.writeUInt64(UInt64(bitPattern: timer.expire))
        }
    }

    /// Sets the timers as the position has them, and removes those that it doesn't know: they were made later.
    ///
    /// - Returns: why that can't be, or nil.
    mutating func load(from reader: inout ByteReader) -> String? {
        let malformed = "its timers can't be read"
        guard let next = reader.readVarInt(), let count = reader.readVarInt(),
            count <= UInt64(reader.remaining)
        else { return malformed }
        let handles = Dictionary(made.map { ($0.number, $0.handle) }, uniquingKeysWith: { first, _ in first })
        var kept: [(number: UInt64, handle: UInt)] = []
        for _ in 0..<count {
            guard let number = reader.readVarInt(), number < next,
                kept.last.map({ $0.number < number }) ?? true
            else { return malformed }
            guard let handle = handles[number] else {
                return "timer \(number) of the position doesn't exist here"
            }
            kept.append((number, handle))
        }
        let known = Set(kept.map(\.handle))
        for timer in made {
            _ = known.contains(timer.handle) ? clear(timer.handle) : remove(timer.handle)
        }
        nextNumber = next
        guard let pending = reader.readVarInt(), pending <= count else { return malformed }
        for _ in 0..<pending {
            guard let number = reader.readVarInt(), let handle = handles[number], known.contains(handle),
                let expire = reader.readUInt64(), set(handle, at: Int64(bitPattern: expire))
            else { return malformed }
        }
        return nil
    }

    /// Separates timers that are set now from those that will be set later.
    var order: UInt64 { list.next_order }

    private mutating func change<Result>(_ body: (inout replay_timers_t) -> Result) -> Result {
        var list = list
        let result = entries.withUnsafeMutableBufferPointer { entries in
            list.entries = entries.baseAddress
            return body(&list)
        }
        list.entries = nil
        self.list = list
        return result
    }
}
