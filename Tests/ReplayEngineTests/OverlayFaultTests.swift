import Glibc
import TestSupport
import Testing

@testable import ReplayEngine
@testable import ReplaySystem

/// Each system call on an overlay with versions fails once: the content stays what it was, or a call says why not.
@Suite struct OverlayFaultTests {
    private let scratch = Scratch()
    private var path: String { scratch.path("overlay") }
    private static let length = 200_000

    private struct Course {
        var failures = 0
        var content = [UInt8](repeating: 0, count: OverlayFaultTests.length)
    }

    private func write(_ overlay: Overlay, _ range: Range<Int>, _ byte: UInt8, _ course: inout Course) {
        let bytes = [UInt8](repeating: byte, count: range.count)
        do throws(SystemError) {
            let range = UInt64(range.lowerBound)..<UInt64(range.upperBound)
            let result = bytes.withUnsafeBytes { bytes in
                Result { () throws(SystemError) in try overlay.write(bytes, range, isForced: false) }
            }
            try result.get()
        } catch {
            course.failures += 1
            return
        }
        for index in range { course.content[index] = byte }
    }

    private func clear(_ overlay: Overlay, _ range: Range<Int>, _ course: inout Course) {
        do throws(SystemError) {
            try overlay.clear(UInt64(range.lowerBound)..<UInt64(range.upperBound), isForced: false)
        } catch {
            course.failures += 1
            return
        }
        for index in range { course.content[index] = 0 }
    }

    private func content(_ overlay: Overlay) throws -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: Self.length)
        let result = bytes.withUnsafeMutableBytes { bytes in
            Result { () throws(SystemError) in try overlay.patch(bytes, 0..<UInt64(Self.length)) }
        }
        try result.get()
        return bytes
    }

    /// Two versions, writes after them, and back to the second.
    private func run(_ overlay: Overlay, _ fault: Fault) throws -> (Course, OverlayVersion) {
        try run(overlay) { body in
            fault.arm(true)
            body()
            fault.arm(false)
        }
    }

    /// - Parameter failing: runs its argument, in which calls may fail.
    private func run(_ overlay: Overlay, failing: (() -> Void) -> Void) throws -> (Course, OverlayVersion) {
        var course = Course()
        write(overlay, 1000..<90_000, 1, &course)
        let first = try #require(overlay.keep(diskLength: Int64(Self.length)))
        let atFirst = course.content
        write(overlay, 5000..<6000, 2, &course)
        clear(overlay, 20_000..<30_000, &course)
        clear(overlay, 120_000..<130_000, &course)
        let second = try #require(overlay.keep(diskLength: Int64(Self.length)))
        let atSecond = course.content
        failing {
            write(overlay, 4000..<7000, 3, &course)
            write(overlay, 4000..<7000, 4, &course)
            clear(overlay, 0..<2000, &course)
            write(overlay, 150_000..<170_000, 5, &course)
            clear(overlay, 150_000..<151_000, &course)
            _ = overlay.keep(diskLength: Int64(Self.length))
            write(overlay, 160_000..<161_000, 6, &course)
        }
        #expect(try content(overlay) == course.content)
        overlay.adopt(first)
        #expect(try content(overlay) == atFirst)
        overlay.adopt(second)
        #expect(try content(overlay) == atSecond)
        course.content = atSecond
        return (course, first)
    }

    @Test(arguments: [EIO, ENOSPC]) func aFailedWriteLeavesTheVersions(_ error: Int32) throws {
        var failures = 0
        for number in 0..<100 {
            let fault = Fault(number, error)
            let file = try DataFile.kept(path, Syscalls(faults: fault.faults))
            try file.empty()
            let (course, _) = try run(Overlay(file, isKept: true) { _ in }, fault)
            failures += course.failures
            if !fault.wasMade { break }
        }
        // A full disk is tried twice where there may be unused places.
        #expect(failures >= (error == EIO ? 3 : 1))
    }

    @Test(arguments: [1, 1_000_000]) func memoryThatRunsOutLeavesTheVersions(_ count: Int) throws {
        var (number, failures) = (0, 0)
        while true {
            let file = try DataFile.kept(path, Syscalls(faults: nil))
            try file.empty()
            var wasMade = false
            let (course, _) = try run(Overlay(file, isKept: true) { _ in }) { body in
                wasMade = AllocationFaults.fail(number, count: count, body)
            }
            failures += course.failures
            if !wasMade { break }
            number += 1
        }
        #expect(failures >= 10 && number < 1000)
    }

    @Test func aKeptFileThatCannotBeFinishedIsReported() throws {
        var reported = 0
        for number in 0..<100 {
            let fault = Fault(number, EIO)
            let file = try DataFile.kept(path, Syscalls(faults: fault.faults))
            try file.empty()
            let overlay = Overlay(file, isKept: true) { _ in }
            let (course, version) = try run(overlay, fault)
            fault.arm(true)
            var isFinished = true
            do throws(SystemError) { try overlay.finish() } catch {
                isFinished = false
                reported += 1
            }
            fault.arm(false)
            if isFinished {
                let length = course.content.lastIndex { $0 != 0 }.map { $0 + 1 } ?? 0
                var bytes = [UInt8](repeating: 0, count: Self.length)
                let descriptor = open(path, O_RDONLY)
                defer { close(descriptor) }
                #expect(read(descriptor, &bytes, Self.length) >= length && bytes == course.content)
            }
            withExtendedLifetime(version) {}
            if !fault.wasMade { break }
        }
        #expect(reported >= 4)
    }
}
