import ReplaySnapshots
import ReplaySystem

/// A region of RAM, as the host has registered it.
package struct RAMConfiguration: @unchecked Sendable {
    // Sendable: the host is responsible for its pointers.
    package typealias Opaque = UnsafeMutableRawPointer?

    package var name: String
    package var bytes: UnsafeMutableRawPointer
    package var length: UInt64
    package var pageBytes: Int
    /// One byte for each page. Nil: the host doesn't know which it has written.
    package var dirty: UnsafeMutablePointer<UInt8>?
    package var cleaned: (@convention(c) (Opaque) -> Void)?
    package var loaded: (@convention(c) (Opaque, UInt64, UInt64) -> Void)?
    package var opaque: UnsafeMutableRawPointer?

    package init(name: String, bytes: UnsafeMutableRawPointer, length: UInt64, pageBytes: Int) {
        self.name = name
        self.bytes = bytes
        self.length = length
        self.pageBytes = pageBytes
    }

    fileprivate func region(_ id: Int) -> RAMRegion {
        RAMRegion(id: UInt32(truncatingIfNeeded: id), byteCount: length, pageBytes: pageBytes)
    }
}

/// The guest's RAM: what the host has registered, and which pages it has written since the last snapshot.
final class GuestRAM {
    let regions: [RAMConfiguration]
    let layout: PageLayout
    /// Pages that were written, as ``PageAddress``.
    private let list: RawBuffer
    private(set) var writtenCount = 0

    /// The bit of a page's byte that belongs to the library.
    private static let bit: UInt8 = 1

    /// Nil: memory ran out.
    init?(_ regions: [RAMConfiguration]) {
        let plain = regions.enumerated().map { $0.element.region($0.offset) }
        let pages = plain.reduce(0) { $0 &+ $1.pageCount }
        let list = RawBuffer()
        guard let layout = PageLayout(plain),
            list.reserve(max(pages, 1) &* MemoryLayout<PageAddress>.stride)
        else { return nil }
        (self.regions, self.layout, self.list) = (regions, layout, list)
        memory = regions.map { RegionMemory(start: $0.bytes, count: Int(truncatingIfNeeded: $0.length)) }
    }

    /// Can a region be registered after these?
    static func accepts(_ region: RAMConfiguration, after regions: [RAMConfiguration]) -> Bool {
        let all = regions + [region]
        return PageLayout(all.enumerated().map { $0.element.region($0.offset) }) != nil
            && !regions.contains { $0.name == region.name }
    }

    let memory: [RegionMemory]

    var written: UnsafeBufferPointer<PageAddress> {
        UnsafeBufferPointer(
            start: list.start.map { UnsafePointer($0.assumingMemoryBound(to: PageAddress.self)) },
            count: writtenCount)
    }

    // MARK: Written pages

    /// How many pages were written since ``clean()``. Of a region without a map, all may have been.
    var dirtyCount: Int {
        var count = 0
        for (number, region) in regions.enumerated() where region.dirty != nil {
            forEachDirty(region, layout.regions[number].pageCount) { _ in count &+= 1 }
        }
        return count
    }

    /// Lists the pages that were written since ``clean()``.
    func collect() {
        writtenCount = 0
        guard let start = list.start?.assumingMemoryBound(to: PageAddress.self) else { return }
        for (number, region) in regions.enumerated() {
            forEachDirty(region, layout.regions[number].pageCount) { page in
                start[writtenCount] = PageAddress(
                    region: UInt32(truncatingIfNeeded: number), page: UInt32(truncatingIfNeeded: page))
                writtenCount &+= 1
            }
        }
    }

    /// The listed pages have become part of a snapshot, or were loaded from one.
    func clean() {
        for address in written {
            regions[Int(address.region)].dirty?[Int(address.page)] &= ~Self.bit
        }
        for region in regions where region.dirty != nil { region.cleaned?(region.opaque) }
        writtenCount = 0
    }

    /// A page isn't part of the last snapshot.
    func mark(_ address: PageAddress) {
        regions[Int(address.region)].dirty?[Int(address.page)] |= Self.bit
    }

    private func forEachDirty(_ region: RAMConfiguration, _ count: Int, _ body: (Int) -> Void) {
        guard let map = region.dirty else {
            for page in 0..<count { body(page) }
            return
        }
        var page = 0
        let bytes = UnsafeRawPointer(map)
        while page < count {
            // Eight at a time: most are clean.
            if count &- page >= 8, bytes.loadUnaligned(fromByteOffset: page, as: UInt64.self) & Self.bits == 0
            {
                page &+= 8
                continue
            }
            if map[page] & Self.bit != 0 { body(page) }
            page &+= 1
        }
    }

    private static let bits: UInt64 = 0x0101_0101_0101_0101

    // MARK: Loading

    /// The library has written to so many pages.
    func noteLoaded(_ first: PageAddress, _ count: Int) {
        let region = regions[Int(first.region)]
        let pageBytes = UInt64(truncatingIfNeeded: region.pageBytes)
        let offset = UInt64(first.page) &* pageBytes
        let length = min(UInt64(truncatingIfNeeded: count) &* pageBytes, region.length &- offset)
        region.loaded?(region.opaque, offset, length)
    }
}
