import ReplayLog

/// The digest of the guest's memory at the start: of all pages that aren't zero, in order.
enum StartDigest {
    static func next(_ digest: UInt64, _ address: PageAddress, _ hash: PageHash) -> UInt64 {
        withUnsafeTemporaryAllocation(byteCount: 32, alignment: 8) { bytes in
            bytes.storeBytes(of: digest.littleEndian, as: UInt64.self)
            bytes.storeBytes(of: address.region.littleEndian, toByteOffset: 8, as: UInt32.self)
            bytes.storeBytes(of: address.page.littleEndian, toByteOffset: 12, as: UInt32.self)
            bytes.storeBytes(of: hash.low.littleEndian, toByteOffset: 16, as: UInt64.self)
            bytes.storeBytes(of: hash.high.littleEndian, toByteOffset: 24, as: UInt64.self)
            return Checksum.xxh3(UnsafeRawBufferPointer(bytes))
        }
    }
}
