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

    @Test func aNewerFormatIsRefusedWithASentence() throws {
        for version in [0, 3, 77] as [UInt32] {
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
