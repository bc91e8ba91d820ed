import Glibc
import ReplayLog
import ReplaySnapshots
import TestSupport
import Testing

@testable import ReplayEngine
@testable import ReplaySystem

/// The content of a snapshot from a file gets into an overlay, or the overlay stays as it was.
@Suite struct OverlayLoadingTests {
    private let scratch = Scratch()
    private static let length = 300_000
    /// What the file of snapshots has.
    private static let source = (0..<400_000).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 9 | 1) }

    /// Written in three parts, one of them zero.
    private static func origin(_ start: UInt64) -> ExtentMap {
        var map = ExtentMap()
        map.insert(Extent(range: 1000..<140_000, place: start))
        map.insert(Extent(range: 150_000..<160_000, place: Extent.zeroes))
        map.insert(Extent(range: 200_000..<290_001, place: 200_000))
        return map
    }

    /// The disk after going there. What was never written is 0xA5.
    private static func expected(_ start: Int) -> [UInt8] {
        var bytes = [UInt8](repeating: 0xA5, count: length)
        for index in 1000..<140_000 { bytes[index] = source[start + index - 1000] }
        for index in 150_000..<160_000 { bytes[index] = 0 }
        for index in 200_000..<290_001 { bytes[index] = source[index] }
        return bytes
    }

    private func make(_ faults: SyscallFaults? = nil) throws -> Overlay {
        let file = try DataFile.kept(scratch.path("overlay"), Syscalls(faults: faults))
        try file.empty()
        return Overlay(file, isKept: true) { _ in }
    }

    private func write(_ overlay: Overlay, _ range: Range<UInt64>, _ byte: UInt8) throws {
        let bytes = [UInt8](repeating: byte, count: range.count)
        let result = bytes.withUnsafeBytes { bytes in
            Result { () throws(SystemError) in try overlay.write(bytes, range, isForced: false) }
        }
        try result.get()
    }

    private func content(_ overlay: Overlay) throws -> [UInt8] {
        var bytes = [UInt8](repeating: 0xA5, count: Self.length)
        let result = bytes.withUnsafeMutableBytes { bytes in
            Result { () throws(SystemError) in try overlay.patch(bytes, 0..<UInt64(Self.length)) }
        }
        try result.get()
        return bytes
    }

    /// Loads from a file of which only a part is there. - Returns: how much was read.
    private func load(_ overlay: Overlay, _ start: UInt64, available: Int = source.count)
        -> (Result<OverlayVersion, ReplayError>, Int)
    {
        var count = 0
        let result = Result { () throws(ReplayError) in
            try overlay.load(Self.origin(start), diskLength: Int64(Self.length)) {
                (target, place) throws(LogError) in
                guard Int(place) + target.count <= available else {
                    throw LogError(.damaged, "a cluster is missing")
                }
                count += target.count
                target.copyBytes(from: Self.source[Int(place)..<Int(place) + target.count])
            }
        }
        return (result, count)
    }

    @Test func onlyWhatDiffersIsReadAgain() throws {
        let overlay = try make()
        try write(overlay, 500..<2000, 7)
        let before = try content(overlay)
        let (first, all) = load(overlay, 0)
        #expect(all == 139_000 + 90_001)
        #expect(try content(overlay) == before)
        let (second, part) = load(overlay, 50_000)
        #expect(part == 139_000)
        let (third, none) = load(overlay, 50_000)
        #expect(none == 0)
        for (version, start) in [(first, 0), (second, 50_000), (third, 50_000), (first, 0)] {
            overlay.adopt(try version.get())
            #expect(try content(overlay) == Self.expected(start))
            try write(overlay, 3000..<250_000, 9)
        }
    }

    /// Also one whose reader reports damage, which the overlay can't distinguish.
    @Test func aFileThatIsTooShortChangesNothing() throws {
        let overlay = try make()
        try write(overlay, 500..<2000, 7)
        let (good, _) = load(overlay, 0)
        let before = try content(overlay)
        for available in [0, 50_000, 100_000, 188_999] {
            let (result, _) = load(overlay, 50_000, available: available)
            #expect(throws: ReplayError.self) { try result.get() }
            if case .failure(let error) = result { #expect(error.message.contains("a cluster is missing")) }
            #expect(try content(overlay) == before)
        }
        let (better, _) = load(overlay, 50_000)
        overlay.adopt(try better.get())
        #expect(try content(overlay) == Self.expected(50_000))
        overlay.adopt(try good.get())
        #expect(try content(overlay) == Self.expected(0))
    }

    /// Each system call fails once.
    @Test(arguments: [EIO, ENOSPC]) func aFullDiskChangesNothing(_ error: Int32) throws {
        var failures = 0
        for number in 0..<100 {
            let fault = Fault(number, error)
            let overlay = try make(fault.faults)
            try write(overlay, 500..<2000, 7)
            let (good, _) = load(overlay, 0)
            let before = try content(overlay)
            fault.arm(true)
            let (result, _) = load(overlay, 50_000)
            fault.arm(false)
            if case .failure(let error) = result {
                failures += 1
                #expect(error.message.contains("the overlay can't be written"))
            }
            #expect(try content(overlay) == before)
            overlay.adopt(try load(overlay, 50_000).0.get())
            #expect(try content(overlay) == Self.expected(50_000))
            overlay.adopt(try good.get())
            #expect(try content(overlay) == Self.expected(0))
            if !fault.wasMade { break }
        }
        #expect(failures >= 3)
    }

    /// Each allocation fails once, and then with all after it.
    @Test(arguments: [1, 1_000_000]) func memoryThatRunsOutChangesNothing(_ count: Int) throws {
        var (number, failures) = (0, 0)
        while true {
            let overlay = try make()
            try write(overlay, 500..<2000, 7)
            let (good, _) = load(overlay, 0)
            let before = try content(overlay)
            var result: Result<OverlayVersion, ReplayError>?
            let wasMade = AllocationFaults.fail(number, count: count) { result = load(overlay, 50_000).0 }
            if case .failure(let error) = result {
                failures += 1
                #expect(error.status == .noMemory && error.message.contains("memory ran out"))
            }
            #expect(try content(overlay) == before)
            // There is memory again.
            overlay.adopt(try load(overlay, 50_000).0.get())
            #expect(try content(overlay) == Self.expected(50_000))
            overlay.adopt(try good.get())
            #expect(try content(overlay) == Self.expected(0))
            if !wasMade { break }
            number += 1
        }
        #expect(failures > 5 && number < 1000, "\(failures) of \(number)")
    }
}
