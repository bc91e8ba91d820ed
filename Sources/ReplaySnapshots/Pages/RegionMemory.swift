/// Where a region's bytes are in this process.
package struct RegionMemory: @unchecked Sendable {
    // Sendable: whoever uses the bytes sees to it that no other thread does.

    package var start: UnsafeMutableRawPointer
    /// It may end within the last page: the store pads that with zeros.
    package var count: Int

    package init(start: UnsafeMutableRawPointer, count: Int) {
        self.start = start
        self.count = count
    }

    func fits(_ region: RAMRegion) -> Bool {
        count > 0 && UInt64(count) <= region.length
            && region.length &- UInt64(count) < UInt64(truncatingIfNeeded: region.pageBytes)
    }

    /// A page, as far as it is in the region.
    func page(_ number: UInt32, _ pageBytes: Int) -> UnsafeMutableRawBufferPointer {
        let offset = Int(number) &* pageBytes
        return UnsafeMutableRawBufferPointer(
            start: start + offset, count: max(min(pageBytes, count &- offset), 0))
    }
}
