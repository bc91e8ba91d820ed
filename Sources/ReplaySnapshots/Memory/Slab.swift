/// An element of a ``Slab``.
protocol SlabSlot: BitwiseCopyable {
    /// The next free slot, while this one is free.
    var next: UInt32 { get set }
    init()
}

/// Slots with numbers, in one piece of memory that grows. The first ones are never given out: their numbers mean
/// something else.
///
/// A class, because an allocation may release slots of the same slab meanwhile.
final class Slab<Slot: SlabSlot> {
    private let budget: MemoryBudget
    private var slots: UnsafeMutablePointer<Slot>?
    private var capacity = 0
    /// The slots that were ever used.
    private(set) var count: Int
    private var firstFree: UInt32 = 0
    private(set) var freeCount = 0
    let reserved: Int

    init(_ budget: MemoryBudget, reserved: Int) {
        self.budget = budget
        self.reserved = reserved
        count = reserved
    }

    deinit {
        budget.free(slots, bytes)
    }

    /// The memory that it uses.
    var bytes: Int { capacity &* MemoryLayout<Slot>.stride }

    /// Valid until the next slot is added.
    subscript(_ number: UInt32) -> UnsafeMutablePointer<Slot> {
        slots.unsafelyUnwrapped + Int(number)
    }

    /// A new slot; nil if memory runs out.
    func add() -> UInt32? {
        if firstFree == 0 && count >= capacity && !grow() && firstFree == 0 { return nil }
        let number: UInt32
        if firstFree != 0 {
            number = firstFree
            firstFree = self[number].pointee.next
            freeCount &-= 1
        } else {
            number = UInt32(truncatingIfNeeded: count)
            count &+= 1
        }
        self[number].initialize(to: Slot())
        return number
    }

    func remove(_ number: UInt32) {
        self[number].initialize(to: Slot())
        self[number].pointee.next = firstFree
        firstFree = number
        freeCount &+= 1
    }

    private func grow() -> Bool {
        let wanted = max(64, capacity &+ capacity / 2)
        guard wanted < Int(UInt32.max),
            let memory = budget.allocate(wanted &* MemoryLayout<Slot>.stride)
        else { return false }
        let bigger = memory.bindMemory(to: Slot.self, capacity: wanted)
        if let slots {
            bigger.update(from: slots, count: count)
        } else {
            for number in 0..<count { bigger[number] = Slot() }
        }
        budget.free(slots, bytes)
        slots = bigger
        capacity = wanted
        return true
    }
}
