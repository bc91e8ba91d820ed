import ReplaySystem

/// The content of a disk at a snapshot, as far as the guest has written it. It stays as it is as long as somebody
/// holds it.
package protocol DiskVersion: AnyObject, Sendable {
    var map: ExtentMap { get }

    /// Copies bytes from a place that the map names. For any thread.
    func read(_ target: UnsafeMutableRawBufferPointer, at place: UInt64) throws(SystemError)
}

/// A disk that a snapshot takes with it.
package struct DiskState: Sendable {
    /// In the order in which the disks were opened.
    package var number: UInt64
    package var length: UInt64
    package var version: any DiskVersion

    package init(number: UInt64, length: UInt64, version: any DiskVersion) {
        (self.number, self.length, self.version) = (number, length, version)
    }
}

/// A disk of a snapshot in a file. The places of its map are those of ``DiskPlace``.
package struct FileDisk: Sendable {
    package var number: UInt64
    package var length: UInt64
    package var map: ExtentMap
}

/// Where bytes of disks are in a file: a record, and the place in its payload.
enum DiskPlace {
    /// Payloads are half as long as the distance of two records, so that no extent continues in the next one.
    static let longestPayload = 1 << 18
    private static let shift: UInt64 = 19
    static let lastSequence: UInt64 = UInt64.max >> (shift + 1)

    static func place(_ sequence: UInt64, _ offset: Int) -> UInt64 {
        sequence &<< shift | UInt64(truncatingIfNeeded: offset)
    }

    static func sequence(of place: UInt64) -> UInt64 { place &>> shift }
    static func offset(of place: UInt64) -> Int { Int(truncatingIfNeeded: place & (1 << shift - 1)) }
}
