import Glibc
import ReplaySnapshots
import TestSupport
import Testing

@testable import ReplayEngine
@testable import ReplaySystem

/// Versions of an overlay's content, and what becomes of its file.
@Suite struct OverlayTests {
    private let scratch = Scratch()
    private static let length = 1 << 18

    // MARK: Parts

    /// A disk's content as it should be; nil: never written.
    private typealias Content = [UInt8?]

    private var path: String { scratch.path("overlay") }

    private func make(isKept: Bool = true, _ faults: SyscallFaults? = nil) throws -> Overlay {
        let system = Syscalls(faults: faults)
        let file =
            isKept ? try DataFile.kept(path, system) : try DataFile.temporary(in: scratch.folder, system)
        try file.empty()
        return Overlay(file, isKept: isKept) { _ in }
    }

    /// Writes or clears a random part.
    private func change(_ overlay: Overlay, _ content: inout Content, _ random: inout Random, most: Int)
        throws(SystemError)
    {
        let start = random.below(Self.length)
        let end = min(start + random.below(most) + 1, Self.length)
        let range = UInt64(start)..<UInt64(end)
        if random.below(5) == 0 {
            try overlay.clear(range, isForced: false)
            for index in start..<end { content[index] = 0 }
        } else {
            let seed = random.below(256)
            let bytes = (start..<end).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ seed) }
            let result = bytes.withUnsafeBytes { bytes in
                Result { () throws(SystemError) in try overlay.write(bytes, range, isForced: false) }
            }
            try result.get()
            for (index, byte) in zip(start..<end, bytes) { content[index] = byte }
        }
    }

    private func isRight(_ overlay: Overlay, _ content: Content) throws -> Bool {
        var bytes = [UInt8](repeating: 0xA5, count: Self.length)
        let result = bytes.withUnsafeMutableBytes { bytes in
            Result { () throws(SystemError) in try overlay.patch(bytes, 0..<UInt64(Self.length)) }
        }
        try result.get()
        return zip(bytes, content).allSatisfy { $0 == $1 ?? 0xA5 }
    }

    private func fileLength(of name: String) -> Int {
        var status = stat()
        return stat(name, &status) == 0 ? Int(status.st_size) : -1
    }

    /// The file has the content, holes elsewhere, and nothing after it.
    private func fileIsRight(_ content: Content) throws -> Bool {
        let end = content.lastIndex { $0 != nil }.map { $0 + 1 } ?? 0
        guard fileLength(of: path) == end else { return false }
        let file = open(path, O_RDONLY)
        defer { close(file) }
        var bytes = [UInt8](repeating: 0, count: end)
        try #require(read(file, &bytes, end) == end)
        return zip(bytes, content).allSatisfy { $0 == $1 ?? 0 }
    }

    // MARK: Tests

    @Test(arguments: 0..<6) func versionsKeepWhatTheyHad(_ seed: Int) throws {
        let overlay = try make()
        var random = Random(seed)
        var content = Content(repeating: nil, count: Self.length)
        var versions: [(OverlayVersion, Content)] = []
        for step in 0..<400 {
            try change(overlay, &content, &random, most: step % 20 == 0 ? 50_000 : 3000)
            if random.below(12) == 0 {
                let version = try #require(overlay.keep(diskLength: Int64(Self.length), least: 100_000))
                versions.append((version, content))
            }
            if random.below(15) == 0, !versions.isEmpty {
                let index = random.below(versions.count)
                overlay.adopt(versions[index].0)
                content = versions[index].1
                #expect(try isRight(overlay, content))
            }
            if random.below(20) == 0, versions.count > 3 { versions.remove(at: random.below(versions.count)) }
        }
        #expect(try isRight(overlay, content))
        for (version, content) in versions {
            overlay.adopt(version)
            #expect(try isRight(overlay, content))
        }
        try overlay.finish()
        if let last = versions.last { #expect(try fileIsRight(last.1)) }
    }

    @Test func aFileWithoutVersionsHasTheDisksLayout() throws {
        let overlay = try make()
        var (random, content) = (Random(1), Content(repeating: nil, count: Self.length))
        for _ in 0..<200 { try change(overlay, &content, &random, most: 5000) }
        #expect(try fileIsRight(content))
        try overlay.finish()
        #expect(try fileIsRight(content))
    }

    /// As in a replay without journeys, which has a snapshot of its start.
    @Test func anEmptyVersionMovesNothing() throws {
        let overlay = try make()
        let version = overlay.keep(diskLength: Int64(Self.length))
        var (random, content) = (Random(2), Content(repeating: nil, count: Self.length))
        for _ in 0..<200 { try change(overlay, &content, &random, most: 5000) }
        #expect(try fileIsRight(content))
        withExtendedLifetime(version) {}
    }

    /// A snapshot takes nothing of the file for it, however much it is.
    @Test(arguments: [true, false]) func whatIsDiscardedHasNoPlaceInTheFile(_ isKept: Bool) throws {
        let overlay = try make(isKept: isKept)
        let disk = UInt64(Self.length)
        let bytes = [UInt8](repeating: 7, count: Self.length)
        func write() throws { try bytes.withUnsafeBytes { try overlay.write($0, 0..<disk, isForced: false) } }
        func isZero(_ range: Range<UInt64>) throws -> Bool {
            let version = try #require(overlay.keep(diskLength: Int64(Self.length)))
            return version.map.parts(in: range) == [Extent(range: range, place: Extent.zeroes)]
        }
        try write()
        try overlay.clear(1000..<disk, isForced: false)
        #expect(try isZero(1000..<disk))
        #expect(try isRight(overlay, (0..<Self.length).map { $0 < 1000 ? 7 : 0 }))
        // With versions too.
        try write()
        try overlay.clear(0..<disk, isForced: false)
        #expect(try isZero(0..<disk))
        #expect(try isRight(overlay, Content(repeating: 0, count: Self.length)))
    }

    @Test func whatNoVersionNeedsIsUsedAgain() throws {
        let overlay = try make()
        var (random, content) = (Random(3), Content(repeating: nil, count: Self.length))
        for _ in 0..<50 { try change(overlay, &content, &random, most: 20_000) }
        let least = 200_000
        let first = try #require(overlay.keep(diskLength: Int64(Self.length), least: UInt64(least)))
        let atFirst = content
        for _ in 0..<60 {
            // The same course again and again, with versions that are dropped.
            overlay.adopt(first)
            content = atFirst
            for step in 0..<40 {
                try change(overlay, &content, &random, most: 10_000)
                if step % 10 == 0 { _ = overlay.keep(diskLength: Int64(Self.length)) }
            }
            #expect(try isRight(overlay, content))
        }
        #expect(fileLength(of: path) < Self.length + 2 * Self.length + least + 20_000)
        withExtendedLifetime(first) {}
    }

    @Test func aFullDiskLeadsToPlacesThatAreFree() throws {
        // It grows up to a limit.
        let limit = UInt64(Self.length + 60_000)
        let overlay = try make()
        let bytes = [UInt8](repeating: 7, count: 50_000)
        func write() throws {
            try bytes.withUnsafeBytes { try overlay.write($0, 0..<50_000, isForced: false) }
        }
        try write()
        for _ in 0..<5 {
            // Each is dropped at once, and nobody has looked yet.
            _ = overlay.keep(diskLength: Int64(Self.length))
            try write()
        }
        #expect(fileLength(of: path) > Int(limit))
        let place = try #require(overlay.reclaimed(0..<50_000))
        #expect(place == 0)
    }
}
