import ReplaySystem

/// What each chunk gives.
extension SalvageSearch {
    /// False: the chunk isn't good.
    mutating func take(_ header: ChunkHeader, _ offset: UInt64) throws(LogError) -> Bool {
        do throws(LogError) {
            try chunks.read(header, at: offset, into: buffer)
        } catch {
            if error.code == .damaged { return false }
            throw error
        }
        let bytes = UnsafeRawBufferPointer(start: buffer.start, count: Int(header.rawLength))
        let range = offset..<header.end(from: offset)
        switch header.kind {
        case .metadata: return takeMetadata(header, bytes, range)
        case .events: return try takeEvents(header, bytes, range)
        case .index:
            guard let found = LogIndex(decoding: bytes, version: chunks.version) else { return false }
            let checksums = found.entries.compactMap(\.checksum)
            if !checksums.isEmpty { index = Set(checksums) }
            indexedEvents = header.firstEvent
        case .end:
            guard let found = LogEnd(decoding: bytes), found.eventCount == header.firstEvent else {
                return false
            }
            end = found
            endOfLog = range.upperBound
        case .gap:
            // What is missing shows in the numbers of the chunks around it.
            guard LogGap(decoding: bytes, header) != nil else { return false }
        }
        understood.append(range)
        return true
    }

    private mutating func takeMetadata(
        _ header: ChunkHeader, _ bytes: UnsafeRawBufferPointer, _ range: Range<UInt64>
    ) -> Bool {
        guard let (_, kinds) = LogMetadata.decode(bytes), header.sequence == 0, metadata == nil else {
            return false
        }
        for kind in EventKind.allCases {
            if let entry = kinds.entry(kind.rawValue), entry.layout != kind.layout.description {
                return false
            }
        }
        metadata = Array(bytes)
        metadataChecksum = header.checksum
        self.kinds = kinds
        setKinds(kinds)
        understood.append(range)
        return true
    }

    /// Decodes all events: whoever changed a chunk may have corrected its checksums.
    private mutating func takeEvents(
        _ header: ChunkHeader, _ bytes: UnsafeRawBufferPointer, _ range: Range<UInt64>
    ) throws(LogError) -> Bool {
        guard let start = bytes.baseAddress,
            !header.firstEvent.addingReportingOverflow(UInt64(header.eventCount)).overflow
        else { return false }
        if header.sequence == 1 {
            doubtsMetadata = header.link != ChunkHeader.link(metadataChecksum, version: chunks.version)
        }
        let before = pieces.last.map(\.chain) ?? RunningChecksum.seed
        var decoded = decode(start, bytes.count, header, before)
        if decoded == nil, doubtsMetadata, metadata != nil {
            // Perhaps their table of kinds was changed.
            setKinds(.own)
            decoded = decode(start, bytes.count, header, before)
            if decoded != nil { metadata = nil } else { setKinds(kinds) }
        }
        guard let (icount, chain) = decoded else { return false }
        guard pieces.makeRoom() else { throw LogError.system(.noMemory, "read", chunks.path) }
        pieces.append(
            SalvagedPiece(
                source: .chunk(header, range), sequence: header.sequence, firstEvent: header.firstEvent,
                firstIcount: header.firstIcount, eventCount: header.eventCount, endIcount: icount,
                chain: header.chain,
                chainBefore: chunks.version == 1 && chain == header.chain ? before : nil,
                checksum: header.checksum))
        return true
    }

    /// Icount and, in format 1, the running checksum after the events; nil: they aren't events.
    private mutating func decode(
        _ start: UnsafeRawPointer, _ count: Int, _ header: ChunkHeader, _ before: UInt64
    ) -> (icount: UInt64, chain: UInt64)? {
        decoder.begin(
            start, count: count, firstEvent: header.firstEvent, firstIcount: header.firstIcount,
            eventCount: UInt64(header.eventCount))
        var (icount, chain) = (header.firstIcount, before)
        while decoder.remaining > 0 {
            let event = decoder.cursor
            guard decoder.skip(), decoder.icount >= icount else { return nil }
            icount = decoder.icount
            if chunks.version == 1 {
                chain = RunningChecksum.fold(chain, event: event, count: decoder.cursor - event)
            }
        }
        return decoder.cursor == decoder.end ? (icount, chain) : nil
    }

    mutating func setKinds(_ table: KindTable) {
        chunks.kinds = table
        decoder.deallocate()
        decoder = EventDecoder(table)
    }

    /// Of a whole log it follows the end.
    mutating func takeTrailer() throws(LogError) {
        guard let place = endOfLog, place <= chunks.size else { return }
        let bytes = try chunks.bytes(at: place, count: FileTrailer.size)
        if bytes.withUnsafeBytes({ FileTrailer(decoding: $0) }) != nil {
            understood.append(place..<place &+ UInt64(FileTrailer.size))
            hasTrailer = true
        }
    }
}
