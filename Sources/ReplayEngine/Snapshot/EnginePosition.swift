import ReplayLog
import ReplaySystem

/// A place in a recording with all that the engine knows there: what replay_position_save() writes.
///
/// Little-endian: a head of 16 bytes, "RPOS", the version, the length of the rest, and the lower half of the
/// XXH3 of these; then the rest, the last eight bytes of which are the XXH3 of all before them.
struct EnginePosition {
    static let headSize = 16
    private static let magic: [UInt8] = [0x52, 0x50, 0x4F, 0x53]
    private static let version: UInt32 = 1
    /// The longest rest: a bound on the memory that a damaged head demands.
    static let longest: UInt32 = 1 << 24
    /// The part of it that timers and devices may have.
    static let longestLists = Int(longest) / 2

    var icount: UInt64
    /// Events before it.
    var events: UInt64
    /// The running checksum of the log before it: of which recording it is.
    var chain: UInt64
    var eventsEnabled: Bool
    var digestTaker: DigestTaker
    var devices: DevicePosition
    var state: EngineState
}

extension EnginePosition {
    // MARK: Written

    func encoded() -> (head: [UInt8], body: [UInt8]) {
        var body = ByteWriter()
        for number in [icount, events, chain] { body.writeUInt64(number) }
        body.writeUInt8(eventsEnabled ? 1 : 0)
        body.writeUInt8(digestTaker.rawValue)
        devices.write(to: &body)
        state.write(to: &body)
        body.writeChecksum()
        var head = ByteWriter()
        head.writeBytes(Self.magic)
        head.writeUInt32(Self.version)
        head.writeUInt32(UInt32(truncatingIfNeeded: body.bytes.count))
        head.writeUInt32(Self.check(head.bytes))
        return (head.bytes, body.bytes)
    }

    // MARK: Read

    /// The length of the body; nil if this isn't the head of a position of this version.
    static func bodyLength(_ head: UnsafeRawBufferPointer) -> Int? {
        var reader = ByteReader(head)
        guard let magic = reader.readBytes(Self.magic.count), magic.elementsEqual(Self.magic),
            reader.readUInt32() == Self.version, let length = reader.readUInt32(), length >= 8,
            length <= longest, reader.readUInt32() == check(head.prefix(headSize - 4))
        else { return nil }
        return Int(length)
    }

    private static func check(_ head: some Sequence<UInt8>) -> UInt32 {
        UInt32(truncatingIfNeeded: Array(head).withUnsafeBytes { Checksum.xxh3($0) })
    }

    /// - Parameter timers: those of this run, which the position only sets.
    init(body: UnsafeRawBufferPointer, timers: TimerList) throws(ReplayError) {
        var reader = ByteReader(body)
        guard let all = reader.readBytes(body.count - 8), reader.readChecksum() else {
            throw Self.error("it is damaged")
        }
        reader = ByteReader(all)
        guard let icount = reader.readUInt64(), let events = reader.readUInt64(),
            let chain = reader.readUInt64(), let eventsEnabled = reader.readBool(),
            let digestTaker = reader.readUInt8().flatMap({ DigestTaker(rawValue: $0) }),
            let devices = DevicePosition(reading: &reader)
        else { throw Self.error("it is damaged") }
        self.icount = icount
        self.events = events
        self.chain = chain
        self.eventsEnabled = eventsEnabled
        self.digestTaker = digestTaker
        self.devices = devices
        state = EngineState()
        state.timers = timers
        try state.read(from: &reader)
        guard reader.remaining == 0 else { throw Self.error("it is damaged") }
    }

    /// Makes the bytes of a position one of a log that has the same events up to there. False: they aren't a position.
    static func setChain(_ chain: UInt64, in engine: UnsafeMutableRawBufferPointer) -> Bool {
        guard engine.count >= headSize &+ 32 else { return false }
        let body = UnsafeMutableRawBufferPointer(rebasing: engine[headSize...])
        let end = body.count &- 8
        body.storeBytes(of: chain.littleEndian, toByteOffset: 16, as: UInt64.self)
        let checksum = Checksum.xxh3(UnsafeRawBufferPointer(rebasing: body[..<end]))
        body.storeBytes(of: checksum.littleEndian, toByteOffset: end, as: UInt64.self)
        return true
    }

    static func error(_ reason: String) -> ReplayError {
        ReplayError(.position, "the position can't be loaded: \(reason)")
    }
}

extension EngineState {
    // Both lists follow the properties; change them together. Pauses are of this process, and not written.

    fileprivate func write(to writer: inout ByteWriter) {
        for number in [
            unorderedEvents, UInt64(bitPattern: hostClock), UInt64(bitPattern: virtualRTClock),
            nextBottomHalf, nextBlockRequest, unwrittenBlockRequests, flushPlace.number, flushPlace.icount,
            flushPlace.events, nextDigest, shutdownIcount,
        ] { writer.writeUInt64(number) }
        writer.writeUInt8(flushPlace.isIdle ? 1 : 0)
        writer.writeUInt32(UInt32(bitPattern: shutdownCause.rawValue))
        clock.write(to: &writer)
        timers.write(to: &writer)
    }

    fileprivate mutating func read(from reader: inout ByteReader) throws(ReplayError) {
        var numbers: [UInt64] = []
        for _ in 0..<11 {
            guard let number = reader.readUInt64() else { throw EnginePosition.error("it is damaged") }
            numbers.append(number)
        }
        guard let isIdle = reader.readBool(),
            let cause = reader.readUInt32().flatMap({ ShutdownCause(rawValue: Int32(bitPattern: $0)) }),
            let clock = VirtualClock(reading: &reader)
        else { throw EnginePosition.error("it is damaged") }
        unorderedEvents = numbers[0]
        hostClock = Int64(bitPattern: numbers[1])
        virtualRTClock = Int64(bitPattern: numbers[2])
        nextBottomHalf = numbers[3]
        nextBlockRequest = numbers[4]
        unwrittenBlockRequests = numbers[5]
        flushPlace = FlushPlace(number: numbers[6], icount: numbers[7], events: numbers[8], isIdle: isIdle)
        nextDigest = numbers[9]
        shutdownIcount = numbers[10]
        shutdownCause = cause
        self.clock = clock
        if let reason = timers.load(from: &reader) { throw EnginePosition.error(reason) }
    }
}
