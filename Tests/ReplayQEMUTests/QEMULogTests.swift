import ReplayLog
import ReplaySystem
import Testing

@testable import ReplayQEMU

@Suite struct QEMULogTests {
    @Test(arguments: QEMUBytes.formats) func everyKindIsRead(_ format: QEMUFormat) {
        let (bytes, kinds) = QEMUBytes.everyKind(format)
        let log = ReadLog(bytes) { checkFields($0, format) }
        #expect(log.error == nil)
        #expect(log.format == format)
        #expect(log.events.map(\.kind) == kinds)
        #expect(log.isClean && log.ending == .whole)
        // Nothing is skipped: kinds and payloads are the whole file.
        let sizes = log.events.map { 1 + $0.payload.count }
        #expect(sizes.reduce(QEMULogReader.headerSize, +) == bytes.count)
        #expect(log.events.filter { $0.kind == .input }.map(\.payload) == QEMUBytes.inputs(format))
        #expect(log.events.last?.icount == 1000)
    }

    private func checkFields(_ event: QEMUEvent, _ format: QEMUFormat) {
        switch event.kind {
        case .instruction: #expect(event.instructions == 1000 && event.icount == 1000)
        case .bottomHalf, .bottomHalfOneshot, .block: #expect(event.id == UInt64(event.kind.rawValue) << 40)
        case .charRead: #expect(event.device == 3 && Array(event.bytes) == [1, 2, 3])
        case .net: #expect(event.device == 1 && event.netFlags == 7 && event.bytes.count == 60)
        case .charWrite: #expect(event.result == -11 && event.writtenOffset == 12)
        case .charReadAll: #expect(event.bytes.isEmpty)
        case .charReadAllError: #expect(event.result == -32)
        case .audioOut: #expect(event.samples == 25 << 40)
        case .audioIn:
            #expect(event.samples == 2 && event.bytes.count == 32)
            #expect(event.writePosition == (format.payloads == .c ? 77 : nil))
        case .random: #expect(event.result == 0 && Array(event.bytes) == [4, 5])
        case .clockHost: #expect(event.clockValue == (event.index == 0 ? -5 : .max))
        case .input: checkInput(event.input)
        default: #expect(event.payload.isEmpty || event.kind == .clockVirtualRT)
        }
    }

    private func checkInput(_ input: QEMUInput?) {
        switch input?.kind {
        case .key:
            switch input?.key {
            case .number(let number): #expect(number == 31 && input?.isDown == false)
            case .qcode(let code): #expect(code == 38 && input?.isDown == true)
            case .linux(let code): #expect(code == 30 && input?.isDown == true)
            case nil: Issue.record("a key without a name")
            }
        case .button: #expect(input?.button == 2 && input?.isDown == true)
        case .relative: #expect(input?.axis == 1 && input?.value == -3)
        case .absolute: #expect(input?.axis == 0 && input?.value == 32767)
        case .multiTouch:
            #expect(input?.touch == 1 && input?.slot == 2 && input?.trackingID == -1)
            #expect(input?.axis == 1 && input?.value == 500)
        case nil: Issue.record("no input")
        }
    }

    /// A recorder that died wrote no version, and no END.
    @Test(arguments: QEMUBytes.formats) func aKilledLogIsReadAtEveryCut(_ format: QEMUFormat) {
        let whole = QEMUBytes.everyKind(format, version: 0).bytes
        let file = LogFile(whole)
        let all = ReadLog(file.path)
        #expect(all.error == nil && all.format == format && !all.isClean)
        for length in 18..<whole.count {
            file.write(Array(whole[..<length]))
            let log = ReadLog(file.path)
            #expect(log.error == nil && !log.isClean)
            // A beginning may fit several formats; the events are the same where the format is.
            guard log.format?.numbering == format.numbering, log.format?.payloads == format.payloads else {
                continue
            }
            let expected = all.events.prefix { $0.offset + 1 + UInt64($0.payload.count) <= UInt64(length) }
            #expect(log.events == Array(expected))
            let next = log.events.last.map { $0.offset + 1 + UInt64($0.payload.count) } ?? 12
            #expect(log.ending == (next == UInt64(length) ? .afterEvent : .withinEvent(offset: next)))
        }
    }

    @Test func aCleanLogThatWasCutIsNotClean() {
        let whole = QEMUBytes.everyKind(QEMUBytes.formats[0]).bytes
        let log = ReadLog(whole.dropLast())
        #expect(log.error == nil && !log.isClean && log.ending == .afterEvent)
    }

    /// An event that is longer than the window, between short ones.
    @Test(arguments: [1 << 18, (1 << 18) - 9, 3 << 20]) func longEventsAreRead(_ count: Int) {
        var log = QEMUBytes(QEMUBytes.formats[0])
        log.kind(.checkpointInit)
        for _ in 0..<3 {
            log.kind(.charReadAll)
            log.array([UInt8](repeating: 7, count: count))
            log.kind(.interrupt)
        }
        log.kind(.end)
        let read = ReadLog(log.bytes)
        #expect(read.error == nil && read.isClean && read.events.count == 8)
        #expect(read.events.filter { $0.kind == .charReadAll }.allSatisfy { $0.payload.count == 4 + count })
    }

    @Test func damageIsReportedWithItsPlace() {
        var log = QEMUBytes(QEMUBytes.formats[0])
        log.kind(.checkpointInit)
        log.kind(.interrupt)
        let good = log.bytes
        let damages: [([UInt8], String)] = [
            ([21], "a byte 21 where an event must begin"), ([200], "a byte 200 where an event must begin"),
            ([5, 0, 0, 0, 9], "no valid event of the kind ASYNC_INPUT"),
            ([5, 0, 0, 0, 1, 0, 0, 0, 0, 2], "no valid event of the kind ASYNC_INPUT"),
            ([23, 255, 255, 255, 255], "no valid event of the kind CHAR_READ_ALL"),
            ([26, 255, 255, 255, 255, 255, 255, 255, 255] + [UInt8](repeating: 0, count: 8), "AUDIO_IN"),
            ([39, 1], "has bytes after its end"),
        ]
        for (bytes, what) in damages {
            let read = ReadLog(good + bytes)
            #expect(read.error?.code == .damaged)
            #expect(
                read.error?.message.contains(what) == true, "\(read.error?.message ?? "none") lacks \(what)")
            #expect(read.error?.offset == UInt64(good.count + (bytes[0] == 39 ? 1 : 0)))
            #expect(read.error?.eventIndex == (bytes[0] == 39 ? 3 : 2))
        }
    }

    @Test func otherFilesAreRefused() {
        let zeros = [UInt8](repeating: 0, count: 4096)
        let ours: [UInt8] = [0x89, 0x52, 0x50, 0x4C, 0x0D, 0x0A, 0x1A, 0x0A]
        for bytes in [[], [0, 0xe0], zeros, ours + zeros, Array("no log, but a text".utf8)] {
            #expect(ReadLog(bytes).error?.code == .notALog)
        }
        #expect(ReadLog("/tmp").error?.code == .notALog)
        #expect(ReadLog("/nowhere/log").error?.code == .notFound)
        for version: UInt32 in [0x00e0_200b, 0x00e0_200f] {
            let log = QEMUBytes(QEMUBytes.formats[0], version: version)
            #expect(ReadLog(log.bytes + [1]).error?.code == .version)
        }
    }

    @Test func aFailingReadIsAnErrorAndAShortOneIsRepeated() {
        let file = LogFile(QEMUBytes.everyKind(QEMUBytes.formats[0]).bytes)
        let whole = ReadLog(file.path)
        for number in 1...5 {
            let failing = ReadLog(
                file.path,
                faults: SyscallFaults { call, count in
                    call == .read && count == number ? .fail(5) : .pass
                })
            #expect(failing.error?.code == .system(5) || failing.events == whole.events)
            let short = ReadLog(
                file.path,
                faults: SyscallFaults { call, count in
                    call == .read && count >= number ? .short(3) : .pass
                })
            #expect(short.error == nil && short.events == whole.events)
        }
    }
}
