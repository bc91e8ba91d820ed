import ReplayLog
import ReplaySystem

/// What a snapshot has besides RAM: its name, the engine's state, the host's.
///
/// Little-endian: the lengths of the first two, in four bytes each; then all three.
struct SnapshotState {
    private static let headBytes = 8

    var name: UnsafeRawBufferPointer
    var engine: UnsafeRawBufferPointer
    var host: UnsafeRawBufferPointer

    /// Nil: it is damaged.
    init?(_ bytes: UnsafeRawBufferPointer) {
        var reader = ByteReader(bytes)
        guard let nameLength = reader.readUInt32(), let engineLength = reader.readUInt32(),
            let name = reader.readBytes(Int(nameLength)), let engine = reader.readBytes(Int(engineLength)),
            engineLength > EnginePosition.headSize, let host = reader.readBytes(reader.remaining)
        else { return nil }
        (self.name, self.engine, self.host) = (name, engine, host)
    }

    /// All except the host's. Nil: memory runs out.
    static func begin(_ name: String?, _ position: EnginePosition) -> [UInt8]? {
        let (head, body) = position.encoded()
        let name = name?.fileBytes ?? []
        let engine = head.count &+ body.count
        var state: [UInt8] = []
        guard state.makeRoom(for: headBytes &+ name.count &+ engine) else { return nil }
        for length in [name.count, engine] {
            withUnsafeBytes(of: UInt32(truncatingIfNeeded: length).littleEndian) { state += $0 }
        }
        state += name
        state += head
        state += body
        return state
    }

    func position(_ timers: TimerList) throws(ReplayError) -> EnginePosition {
        try EnginePosition(
            body: UnsafeRawBufferPointer(rebasing: engine.dropFirst(EnginePosition.headSize)), timers: timers)
    }
}
