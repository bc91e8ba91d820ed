import ReplayLog

/// Finds how long an event is: the only part of the reader that knows the payloads' structure.
struct QEMUMeasure {
    /// The longest event that is read: a longer one is taken for damage. Bounds the reader's memory.
    static let longestEvent = 1 << 26

    /// How long a kind's payload is.
    private enum Shape: UInt8 {
        case unknown
        case fixed
        /// Some bytes, then a length and that many bytes.
        case array
        case input
        case audioIn
    }

    private let format: QEMUFormat
    /// By the number in the file: kind, shape, and a length that the shape needs.
    private let table: UnsafeMutablePointer<(kind: UInt8, shape: UInt8, length: UInt8)>

    init(_ format: QEMUFormat) {
        self.format = format
        table = .allocate(capacity: 256)
        for number in UInt8.min...UInt8.max {
            let kind = format.kind(number)
            let (shape, length) = kind.map(QEMUMeasure.shape) ?? (.unknown, 0)
            (table + Int(number)).initialize(to: (kind?.rawValue ?? 0, shape.rawValue, length))
        }
    }

    func deallocate() {
        table.deallocate()
    }

    private static func shape(_ kind: QEMUKind) -> (Shape, UInt8) {
        switch kind {
        case .instruction, .charReadAllError: (.fixed, 4)
        case .bottomHalf, .bottomHalfOneshot, .block, .charWrite, .audioOut, .clockHost, .clockVirtualRT:
            (.fixed, 8)
        case .input: (.input, 0)
        case .charRead: (.array, 1)
        case .net: (.array, 5)
        case .charReadAll: (.array, 0)
        case .audioIn: (.audioIn, 0)
        case .random: (.array, 4)
        default: (.fixed, 0)  // interrupts, shutdowns, checkpoints, the end
        }
    }

    /// The kind of an event that begins with this byte.
    @inline(__always)
    func kind(_ number: UInt8) -> QEMUKind { QEMUKind(rawValue: table[Int(number)].kind) }

    /// The length of the event at `place`, of whose bytes `available` are there. More than `available`: at least
    /// that many are needed to know. Nil: it isn't an event.
    @inline(__always)
    func length(_ place: UnsafeRawPointer, available: Int) -> Int? {
        let entry = table[Int(place.load(as: UInt8.self))]
        if entry.shape == Shape.fixed.rawValue { return 1 &+ Int(entry.length) }
        return structuredLength(place, available, entry.shape, Int(entry.length))
    }

    @inline(never)
    private func structuredLength(_ place: UnsafeRawPointer, _ available: Int, _ shape: UInt8, _ length: Int)
        -> Int?
    {
        switch Shape(rawValue: shape) {
        case .array:
            let least = 1 &+ length &+ 4
            guard available >= least else { return least }
            let total = least &+ Int(BigEndian.uint32(place + (1 &+ length)))
            return total <= QEMUMeasure.longestEvent ? total : nil
        case .input: return inputLength(place, available)
        case .audioIn:
            let least = format.payloads == .c ? 17 : 9
            guard available >= least else { return least }
            let samples = BigEndian.uint64(place + 1)
            guard samples <= UInt64(QEMUMeasure.longestEvent / 16) else { return nil }
            return least &+ 16 &* Int(truncatingIfNeeded: samples)
        case .unknown, .fixed, nil: return nil
        }
    }

    private func inputLength(_ place: UnsafeRawPointer, _ available: Int) -> Int? {
        guard available >= 5 else { return 5 }
        switch QEMUInput.Kind(rawValue: BigEndian.uint32(place + 1)) {
        case .key where format.payloads == .e: return boolEnds(place, 10, available)
        case .key:
            guard available >= 9 else { return 9 }
            switch BigEndian.uint32(place + 5) {
            case 0: return boolEnds(place, 18, available)
            case 1: return boolEnds(place, 14, available)
            default: return nil
            }
        case .button: return boolEnds(place, 10, available)
        case .relative, .absolute: return 17
        case .multiTouch: return 37
        case nil: return nil
        }
    }

    /// The length of an event whose last byte must be 0 or 1.
    private func boolEnds(_ place: UnsafeRawPointer, _ length: Int, _ available: Int) -> Int? {
        available >= length && place.load(fromByteOffset: length &- 1, as: UInt8.self) > 1 ? nil : length
    }
}

/// Numbers in QEMU's logs. The bytes must be readable.
enum BigEndian {
    @inline(__always)
    static func uint32(_ place: UnsafeRawPointer) -> UInt32 {
        UInt32(bigEndian: place.loadUnaligned(as: UInt32.self))
    }

    @inline(__always)
    static func uint64(_ place: UnsafeRawPointer) -> UInt64 {
        UInt64(bigEndian: place.loadUnaligned(as: UInt64.self))
    }
}
