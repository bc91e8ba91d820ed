import TestSupport
import Testing

@testable import ReplayLog

@Suite struct CompatibilityTests {
    let scratch = Scratch()

    @Test func unknownKindsAreReadByTheFilesTable() throws {
        let kinds = try Crafted.kinds([
            (1, "INTERRUPT", ""), (50, "FUTURE", "cbusq"), (51, "LONG", "uuuuuuuu"),
        ])
        // FUTURE: icount +5; clock 3, "hi", 300, -2, 1; FUTURE again: clock +1; LONG: 1 to 8; INTERRUPT.
        let payload: [UInt8] = [
            50, 5, 6, 2, 0x68, 0x69, 0xAC, 2, 3, 1, 0, 0, 0, 0, 0, 0, 0,
            50 | 0x40, 2, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0,
            51 | 0x80, 1, 1, 2, 3, 4, 5, 6, 7, 8, 1, 1,
        ]
        Files.write(scratch.path("log"), Crafted.log(kinds: kinds, payload: payload, eventCount: 4))
        let (events, error) = try LogReader(path: scratch.path("log")).readAll()
        #expect(error == nil)
        try #require(events.count == 4)
        #expect(events[0].kind == 50 && events[0].icount == 5 && events[0].values == [3, 300, -2, 1, 0, 0])
        #expect(events[0].bytes == [0x68, 0x69])
        #expect(events[1].kind == 50 && events[1].icount == 5 && events[1].values == [4, 0, 0, 1, 0, 0])
        #expect(events[2].role == .io && events[2].icount == 6 && events[2].values == [1, 2, 3, 4, 5, 6])
        #expect(events[3] == TestEvent(.interrupt, .vcpu, 7))
    }

    @Test func aKindThatNoTableHasIsDamage() throws {
        for kind in [0, 31, 63] as [UInt8] {
            Files.write(scratch.path("log"), Crafted.log(payload: [1, 1, kind, 1], eventCount: 2))
            let outcome = Outcome(scratch.path("log"))
            #expect(outcome.events.count == 1 && outcome.error?.code == .damaged)
            #expect(outcome.error?.eventIndex == 1)
        }
    }

    @Test func aLayoutThatCantBeReadMattersOnlyWhereItIsUsed() throws {
        let kinds = try Crafted.kinds([(1, "INTERRUPT", ""), (50, "FUTURE", "uXs")])
        Files.write(scratch.path("log"), Crafted.log(kinds: kinds, payload: [1, 1], eventCount: 1))
        #expect(Outcome(scratch.path("log")).error == nil)
        Files.write(
            scratch.path("log"), Crafted.log(kinds: kinds, payload: [1, 1, 50, 1, 1, 1, 1], eventCount: 2))
        #expect(Outcome(scratch.path("log")).error?.code == .damaged)
    }

    @Test func aKnownKindWithAnotherLayoutIsRefused() throws {
        let kinds = try Crafted.kinds([(18, "RANDOM", "ub")])
        Files.write(scratch.path("log"), Crafted.log(kinds: kinds, payload: [1, 1], eventCount: 1))
        let error = try #require(Outcome(scratch.path("log")).error)
        #expect(error.code == .version && error.message.contains("RANDOM"))
    }

    @Test func aTableThatNamesANumberTwiceIsDamage() throws {
        // A second CHAR_READ or INTERRUPT, with its own layout or a different one.
        let twice: [(number: UInt8, layout: String)] = [
            (7, ""), (7, "ub"), (1, ""), (1, "b"), (50, "u"), (50, ""),
        ]
        for (number, layout) in twice {
            let entries = KindTable.own.entries.map { ($0.number, $0.name, $0.layout) }
            let kinds = try Crafted.kinds(entries + [(50, "FUTURE", ""), (51, "FUTURE", layout)])
            var metadata = LogMetadata.test.encoded(kinds: kinds)
            // Its last kind is the one whose number changes.
            let last = metadata.count - layout.utf8.count - 1 - 6 - 2
            try #require(metadata[last] == 51 && metadata[last + 2] == UInt8(ascii: "F"))
            metadata[last] = number
            let chunk = Crafted.chunk(.metadata, 0, metadata, 0)
            let header = FileHeader(version: FileHeader.version, segmentSize: 1 << 20).encoded()
            let events = Crafted.chunk(.events, 1, [1, 1], 1, link: Crafted.link(chunk))
            Files.write(scratch.path("log"), header + chunk + events)
            let outcome = Outcome(scratch.path("log"))
            #expect(outcome.error?.code == .damaged && outcome.events.isEmpty)
            #expect(outcome.error?.message.contains("metadata") == true)
        }
    }

    @Test func anEventWithoutBytesShowsNoneOfAnEventBefore() throws {
        // RANDOM with two bytes; INTERRUPT; RANDOM; the I/O thread's CLOCK_HOST, too long for the fast path.
        let payload: [UInt8] = [
            18, 1, 0, 2, 7, 7, 1, 1, 18, 1, 0, 2, 7, 7, 19 | 0x80, 1, 0x80, 0x80, 0x80, 0x80, 1,
        ]
        Files.write(scratch.path("log"), Crafted.log(payload: payload, eventCount: 4))
        let reader = try LogReader(path: scratch.path("log"))
        var event = Event(kind: 0, role: .vcpu, icount: 0, index: 0)
        var counts: [Int] = []
        try withUnsafeMutablePointer(to: &event) { place throws(LogError) in
            while try reader.next(into: place) { counts.append(place.pointee.bytes.count) }
        }
        #expect(counts == [2, 0, 2, 0])
    }

    @Test func aNewerFormatIsRefusedWithASentence() throws {
        for version in [0, 4, 77] as [UInt32] {
            Files.write(scratch.path("log"), Crafted.log(version: version, payload: [1, 1], eventCount: 1))
            let error = try #require(Outcome(scratch.path("log")).error)
            #expect(error.code == .version && error.message.contains("log format \(version)"))
        }
    }

    @Test func kindsKeepTheirNumbersForEver() {
        let table = EventKind.allCases.map { "\($0.rawValue) \($0.name) \"\($0.layout)\"" }
        #expect(
            table == [
                "1 INTERRUPT \"\"", "2 EXCEPTION \"\"", "3 BOTTOM_HALF \"u\"", "4 BOTTOM_HALF_ONESHOT \"u\"",
                "5 INPUT \"usssss\"", "6 INPUT_SYNC \"\"", "7 CHAR_READ \"ub\"", "8 BLOCK \"us\"",
                "9 BLOCK_READ \"usq\"", "10 BLOCK_DATA \"usb\"", "11 NET \"uub\"", "12 SHUTDOWN \"u\"",
                "13 CHAR_WRITE \"ss\"", "14 CHAR_READ_ALL \"b\"", "15 CHAR_READ_ALL_ERROR \"s\"",
                "16 AUDIO_OUT \"u\"", "17 AUDIO_IN \"ub\"", "18 RANDOM \"sb\"", "19 CLOCK_HOST \"c\"",
                "20 CLOCK_VIRTUAL_RT \"c\"", "21 DIGEST \"q\"",
                "22 HOST_DIGEST \"q\"", "23 FLUSH \"uu\"",
                "24 INPUT_FROM \"usssss\"", "25 CHAR_REGISTER \"u\"", "26 AUDIO_IN_AT \"uub\"",
                "32 CHECKPOINT_CLOCK_WARP_START \"\"",
                "33 CHECKPOINT_CLOCK_WARP_ACCOUNT \"\"", "34 CHECKPOINT_RESET_REQUESTED \"\"",
                "35 CHECKPOINT_SUSPEND_REQUESTED \"\"", "36 CHECKPOINT_CLOCK_VIRTUAL \"\"",
                "37 CHECKPOINT_CLOCK_HOST \"\"", "38 CHECKPOINT_CLOCK_VIRTUAL_RT \"\"",
                "39 CHECKPOINT_INIT \"\"", "40 CHECKPOINT_RESET \"\"",
            ])
    }
}
