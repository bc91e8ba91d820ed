/// A piece of the guest's memory. Its pages are numbered from 0.
package struct RAMRegion: Equatable, Sendable {
    /// Names it in a file.
    package var id: UInt32
    /// In bytes; a multiple of the page size.
    package var length: UInt64
    /// A power of two.
    package var pageBytes: Int

    package init(id: UInt32, length: UInt64, pageBytes: Int) {
        self.id = id
        self.length = length
        self.pageBytes = pageBytes
    }

    /// A region for so many bytes: the last page may be used in part.
    package init(id: UInt32, byteCount: UInt64, pageBytes: Int) {
        let page = UInt64(max(pageBytes, 1))
        let count = byteCount / page &+ (byteCount % page > 0 ? 1 : 0)
        self.init(
            id: id, length: count.multipliedReportingOverflow(by: page).partialValue, pageBytes: pageBytes)
    }

    static let pageSizes = 64...65536
    package static let longest: UInt64 = 1 << 48
    package static let mostPages = (1 << 30) - 1
    /// The number of regions of a machine.
    package static let most = 256

    package static func isPage(_ bytes: Int) -> Bool {
        pageSizes.contains(bytes) && bytes & (bytes &- 1) == 0
    }

    package var isValid: Bool {
        RAMRegion.isPage(pageBytes) && length > 0 && length <= RAMRegion.longest
            && length % UInt64(pageBytes) == 0 && pageCount <= RAMRegion.mostPages
    }

    package var pageCount: Int {
        pageBytes > 0 ? Int(truncatingIfNeeded: length / UInt64(truncatingIfNeeded: pageBytes)) : 0
    }
}

/// A page of a region.
package struct PageAddress: Equatable, Hashable, Sendable, BitwiseCopyable {
    /// The region's place in the list of regions.
    package var region: UInt32
    package var page: UInt32

    package init(region: UInt32, page: UInt32) {
        self.region = region
        self.page = page
    }
}
