import CReplay
import ReplayLog
import ReplaySystem
import Synchronization

/// The registered devices: numbers in the order of the calls.
final class Devices: @unchecked Sendable {
    // Sendable: registered before the start, looked up from any thread.

    typealias CharReceive = @convention(c) (UnsafeMutableRawPointer?, UnsafePointer<UInt8>?, Int) -> Void

    static let mostCharDevices = Int(REPLAY_CHAR_DEVICES_MAX)

    private struct Content {
        var charDevices: [(receive: CharReceive, opaque: UnsafeMutableRawPointer?)] = []
        var filters: [UInt: NetFilter] = [:]
        var disks: [UInt: BlockDisk] = [:]
        var nextFilter: Int64 = 0
        var nextDisk = 0
    }
    private let content = Locked(Content())

    /// One count for the process: a handle of an earlier run, or of a different session, is never valid.
    private static let handles = Atomic<UInt>(0)
    static func newHandle() -> UInt { handles.wrappingAdd(1, ordering: .relaxed).newValue }

    func removeAll() { content.withLock { $0 = Content() } }

    // MARK: Character devices

    /// nil if there are too many.
    func add(_ receive: @escaping CharReceive, _ opaque: UnsafeMutableRawPointer?) -> Int? {
        content.withLock { content in
            guard content.charDevices.count < Self.mostCharDevices else { return nil }
            content.charDevices.append((receive, opaque))
            return content.charDevices.count - 1
        }
    }

    var charDeviceCount: Int { content.withLock { $0.charDevices.count } }

    /// Drops those that were plugged in after a position with `count`.
    func keepCharDevices(_ count: Int) {
        content.withLock { content in
            content.charDevices.removeLast(max(content.charDevices.count - max(count, 0), 0))
        }
    }

    func hasCharDevice(_ number: Int) -> Bool {
        content.withLock { $0.charDevices.indices.contains(number) }
    }

    func receive(_ number: Int, _ data: RawBuffer) {
        let device = content.withLock { content in
            content.charDevices.indices.contains(number) ? content.charDevices[number] : nil
        }
        guard let (receive, opaque) = device else { return }
        data.withBytes { receive(opaque, $0, $1) }
    }

    // MARK: Network filters

    func addFilter(_ receive: @escaping NetFilter.Receive, _ opaque: UnsafeMutableRawPointer?) -> UInt {
        content.withLock { content in
            let filter = NetFilter(number: content.nextFilter, callback: receive, opaque: opaque)
            content.nextFilter &+= 1
            let handle = Self.newHandle()
            content.filters[handle] = filter
            return handle
        }
    }

    func removeFilter(_ handle: UInt) -> NetFilter? {
        content.withLock { $0.filters.removeValue(forKey: handle) }
    }

    func filter(_ handle: UInt) -> NetFilter? { content.withLock { $0.filters[handle] } }

    func netFilter(number: Int64) -> NetFilter? {
        content.withLock { content in content.filters.values.first { $0.number == number } }
    }

    var filterNumbers: [Int64] { content.withLock { $0.filters.values.map(\.number) } }

    // MARK: Disks

    func takeDiskNumber() -> Int {
        content.withLock { content in
            defer { content.nextDisk += 1 }
            return content.nextDisk
        }
    }

    func add(_ disk: BlockDisk) -> UInt {
        content.withLock { content in
            let handle = Self.newHandle()
            content.disks[handle] = disk
            return handle
        }
    }

    func hasDisk(_ name: String) -> Bool {
        content.withLock { content in content.disks.values.contains { $0.name.fileBytes == name.fileBytes }
        }
    }

    func disk(_ handle: UInt) -> BlockDisk? { content.withLock { $0.disks[handle] } }
    func removeDisk(_ handle: UInt) -> BlockDisk? {
        content.withLock { $0.disks.removeValue(forKey: handle) }
    }

    func removeAllDisks() -> [BlockDisk] {
        content.withLock { content in
            defer { content.disks.removeAll() }
            return content.disks.sorted { $0.key < $1.key }.map(\.value)
        }
    }

    /// With their handles, in the order in which they were opened.
    var numberedDisks: [(key: UInt, value: BlockDisk)] {
        content.withLock { content in content.disks.sorted { $0.key < $1.key } }
    }

    var allDisks: [BlockDisk] { content.withLock { Array($0.disks.values) } }

    /// Is request `id` pending in a backend?
    var hasRequests: Bool {
        content.withLock { content in content.disks.values.contains(where: \.hasRequests) }
    }

    /// Does one prevent a snapshot?
    var barSnapshots: Bool { content.withLock { content in content.disks.values.contains(where: \.bars) } }

    var hasRequestsUnderWay: Bool {
        content.withLock { content in content.disks.values.contains(where: \.hasRequestsUnderWay) }
    }

    func isAtWork(_ id: UInt64) -> Bool {
        content.withLock { content in content.disks.values.contains { $0.isAtWork(id) } }
    }

    /// Is it being carried out by a worker that reads or writes a file, and needs no other thread?
    func isAtFile(_ id: UInt64) -> Bool {
        content.withLock { content in content.disks.values.contains { $0.isOfFile && $0.isAtWork(id) } }
    }
}

/// A filter between a network device and its backend.
final class NetFilter: @unchecked Sendable {
    // Sendable: immutable except for the flag, which is atomic.

    typealias Receive = @convention(c) (UnsafeMutableRawPointer?, UInt32, UnsafePointer<UInt8>?, Int) -> Void

    let number: Int64
    private let callback: Receive
    private let opaque: UnsafeMutableRawPointer?
    /// Packets that are still queued are then dropped.
    var isGone: Bool {
        get { gone.load(ordering: .relaxed) }
        set { gone.store(newValue, ordering: .relaxed) }
    }
    private let gone = Atomic<Bool>(false)

    init(number: Int64, callback: @escaping Receive, opaque: UnsafeMutableRawPointer?) {
        self.number = number
        self.callback = callback
        self.opaque = opaque
    }

    func receive(_ flags: UInt32, _ data: RawBuffer) {
        if isGone { return }
        data.withBytes { callback(opaque, flags, $0, $1) }
    }
}
