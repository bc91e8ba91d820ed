import ReplayLog
import ReplaySystem

/// What a snapshot has besides RAM: its name, the engine's state, requests that were under way, the host's state.
///
/// Little-endian: the lengths of the first three, in four bytes each; then all four.
struct SnapshotState {
    private static let headBytes = 12

    var name: UnsafeRawBufferPointer
    var engine: UnsafeRawBufferPointer
    var requests: UnsafeRawBufferPointer
    var host: UnsafeRawBufferPointer

    /// Nil: it is damaged.
    init?(_ bytes: UnsafeRawBufferPointer) {
        var reader = ByteReader(bytes)
        guard let nameLength = reader.readUInt32(), let engineLength = reader.readUInt32(),
            let requestsLength = reader.readUInt32(), let name = reader.readBytes(Int(nameLength)),
            let engine = reader.readBytes(Int(engineLength)),
            engineLength > EnginePosition.headSize, let requests = reader.readBytes(Int(requestsLength)),
            let host = reader.readBytes(reader.remaining)
        else { return nil }
        (self.name, self.engine, self.requests, self.host) = (name, engine, requests, host)
    }

    /// All except the host's. Nil: memory runs out, or it is too long.
    static func begin(_ name: String?, _ position: EnginePosition, _ requests: [PendingRequest]) -> [UInt8]? {
        let (head, body) = position.encoded()
        let name = name?.fileBytes ?? []
        let engine = head.count &+ body.count
        var state: [UInt8] = []
        let requestBytes = PendingRequest.byteCount(requests)
        guard requestBytes <= Int(UInt32.max),
            state.makeRoom(for: headBytes &+ name.count &+ engine &+ requestBytes)
        else { return nil }
        for length in [name.count, engine, requestBytes] {
            withUnsafeBytes(of: UInt32(truncatingIfNeeded: length).littleEndian) { state += $0 }
        }
        state += name
        state += head
        state += body
        PendingRequest.write(requests, to: &state)
        return state
    }

    /// Makes it one of a log that has the same events up to there. False: it is damaged.
    static func setChain(_ chain: UInt64, in state: UnsafeMutableRawBufferPointer) -> Bool {
        guard let parts = SnapshotState(UnsafeRawBufferPointer(state)), let start = state.baseAddress,
            let engine = parts.engine.baseAddress
        else { return false }
        let first = engine - UnsafeRawPointer(start)
        return EnginePosition.setChain(
            chain, in: UnsafeMutableRawBufferPointer(rebasing: state[first..<first + parts.engine.count]))
    }

    func position(_ timers: TimerList) throws(ReplayError) -> EnginePosition {
        try EnginePosition(
            body: UnsafeRawBufferPointer(rebasing: engine.dropFirst(EnginePosition.headSize)), timers: timers)
    }
}
