import ReplayLog

/// The devices that exist at a position. Their callbacks belong to the host, so a load can't create one: it
/// drops character devices that were plugged in later, and compares the others.
struct DevicePosition {
    var charDevices: UInt64 = 0
    /// The numbers of the network filters.
    var filters: [Int64] = []
    /// The names of the disks, as the bytes of a file name.
    var disks: [[UInt8]] = []
}

extension DevicePosition {
    init(_ devices: Devices) {
        charDevices = UInt64(devices.charDeviceCount)
        filters = devices.filterNumbers.sorted()
        disks = devices.allDisks.map { Array($0.name.fileBytes) }.sorted { $0.lexicographicallyPrecedes($1) }
    }

    /// What the position has and this run hasn't, or nil.
    func reasonAgainst(_ devices: Devices) -> String? {
        if devices.charDeviceCount < charDevices {
            return "character device \(devices.charDeviceCount) of the position isn't registered here"
        }
        let here = DevicePosition(devices)
        if let filter = filters.first(where: { !here.filters.contains($0) }) {
            return "network filter \(filter) of the position isn't registered here"
        }
        if let disk = disks.first(where: { !here.disks.contains($0) }) {
            return "disk \(String(decoding: disk, as: UTF8.self)) of the position isn't open here"
        }
        return nil
    }

    // MARK: Written and read

    /// A bound on the bytes of ``write(to:)``.
    var mostBytes: Int { disks.reduce(30 &+ 10 &* filters.count) { $0 &+ $1.count &+ 10 } }

    func write(to writer: inout ByteWriter) {
        writer.writeVarInt(charDevices)
        writer.writeVarInt(UInt64(filters.count))
        for filter in filters { writer.writeVarInt(UInt64(bitPattern: filter)) }
        writer.writeVarInt(UInt64(disks.count))
        for disk in disks { writer.writeCounted(disk) }
    }

    /// Nil: it is malformed.
    init?(reading reader: inout ByteReader) {
        guard let charDevices = reader.readVarInt(), charDevices <= UInt64(Devices.mostCharDevices),
            let filterCount = reader.readVarInt(), filterCount <= UInt64(reader.remaining)
        else { return nil }
        self.charDevices = charDevices
        for _ in 0..<filterCount {
            guard let filter = reader.readVarInt() else { return nil }
            filters.append(Int64(bitPattern: filter))
        }
        guard let diskCount = reader.readVarInt(), diskCount <= UInt64(reader.remaining) else { return nil }
        for _ in 0..<diskCount {
            guard let disk = reader.readCounted() else { return nil }
            disks.append(Array(disk))
        }
    }
}
