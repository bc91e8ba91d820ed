import ReplayLog
import ReplaySystem

/// A request that was under way when a snapshot was taken. After the snapshot was loaded, the host submits it again.
struct PendingRequest {
    /// The disk's number.
    var disk: UInt64
    var id: UInt64
    var operation: BlockOperation
    var flags: UInt32
    var offset: UInt64
    var length: Int
    /// What a write writes: the guest may have changed its memory since it was submitted.
    var data: RawBuffer?

    init(_ request: BlockRequest) {
        disk = request.disk.number
        (id, operation, flags) = (request.id, request.operation, request.flags)
        (offset, length) = (request.offset, request.length)
        data = operation == .write ? request.buffer : nil
    }

    /// "read 12 at offset 4096, 512 bytes"
    var description: String { "\(operation.name) \(id) at offset \(offset), \(length) bytes" }

    func isSame(_ operation: BlockOperation, offset: UInt64, length: Int, flags: UInt32) -> Bool {
        (self.operation, self.offset, self.length, self.flags) == (operation, offset, length, flags)
    }

    // MARK: As bytes

    private static let headBytes = 40

    static func byteCount(_ requests: [PendingRequest]) -> Int {
        requests.reduce(0) { $0 &+ headBytes &+ ($1.data?.capacity ?? 0) }
    }

    /// The caller has made room.
    static func write(_ requests: [PendingRequest], to state: inout [UInt8]) {
        func append(_ number: UInt64) {
            withUnsafeBytes(of: number.littleEndian) { state.append(contentsOf: $0) }
        }
        for request in requests {
            append(request.disk)
            append(request.id)
            append(UInt64(request.operation.rawValue) << 32 | UInt64(request.flags))
            append(request.offset)
            append(UInt64(request.length))
            if let data = request.data { state.append(contentsOf: data.readOnly) }
        }
    }

    /// Nil: they are damaged, or memory ran out.
    static func read(_ bytes: UnsafeRawBufferPointer) -> [PendingRequest]? {
        var reader = ByteReader(bytes)
        var requests: [PendingRequest] = []
        while reader.remaining > 0 {
            guard requests.makeRoom(), let request = PendingRequest(reading: &reader) else { return nil }
            requests.append(request)
        }
        return requests
    }

    private init?(reading reader: inout ByteReader) {
        guard let disk = reader.readUInt64(), let id = reader.readUInt64(), let kind = reader.readUInt64(),
            let operation = BlockOperation(rawValue: UInt8(truncatingIfNeeded: kind >> 32)),
            let offset = reader.readUInt64(), let length = reader.readUInt64().flatMap({ Int(exactly: $0) })
        else { return nil }
        self.disk = disk
        (self.id, self.operation, flags) = (id, operation, UInt32(truncatingIfNeeded: kind))
        (self.offset, self.length) = (offset, length)
        if operation == .write {
            guard let bytes = reader.readBytes(length), let data = RawBuffer(copying: bytes) else {
                return nil
            }
            self.data = data
        }
    }
}
