import Glibc
import ReplayLog
import ReplaySystem
import TestSupport
import Testing

@testable import ReplaySnapshots

@Suite struct FailureTests {
    let scratch = Scratch()
    private static let calls: [SyscallFaults.Call] = [
        .open, .lock, .stat, .seek, .read, .write, .truncate, .sync,
    ]

    /// Writes a store twice, the second time after a session that wrote something. Returns how many calls were made.
    private func write(_ faults: SyscallFaults, _ path: String, _ guest: Guest) throws -> LogError? {
        do throws(LogError) {
            guest.load(guest.start)
            guard let store = guest.makeStore() else { throw LogError(.noMemory, "") }
            let writer = try guest.writer(path, faults: faults)
            guest.write(11...15, 3...9, to: writer, store)
            #expect(store.labels.count == 5 && store.violations() == [])
            try writer.finish()
            return nil
        } catch {
            return error
        }
    }

    @Test(arguments: calls, [EIO, ENOSPC]) func anyCallMayFail(_ call: SyscallFaults.Call, _ errno: Int32)
        throws
    {
        let guest = Guest(seed: 31, regions: [RAMRegion(id: 3, length: 20 * 64, pageBytes: 64)], disks: [700])
        let path = scratch.path("a.snap")
        let before = try #require(guest.makeStore())
        let first = try guest.writer(path)
        guest.write(1...3, 3...9, to: first, before)
        try first.finish()
        let old = try #require(Files.read(path))
        var number = 0
        while true {
            Files.write(path, old)
            let failing = number
            let faults = SyscallFaults { $0 == call && $1 >= failing ? .fail(errno) : .pass }
            let error = try write(faults, path, guest)
            let reader = try guest.reader(path)
            #expect(guest.check(reader) == [], "\(call) \(number)")
            #expect(reader.labels.map(\.id).starts(with: [1, 2, 3]), "\(call) \(number)")
            if call != .truncate { #expect(!reader.hasDamage) }
            guard let error else {
                #expect(reader.labels.count == 8)
                break
            }
            #expect(error.code == (errno == ENOSPC ? .diskFull : .system(errno)), "\(error)")
            number += 1
        }
        #expect(number > 0)
    }

    @Test func aWriteThatStopsHalfwayLosesNothingThatWasWhole() throws {
        let guest = Guest(seed: 32, regions: [RAMRegion(id: 3, length: 20 * 64, pageBytes: 64)], disks: [700])
        for canTruncate in [true, false] {
            var number = 0
            while true {
                let path = scratch.path("\(canTruncate)\(number).snap")
                let failing = number
                let faults = SyscallFaults { call, count in
                    switch call {
                    case .write: count == failing ? .short(30) : count > failing ? .fail(ENOSPC) : .pass
                    case .truncate: canTruncate || count == 0 ? .pass : .fail(EIO)
                    default: .pass
                    }
                }
                let error = try write(faults, path, guest)
                if number > 0 {
                    let reader = try guest.reader(path)
                    #expect(guest.check(reader) == [] && !reader.hasDamage)
                    // The next session goes on after what is whole.
                    guest.load(guest.start)
                    let store = try #require(guest.makeStore())
                    let writer = try guest.writer(path)
                    guest.write(21...22, 3...9, to: writer, store)
                    #expect(guest.check(try guest.reader(path)) == [])
                }
                if error == nil { break }
                #expect(error?.code == .diskFull)
                number += 1
            }
            #expect(number > 10)
        }
    }

    @Test func shortCallsGoOn() throws {
        let guest = Guest(seed: 33)
        let path = scratch.path("a.snap")
        let faults = SyscallFaults { _, count in .short(1 + count % 50) }
        #expect(try write(faults, path, guest) == nil)
        let reader = try guest.reader(path, faults: faults)
        #expect(reader.labels.count == 5 && guest.check(reader) == [])
    }

    @Test(arguments: [.read, .seek, .stat, .open] as [SyscallFaults.Call])
    func aReaderThatCantReadReportsIt(_ call: SyscallFaults.Call) throws {
        let guest = Guest(seed: 34, regions: [RAMRegion(id: 3, length: 20 * 64, pageBytes: 64)], disks: [700])
        let path = scratch.path("a.snap")
        #expect(try write(SyscallFaults { _, _ in .pass }, path, guest) == nil)
        for number in 0..<1000 {
            var failed = false
            let faults = SyscallFaults { $0 == call && $1 == number ? .fail(EIO) : .pass }
            do throws(LogError) {
                let reader = try guest.reader(path, faults: faults)
                for label in reader.labels {
                    guard let snapshot = try reader.open(label.id) else { continue }
                    #expect(try guest.materialized(snapshot, from: reader) == guest.copies[label.id])
                }
            } catch {
                failed = true
                #expect(error.code == .system(EIO))
            }
            if !failed { break }
            #expect(number < 999)
        }
    }
}
