/// An event to be written: its kind, and the fields of that kind by name.
///
/// ``Event`` has the mirror: the same fields, read. Both lists follow ``EventKind/layout``; change them together.
package struct EventFields {
    package let kind: EventKind
    package let a: Int64
    package let b: Int64
    package let c: Int64
    package let d: Int64
    package let e: Int64
    package let f: Int64
    package let bytes: UnsafeRawBufferPointer

    @inlinable
    init(
        _ kind: EventKind, _ a: Int64 = 0, _ b: Int64 = 0, _ c: Int64 = 0, _ d: Int64 = 0, _ e: Int64 = 0,
        _ f: Int64 = 0, bytes: UnsafeRawBufferPointer = .init(start: nil, count: 0)
    ) {
        self.kind = kind
        (self.a, self.b, self.c, self.d, self.e, self.f) = (a, b, c, d, e, f)
        self.bytes = bytes
    }
}

/// The fields of an input event.
package struct InputFields: Equatable, Sendable {
    /// The port and the device that it comes from.
    package struct Origin: Equatable, Sendable {
        package var port: UInt32
        package var device: UInt32

        package init(port: UInt32, device: UInt32) {
            self.port = port
            self.device = device
        }
    }

    /// What kind of input, as the public header numbers it.
    package var kind: Int64
    /// Nil: an event of the kind INPUT, which has no origin.
    package var origin: Origin?
    package var code: Int64
    package var axis: Int32
    package var slot: Int32
    package var trackingID: Int64
    package var value: Int64

    package init(
        kind: Int64, origin: Origin?, code: Int64, axis: Int32, slot: Int32, trackingID: Int64, value: Int64
    ) {
        self.kind = kind
        self.origin = origin
        self.code = code
        self.axis = axis
        self.slot = slot
        self.trackingID = trackingID
        self.value = value
    }
}

// MARK: Written

extension EventFields {
    @inlinable
    package static func bottomHalf(_ id: UInt64, oneshot: Bool) -> EventFields {
        EventFields(oneshot ? .bottomHalfOneshot : .bottomHalf, Int64(bitPattern: id))
    }

    @inlinable
    package static func block(request: UInt64, result: Int32 = 0) -> EventFields {
        EventFields(.block, Int64(bitPattern: request), Int64(result))
    }

    /// A read whose data isn't in the log.
    @inlinable
    package static func blockRead(request: UInt64, result: Int32, dataDigest: UInt64) -> EventFields {
        EventFields(.blockRead, Int64(bitPattern: request), Int64(result), Int64(bitPattern: dataDigest))
    }

    @inlinable
    package static func blockData(request: UInt64, result: Int32, _ data: UnsafeRawBufferPointer)
        -> EventFields
    {
        EventFields(.blockData, Int64(bitPattern: request), Int64(result), bytes: data)
    }

    @inlinable
    package static func charRead(device: Int, _ bytes: UnsafeRawBufferPointer) -> EventFields {
        EventFields(.charRead, Int64(device), bytes: bytes)
    }

    @inlinable
    package static func charRegister(device: Int) -> EventFields {
        EventFields(.charRegister, Int64(device))
    }

    @inlinable
    package static func net(filter: Int, flags: UInt32, _ packet: UnsafeRawBufferPointer) -> EventFields {
        EventFields(.net, Int64(filter), Int64(flags), bytes: packet)
    }

    @inlinable
    package static func charWrite(result: Int32, offset: Int32) -> EventFields {
        EventFields(.charWrite, Int64(result), Int64(offset))
    }

    @inlinable
    package static func charReadAll(_ bytes: UnsafeRawBufferPointer) -> EventFields {
        EventFields(.charReadAll, bytes: bytes)
    }

    @inlinable
    package static func charReadAllError(_ result: Int32) -> EventFields {
        EventFields(.charReadAllError, Int64(result))
    }

    @inlinable
    package static func random(result: Int32, _ bytes: UnsafeRawBufferPointer) -> EventFields {
        EventFields(.random, Int64(result), bytes: bytes)
    }

    @inlinable
    package static func shutdown(cause: Int32) -> EventFields {
        EventFields(.shutdown, Int64(cause))
    }

    @inlinable
    package static func audioOut(samples: Int) -> EventFields {
        EventFields(.audioOut, Int64(samples))
    }

    /// Samples from a microphone; with the place where a host that has a ring puts them, if `position` isn't nil.
    @inlinable
    package static func audioIn(samples: Int, position: Int?, _ bytes: UnsafeRawBufferPointer)
        -> EventFields
    {
        guard let position else { return EventFields(.audioIn, Int64(samples), bytes: bytes) }
        return EventFields(.audioInAt, Int64(samples), Int64(position), bytes: bytes)
    }

    @inlinable
    package static func digest(_ digest: UInt64) -> EventFields {
        EventFields(.digest, Int64(bitPattern: digest))
    }

    @inlinable
    package static func hostDigest(_ digest: UInt64) -> EventFields {
        EventFields(.hostDigest, Int64(bitPattern: digest))
    }

    @inlinable
    package static func flush(number: UInt64, call: Int64) -> EventFields {
        EventFields(.flush, Int64(bitPattern: number), call)
    }

    /// The kind, and with an origin the port above it and the device above that.
    package static func input(_ input: InputFields) -> EventFields {
        var head = input.kind
        if let origin = input.origin { head |= Int64(origin.port) << 8 | Int64(origin.device) << 24 }
        return EventFields(
            input.origin == nil ? .input : .inputFrom, head, input.code, Int64(input.axis),
            Int64(input.slot), input.trackingID, input.value)
    }
}

// MARK: Read

// Each is of use for the kinds that its comment names, and says nothing about an event of another kind.
extension Event {
    /// BOTTOM_HALF, BOTTOM_HALF_ONESHOT: its number.
    package var bottomHalf: UInt64 { UInt64(bitPattern: a) }

    /// BLOCK, BLOCK_READ, BLOCK_DATA: the request's number.
    package var request: UInt64 { UInt64(bitPattern: a) }

    /// BLOCK, BLOCK_READ, BLOCK_DATA: 0 or more, or a negative errno.
    package var requestResult: Int32 { Int32(truncatingIfNeeded: b) }

    /// BLOCK_READ: the digest of the data that was read.
    package var dataDigest: UInt64 { UInt64(bitPattern: c) }

    /// CHAR_READ, CHAR_REGISTER: the number of the character device.
    package var device: Int { Int(truncatingIfNeeded: a) }

    /// NET: the number of the network filter.
    package var filter: Int { Int(truncatingIfNeeded: a) }

    /// NET: the packet's flags.
    package var netFlags: UInt32 { UInt32(truncatingIfNeeded: b) }

    /// CHAR_WRITE, CHAR_READ_ALL_ERROR, RANDOM: what the call returned.
    package var result: Int32 { Int32(truncatingIfNeeded: a) }

    /// CHAR_WRITE: how far the host's buffer was written.
    package var writtenOffset: Int32 { Int32(truncatingIfNeeded: b) }

    /// SHUTDOWN: as the public header numbers the causes.
    package var shutdownCause: Int32 { Int32(truncatingIfNeeded: a) }

    /// AUDIO_OUT, AUDIO_IN, AUDIO_IN_AT: the number of samples; negative if it is above 2^63-1.
    package var samples: Int { Int(truncatingIfNeeded: a) }

    /// AUDIO_IN_AT: the position in the host's ring; negative if it is above 2^63-1.
    package var position: Int { Int(truncatingIfNeeded: b) }

    /// CLOCK_HOST, CLOCK_VIRTUAL_RT: nanoseconds.
    @inlinable public var clockValue: Int64 { a }

    /// DIGEST, HOST_DIGEST: the digest of the machine's or the host's state.
    package var digest: UInt64 { UInt64(bitPattern: a) }

    /// FLUSH: the number of the flush that delivers the events after it.
    package var flushNumber: UInt64 { UInt64(bitPattern: a) }

    /// FLUSH: what the host called that flushed.
    package var flushCall: Int64 { b }

    /// INPUT, INPUT_FROM; nil if no library writes such a head.
    package var input: InputFields? {
        guard a >> 56 == 0 else { return nil }
        let hasOrigin = kind == EventKind.inputFrom.rawValue
        let origin = InputFields.Origin(
            port: UInt32(truncatingIfNeeded: a >> 8 & 0xffff), device: UInt32(truncatingIfNeeded: a >> 24))
        return InputFields(
            kind: hasOrigin ? a & 0xff : a, origin: hasOrigin ? origin : nil, code: b,
            axis: Int32(truncatingIfNeeded: c), slot: Int32(truncatingIfNeeded: d), trackingID: e, value: f)
    }
}
