import Glibc
import TestSupport
import Testing

@testable import ReplaySnapshots

/// Prints times and sizes, if `REPLAY_MEASURE` names a file with typical content, such as a large program. Use a
/// release build: `swift test -c release -Xswiftc -enable-testing --filter MeasureTests`.
@Suite struct MeasureTests {
    private static let pageBytes = 4096
    private static let region = RAMRegion(id: 1, length: 128 << 20, pageBytes: pageBytes)

    private func cpuTime() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return Double(time.tv_sec) * 1e6 + Double(time.tv_nsec) / 1e3
    }

    @Test(.enabled(if: getenv("REPLAY_MEASURE") != nil)) func timesAndSizes() throws {
        let content = try #require(getenv("REPLAY_MEASURE").flatMap { Files.read(String(cString: $0)) })
        let source = Array(content.prefix(64 << 20))
        let pageCount = MeasureTests.region.pageCount
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 128 << 20, alignment: 4096)
        defer { memory.deallocate() }
        memory.initializeMemory(as: UInt8.self, repeating: 0)
        memory.copyBytes(from: source[..<(20 << 20)])
        let layout = try #require(PageLayout([MeasureTests.region]))
        let store = try #require(PageStore(layout, budget: 1 << 30))
        var begin = cpuTime()
        #expect(store.addStart(region: 0, UnsafeRawBufferPointer(memory)))
        print("start_ms", (cpuTime() - begin) / 1000, "start_mb", store.budget.used >> 20)
        let path = Scratch()
        let writer = try SnapshotFileWriter(
            path: path.path("a.snap"),
            identity: SnapshotFileIdentity(
                logMetadata: 1, fingerprint: 2, startDigest: store.startDigest, regions: [MeasureTests.region]
            ))
        let staging = try #require(
            StagingBuffer(
                layout, memory: [RegionMemory(start: memory.baseAddress!, count: memory.count)],
                capacity: 16 << 20))
        let copies = UnsafeMutableRawBufferPointer.allocate(byteCount: 16 << 20, alignment: 64)
        defer { copies.deallocate() }
        copies.initializeMemory(as: UInt8.self, repeating: 0)

        var generator = SeededGenerator(seed: 1)
        var (stageTime, addTime, fileTime) = (0.0, 0.0, 0.0)
        var (dirtyCount, changedCount) = (0, 0)
        let used = store.budget.used
        for id in 1...60 as ClosedRange<UInt64> {
            // As in a boot of Linux: half of the dirty pages haven't changed, most others by some words.
            var addresses: [PageAddress] = []
            let first = Int.random(in: 0..<pageCount / 4, using: &generator)
            for index in 0..<600 {
                let page = (first + index * 3) % (pageCount / 2)
                addresses.append(PageAddress(region: 0, page: UInt32(page)))
                let bytes = UnsafeMutableRawBufferPointer(
                    rebasing: memory[page * MeasureTests.pageBytes..<(page + 1) * MeasureTests.pageBytes])
                switch Int.random(in: 0..<20, using: &generator) {
                case 0..<10: continue
                case 10: bytes.initializeMemory(as: UInt8.self, repeating: 0)
                case 11..<14:
                    let from = Int.random(in: 0..<source.count / 4096, using: &generator) * 4096
                    bytes.copyBytes(from: source[from..<from + 4096])
                default:
                    for _ in 0..<20 {
                        bytes.storeBytes(
                            of: generator.next() >> 40,
                            toByteOffset: Int.random(in: 0..<512, using: &generator) * 8, as: UInt64.self)
                    }
                }
                changedCount += 1
            }
            dirtyCount += addresses.count
            let label = SnapshotLabel(id: id, place: SnapshotPlace(icount: id, event: 0), work: id)
            let state = [UInt8](repeating: 3, count: 3000)
            addresses.withUnsafeBufferPointer { addresses in
                state.withUnsafeBytes { state in
                    begin = cpuTime()
                    // Without a worker: the first ones fill the buffer.
                    let result = staging.stage(addresses, label: label, state: state)
                    if result == .staged { stageTime += (cpuTime() - begin) / Double(addresses.count) }
                    for (index, address) in addresses.enumerated() {
                        (copies.baseAddress! + index * 4096).copyMemory(
                            from: memory.baseAddress! + Int(address.page) * 4096, byteCount: 4096)
                    }
                    begin = cpuTime()
                    #expect(
                        store.add(
                            PageBatch(
                                label: label, addresses: addresses, pages: copies.baseAddress!, state: state))
                            == .added)
                    addTime += cpuTime() - begin
                }
            }
            begin = cpuTime()
            writer.append(id, of: store)
            fileTime += cpuTime() - begin
        }
        let staged = 60 - Int(staging.skipped)
        print("stage_us_per_dirty_page", stageTime / Double(max(staged, 1)), "batches", staged)
        print(
            "worker_us_per_dirty_page", addTime / Double(dirtyCount), "per_changed",
            addTime / Double(changedCount))
        print("file_us_per_dirty_page", fileTime / Double(dirtyCount))
        print("memory_bytes_per_changed_page", (store.budget.used - used) / changedCount)
        print(
            "file_bytes_per_changed_page", Int(writer.length) / changedCount, "file_mb", writer.length >> 20)
        var loaded = 0
        begin = cpuTime()
        for _ in 0..<50 {
            let ids = (0..<2).map { _ in UInt64.random(in: 1...60, using: &generator) }
            // The memory is as in ids[0], apart from what is written here.
            _ = store.follow(ids[0])
            let result = store.restore(
                ids[1], written: UnsafeBufferPointer(start: nil, count: 0),
                memory: [RegionMemory(start: memory.baseAddress!, count: memory.count)]
            ) { _, _ in }
            if case .restored(let pages) = result { loaded += pages }
        }
        let time = cpuTime() - begin
        print(
            "restore_us_per_page", time / Double(loaded), "pages_per_seek", loaded / 50, "ms",
            time / 50_000)
        let reader = try SnapshotFileReader(
            path: path.path("a.snap"),
            identity: SnapshotFileIdentity(
                logMetadata: 1, fingerprint: 2, startDigest: store.startDigest, regions: [MeasureTests.region]
            ),
            start: { store.loadStart($0, into: $1) })
        begin = cpuTime()
        let snapshot = try #require(try reader.open(60))
        print("file_open_ms", (cpuTime() - begin) / 1000)
        begin = cpuTime()
        _ = try reader.open(60)
        print("file_open_again_ms", (cpuTime() - begin) / 1000)
        begin = cpuTime()
        for page in 0..<pageCount {
            let target = UnsafeMutableRawBufferPointer(rebasing: copies[..<4096])
            try reader.materialize(PageAddress(region: 0, page: UInt32(page)), of: snapshot, into: target)
        }
        print("file_load_all_us_per_page", (cpuTime() - begin) / Double(pageCount))
    }
}

extension MeasureTests {
    @Test(.enabled(if: getenv("REPLAY_MEASURE") != nil), arguments: [128, 2048])
    func findingDirtyPages(megabytes: Int) throws {
        for (name, kind, asksKernel) in [
            ("map", WrittenMemory.Kind.mapped, true), ("kernel", .own, true), ("comparison", .own, false),
        ] {
            let memory = WrittenMemory(seed: 1, [(kind, megabytes << 20, 4096)])
            memset(memory.memory[0].start, 1, megabytes << 20)
            var begin = cpuTime()
            let finder = try memory.finder(asksKernel: asksKernel)
            print(megabytes, name, "begin_ms", (cpuTime() - begin) / 1000)
            var pages: [PageAddress] = []
            for count in [0, 1, 500, 10_000] {
                let offsets = (0..<count).map { $0 * 3 % (megabytes << 8) * 4096 }
                begin = cpuTime()
                for offset in offsets { memory.write(0, offset) }
                let writes = cpuTime() - begin
                begin = cpuTime()
                try finder.collect(into: &pages)
                print(
                    megabytes, name, "pages", count, "collect_us", cpuTime() - begin, "write_us_each",
                    writes / Double(max(count, 1)))
                #expect(pages.count == count)
            }
        }
    }
}
