import Glibc
import ReplayLog
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

/// A byte of registered RAM.
package struct RAMPlace: Equatable, Sendable {
    package var region: UInt32
    package var offset: UInt64

    package init(region: UInt32, offset: UInt64) {
        (self.region, self.offset) = (region, offset)
    }
}

/// The guest's RAM: what the host has registered, and which pages it has written since the last snapshot.
final class GuestRAM {
    let regions: [RAMConfiguration]
    let layout: PageLayout
    let memory: [RegionMemory]
    private let dirty: DirtyPages
    /// The pages that ``collect()`` has found.
    private(set) var written: [PageAddress] = []

    init(_ regions: [RAMConfiguration], _ system: Syscalls) throws(SystemError) {
        guard let layout = Self.layout(regions) else { throw SystemError(EINVAL) }
        memory = regions.map { RegionMemory(start: $0.bytes, count: Int(truncatingIfNeeded: $0.length)) }
        dirty = try DirtyPages(layout, memory: memory, maps: regions.map(\.dirty), system: system)
        (self.regions, self.layout) = (regions, layout)
        tellClean()
    }

    private static func layout(_ regions: [RAMConfiguration]) -> PageLayout? {
        PageLayout(regions.enumerated().map { $0.element.region($0.offset) })
    }

    /// Why a region can't be registered after these.
    static func refusal(of region: RAMConfiguration, after regions: [RAMConfiguration]) -> String? {
        if regions.contains(where: { $0.name == region.name }) { return "a region has that name already" }
        if regions.count >= RAMRegion.most { return "there are \(RAMRegion.most) regions already" }
        if !RAMRegion.isPage(region.pageBytes) {
            return "its page size is \(region.pageBytes), and must be a power of two from 64 to 65536"
        }
        if region.length == 0 { return "its length is 0" }
        if layout(regions + [region]) != nil { return nil }
        let most = "\(RAMRegion.longest) bytes or \(RAMRegion.mostPages) pages"
        return "its length is \(region.length), more than \(most)"
    }

    /// Tells these regions from others: the XXH3 of their names and lengths.
    var digest: UInt64 {
        var writer = ByteWriter()
        for region in regions {
            writer.writeUInt64(region.length)
            writer.writeCounted(region.name.fileBytes)
        }
        return writer.bytes.withUnsafeBytes { Checksum.xxh3($0) }
    }

    /// The page of a place; nil: there is no such place.
    func page(of place: RAMPlace) -> PageAddress? {
        guard Int(place.region) < regions.count else { return nil }
        let region = regions[Int(place.region)]
        guard place.offset < region.length else { return nil }
        let page = place.offset / UInt64(truncatingIfNeeded: region.pageBytes)
        return PageAddress(region: place.region, page: UInt32(truncatingIfNeeded: page))
    }

    // MARK: Written pages

    /// Lists the pages that were written since the last snapshot. ``keep()`` or ``clean()`` follows.
    func collect() throws(SystemError) { try dirty.collect(into: &written) }

    /// There is no snapshot with them yet.
    func keep() {
        for address in written { dirty.mark(address) }
        written.removeAll(keepingCapacity: true)
    }

    /// They have become part of a snapshot, or are as in the one that was loaded.
    func clean() {
        written.removeAll(keepingCapacity: true)
        tellClean()
    }

    /// A page isn't part of the last snapshot.
    func mark(_ address: PageAddress) { dirty.mark(address) }

    /// About how many pages were written since the last snapshot.
    var writtenCount: Int { dirty.count }
    var writtenBytes: Int { dirty.byteCount }

    /// May one of these pages have been written since the last snapshot?
    func mayHaveWritten(_ pages: [PageAddress]) -> Bool {
        guard dirty.listsEveryWrite, (try? collect()) != nil else { return true }
        defer { keep() }
        return pages.contains { written.contains($0) }
    }

    /// Does a snapshot know all pages that were written before it, even with what they had?
    var listsEveryWrite: Bool { dirty.listsEveryWrite }

    private func tellClean() {
        for region in regions { region.cleaned?(region.opaque) }
    }

    // MARK: Loading

    /// The library has written to so many pages.
    func noteLoaded(_ first: PageAddress, _ count: Int) {
        let region = regions[Int(first.region)]
        let pageBytes = UInt64(truncatingIfNeeded: region.pageBytes)
        let offset = UInt64(first.page) &* pageBytes
        let length = min(UInt64(truncatingIfNeeded: count) &* pageBytes, region.length &- offset)
        region.loaded?(region.opaque, offset, length)
        dirty.clean(first, count: count)
    }
}
