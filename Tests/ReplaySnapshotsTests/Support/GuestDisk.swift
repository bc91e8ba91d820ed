import ReplayLog
import ReplaySystem
import TestSupport

@testable import ReplaySnapshots

/// A disk whose parts are written at random, and plain copies of it.
final class GuestDisk {
    /// What was ever written, one after the other.
    final class Bytes: @unchecked Sendable {
        var all: [UInt8] = []
    }

    final class Version: DiskVersion {
        let map: ExtentMap
        private let bytes: Bytes

        init(_ map: ExtentMap, _ bytes: Bytes) { (self.map, self.bytes) = (map, bytes) }

        func read(_ target: UnsafeMutableRawBufferPointer, at place: UInt64) throws(SystemError) {
            target.copyBytes(from: bytes.all[Int(place)..<Int(place) + target.count])
        }
    }

    /// Nil: never written.
    typealias Content = [UInt8?]

    let number: UInt64
    private(set) var map = ExtentMap()
    private(set) var content: Content
    private let bytes = Bytes()
    /// By snapshot, with the map that it had.
    private(set) var copies: [UInt64: Content] = [:]
    private var maps: [(ExtentMap, Content)] = []

    init(_ number: UInt64, _ length: Int) {
        self.number = number
        content = Content(repeating: nil, count: length)
    }

    var state: DiskState {
        DiskState(number: number, length: UInt64(content.count), version: Version(map, bytes))
    }

    /// Writes to some parts: something, zeros, what was there before. Sometimes it goes back to an earlier content.
    func run(_ id: UInt64, _ generator: inout SeededGenerator) {
        if !maps.isEmpty, Int.random(in: 0..<6, using: &generator) == 0 {
            (map, content) = maps.randomElement(using: &generator)!
        }
        for _ in 0..<Int.random(in: 0...4, using: &generator) { write(&generator) }
        copies[id] = content
        maps.append((map, content))
    }

    private func write(_ generator: inout SeededGenerator) {
        var start = Int.random(in: 0..<content.count, using: &generator)
        var count = Int.random(in: 1...max(content.count / 12, 1), using: &generator)
        if content.count > 20_000 { (start, count) = (start & ~511, (count + 511) & ~511) }
        let range = start..<min(start + count, content.count)
        let parts = UInt64(range.lowerBound)..<UInt64(range.upperBound)
        switch Int.random(in: 0..<8, using: &generator) {
        case 0:
            map.insert(Extent(range: parts, place: Extent.zeroes))
            for index in range { content[index] = 0 }
        case 1: put(range.map { _ in 0 }, range)
        case 2: put(range.map { content[$0] ?? 5 }, range)
        case 3, 4: put(range.map { _ in UInt8.random(in: 0...255, using: &generator) }, range)
        default:
            // The same in each cluster.
            let seed = UInt8.random(in: 0...2, using: &generator)
            put(range.map { UInt8(truncatingIfNeeded: $0 % 4096 / 7) &+ seed }, range)
        }
    }

    private func put(_ new: [UInt8], _ range: Range<Int>) {
        map.insert(
            Extent(
                range: UInt64(range.lowerBound)..<UInt64(range.upperBound), place: UInt64(bytes.all.count)))
        bytes.all += new
        for (index, byte) in zip(range, new) { content[index] = byte }
    }

    /// What a file has.
    func content(of disk: FileDisk, from reader: SnapshotFileReader) throws(LogError) -> Content {
        var found = Content(repeating: nil, count: Int(disk.length))
        for extent in disk.map.chunks.flatMap({ $0 }) {
            var piece = [UInt8](repeating: 0, count: extent.range.count)
            if !extent.isZero {
                let result = piece.withUnsafeMutableBytes { target in
                    Result { () throws(LogError) in try reader.loadDisk(extent.place, into: target) }
                }
                try result.get()
            }
            for (index, byte) in zip(Int(extent.range.lowerBound)..., piece) { found[index] = byte }
        }
        return found
    }
}
