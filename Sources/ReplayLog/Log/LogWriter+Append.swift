import Glibc
import ReplaySystem

// Each returns whether the event is in the log. False: the log is dead or closed (`failure`), or the event
// was refused (`refusal`).

extension LogWriter {
    /// Appends an event without a payload.
    package func append(_ kind: EventKind, _ role: ThreadRole, _ icount: UInt64) -> Bool {
        encoder.pointee.put(UInt64(kind.rawValue), role, icount)
            || appendSlowly(kind, role, icount, 0)
    }

    /// Appends a reading of a clock.
    package func appendClock(_ kind: EventKind, _ role: ThreadRole, _ icount: UInt64, _ value: Int64) -> Bool
    {
        encoder.pointee.putClock(UInt64(kind.rawValue), role, icount, value)
            || appendSlowly(kind, role, icount, value)
    }

    /// Appends an event with fields.
    @inlinable
    package func append(_ event: EventFields, _ role: ThreadRole, _ icount: UInt64) -> Bool {
        append(
            event.kind, role, icount, event.a, event.b, event.c, event.d, event.e, event.f,
            bytes: event.bytes)
    }

    /// Appends any event: its integers in the order of its layout, then its bytes.
    @inlinable
    package func append(
        _ kind: EventKind, _ role: ThreadRole, _ icount: UInt64, _ a: Int64, _ b: Int64 = 0, _ c: Int64 = 0,
        _ d: Int64 = 0, _ e: Int64 = 0, _ f: Int64 = 0,
        bytes: UnsafeRawBufferPointer = .init(start: nil, count: 0)
    ) -> Bool {
        bytes.isEmpty
            ? appendFields(kind, role, icount, a, b, c, d, e, f)
            : appendBytes(kind, role, icount, a, b, c, d, e, f, bytes)
    }

    /// Few arguments, so that they fit registers.
    @inline(never)
    private func appendSlowly(_ kind: EventKind, _ role: ThreadRole, _ icount: UInt64, _ a: Int64) -> Bool {
        appendFields(kind, role, icount, a, 0, 0, 0, 0, 0)
    }

    /// Appends an event field by field, without bytes.
    @inline(never)
    package func appendFields(
        _ kind: EventKind, _ role: ThreadRole, _ icount: UInt64, _ a: Int64, _ b: Int64, _ c: Int64,
        _ d: Int64,
        _ e: Int64, _ f: Int64
    ) -> Bool {
        let encoder = self.encoder
        if encoder.pointee.needsRoom(icount) && !makeRoom(icount) { return false }
        encoder.pointee.putLong(kind, role, icount, a, b, c, d, e, f)
        return true
    }

    /// Appends an event whose kind takes bytes.
    package func appendBytes(
        _ kind: EventKind, _ role: ThreadRole, _ icount: UInt64, _ a: Int64, _ b: Int64, _ c: Int64,
        _ d: Int64,
        _ e: Int64, _ f: Int64, _ bytes: UnsafeRawBufferPointer
    ) -> Bool {
        appendBytes(kind, role, icount, a, b, c, d, e, f, count: bytes.count) { target in
            target.copyMemory(from: bytes)
        }
    }

    /// The same with bytes in several pieces.
    package func append(
        _ kind: EventKind, _ role: ThreadRole, _ icount: UInt64, _ a: Int64, _ b: Int64 = 0, _ c: Int64 = 0,
        _ d: Int64 = 0, _ e: Int64 = 0, _ f: Int64 = 0, pieces: UnsafeBufferPointer<iovec>
    ) -> Bool {
        var count = 0
        for piece in pieces where piece.iov_base != nil {
            let (sum, overflow) = count.addingReportingOverflow(Int(truncatingIfNeeded: piece.iov_len))
            if overflow || sum < count { return refuse(Int.max) }
            count = sum
        }
        return appendBytes(kind, role, icount, a, b, c, d, e, f, count: count) { target in
            var place = target.baseAddress
            for piece in pieces {
                guard let start = piece.iov_base, let to = place else { continue }
                let length = Int(truncatingIfNeeded: piece.iov_len)
                to.copyMemory(from: start, byteCount: length)
                place = to + length
            }
        }
    }

    /// The longest event, head and bytes.
    private static let longestEvent = Int(Int32.max)

    private func appendBytes(
        _ kind: EventKind, _ role: ThreadRole, _ icount: UInt64, _ a: Int64, _ b: Int64, _ c: Int64,
        _ d: Int64,
        _ e: Int64, _ f: Int64, count: Int, copy: (UnsafeMutableRawBufferPointer) -> Void
    ) -> Bool {
        guard takesBytes(kind), count <= LogWriter.longestEvent &- EventEncoder.longestHead else {
            return refuse(count)
        }
        let encoder = self.encoder
        if encoder.pointee.needsRoom(icount) && !makeRoom(icount) { return false }
        let head = encoder.pointee.encodeHead(
            at: scratch, kind, role, icount, a, b, c, d, e, f, byteCount: count)
        let headLength = UnsafeRawPointer(head) - UnsafeRawPointer(scratch)
        let total = headLength &+ count
        if total > live.layout.capacity { return appendOversize(headLength, count, icount, copy) }
        if encoder.pointee.offset &+ total > live.layout.capacity && !nextSegment() { return false }
        let start = encoder.pointee.cursor
        start.copyMemory(from: scratch, byteCount: headLength)
        copy(UnsafeMutableRawBufferPointer(start: start + headLength, count: count))
        encoder.pointee.commit(through: start + total, icount)
        return true
    }

    /// Writes an event that is longer than a segment as a chunk of its own.
    private func appendOversize(
        _ headLength: Int, _ count: Int, _ icount: UInt64, _ copy: (UnsafeMutableRawBufferPointer) -> Void
    ) -> Bool {
        let total = headLength &+ count
        let buffer = RawBuffer()
        guard buffer.reserve(total), let start = buffer.start else { return refuse(count, .noMemory) }
        start.copyMemory(from: scratch, byteCount: headLength)
        copy(UnsafeMutableRawBufferPointer(start: start + headLength, count: count))
        if encoder.pointee.eventCount != segment.firstEvent && !nextSegment() { return false }
        guard giveMetadata() else { return false }
        let check = RunningChecksum.fold(encoder.pointee.check, event: UnsafeRawPointer(start), count: total)
        let description = SegmentDescription(
            header: segment, eventCount: 1, length: total, lastIcount: icount, chain: check)
        stalls &+= 1
        sealer.wait(for: sealer.submit(.oversize(UnsafeRawPointer(start), description)))
        if let reason = sealer.takeRefusal() {
            refusal = reason
            return false
        }
        if sealer.failure != nil { return die() }
        encoder.pointee.noteDirect(check, icount)
        noteDirect(length: total)
        live.markFree(current)
        activate(current)
        return true
    }

    /// A kind without a `b` field can't have bytes.
    private func takesBytes(_ kind: EventKind) -> Bool {
        var layout = encoder.pointee.layouts[Int(kind.rawValue & 63)]
        while layout != 0 {
            if layout & 15 == EventLayout.Field.bytes.rawValue { return true }
            layout &>>= 4
        }
        return false
    }

    private func refuse(_ count: Int, _ code: LogError.Code = .tooLarge) -> Bool {
        let reason = code == .noMemory ? ": not enough memory" : ""
        refusal = LogError(
            code, "an event with \(count) bytes can't be written to \(path)\(reason)", eventIndex: eventCount,
            icount: lastIcount)
        return false
    }
}
