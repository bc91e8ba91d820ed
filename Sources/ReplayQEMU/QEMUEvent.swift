import ReplayLog

/// One event of a log of QEMU's.
package struct QEMUEvent {
    package var kind = QEMUKind.end
    /// The number of guest instructions at the event. An INSTRUCTION's own are counted.
    package var icount: UInt64 = 0
    /// The event's number in the log, from 0.
    package var index: UInt64 = 0
    /// Where it begins in the file.
    package var offset: UInt64 = 0
    /// What follows the byte of the kind, whole. Valid until the reader's next call.
    package var payload = UnsafeRawBufferPointer(start: nil, count: 0)
    package var payloads = QEMUFormat.Payloads.c

    package init() {}

    /// The length of the whole event in the file.
    package var length: Int { payload.count &+ 1 }

    // MARK: Fields

    /// INSTRUCTION: the instructions since the last event.
    package var instructions: UInt32 { uint32(0) }

    /// BH, BH_ONESHOT: the icount when it was scheduled. BLOCK: the request.
    package var id: UInt64 { uint64(0) }

    /// CHAR_READ: the character device. NET: the adapter.
    package var device: UInt8 { payload.first ?? 0 }

    package var netFlags: UInt32 { uint32(1) }

    /// CHAR_WRITE, RANDOM: what the call returned. CHAR_READ_ALL_ERROR: the error.
    package var result: Int32 { Int32(bitPattern: uint32(0)) }

    package var writtenOffset: Int32 { Int32(bitPattern: uint32(4)) }

    /// Nanoseconds.
    package var clockValue: Int64 { Int64(bitPattern: uint64(0)) }

    /// AUDIO_OUT: samples played. AUDIO_IN: samples recorded.
    package var samples: UInt64 { uint64(0) }

    /// AUDIO_IN: the place in the host's ring; nil: this format has none.
    package var writePosition: UInt64? { payloads == .c ? uint64(8) : nil }

    package var input: QEMUInput? {
        let values = UnsafeRawBufferPointer(rebasing: payload.dropFirst(4))
        return QEMUInput.Kind(rawValue: uint32(0)).map {
            QEMUInput(kind: $0, values: values, payloads: payloads)
        }
    }

    /// The bytes of an array, or the pairs of samples as they are in the file.
    package var bytes: UnsafeRawBufferPointer {
        let before: Int
        switch kind {
        case .charRead: before = 5
        case .net: before = 9
        case .charReadAll: before = 4
        case .random: before = 8
        case .audioIn: before = payloads == .c ? 16 : 8
        default: return UnsafeRawBufferPointer(start: nil, count: 0)
        }
        return UnsafeRawBufferPointer(rebasing: payload.dropFirst(before))
    }

    private func uint32(_ offset: Int) -> UInt32 { payload.bigEndian(offset, UInt32.self) }
    private func uint64(_ offset: Int) -> UInt64 { payload.bigEndian(offset, UInt64.self) }
}

/// An input event.
package struct QEMUInput {
    package enum Kind: UInt32, Sendable {
        case key = 0
        case button = 1
        case relative = 2
        case absolute = 3
        case multiTouch = 4
    }

    /// How a key is named.
    package enum Key: Equatable, Sendable {
        case number(UInt64)
        case qcode(UInt32)
        case linux(UInt32)
    }

    package var kind: Kind
    /// What follows the kind.
    var values: UnsafeRawBufferPointer
    var payloads: QEMUFormat.Payloads

    package var key: Key? {
        guard kind == .key else { return nil }
        if payloads == .e { return .linux(values.bigEndian(0, UInt32.self)) }
        return values.bigEndian(0, UInt32.self) == 0
            ? .number(values.bigEndian(4, UInt64.self)) : .qcode(values.bigEndian(4, UInt32.self))
    }

    package var button: UInt32 { values.bigEndian(0, UInt32.self) }

    /// Is the key or button pressed, and not released?
    package var isDown: Bool { values.last == 1 }

    package var axis: UInt32 { values.bigEndian(kind == .multiTouch ? 20 : 0, UInt32.self) }
    package var value: Int64 { values.bigEndian(kind == .multiTouch ? 24 : 4, Int64.self) }
    package var touch: UInt32 { values.bigEndian(0, UInt32.self) }
    package var slot: Int64 { values.bigEndian(4, Int64.self) }
    package var trackingID: Int64 { values.bigEndian(12, Int64.self) }
}

extension UnsafeRawBufferPointer {
    /// 0 if the buffer is too short.
    fileprivate func bigEndian<Number: FixedWidthInteger & BitwiseCopyable>(_ offset: Int, _: Number.Type)
        -> Number
    {
        guard count &- offset >= MemoryLayout<Number>.size else { return 0 }
        return Number(bigEndian: loadUnaligned(fromByteOffset: offset, as: Number.self))
    }
}
