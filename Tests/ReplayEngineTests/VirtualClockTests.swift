import Testing

@testable import ReplayEngine

@Suite struct VirtualClockTests {
    @Test func countsInstructionsByTheShift() {
        let clock = VirtualClock(shift: 3)
        #expect(clock.now(10) == 80)
        #expect(clock.instructions(for: 80) == 10)
        #expect(clock.instructions(for: 81) == 11)
        #expect(clock.instructions(for: -5) == 0)
    }

    @Test func aWarpAddsTheTimeSlept() {
        var clock = VirtualClock(shift: 0)
        clock.armWarp(real: 1000, deadline: 500, target: 600)
        clock.endWarp(real: 1300, icount: 100)
        #expect(clock.now(100) == 400)
        #expect(clock.warped == 300)
        clock.endWarp(real: 9999, icount: 100)
        #expect(clock.now(100) == 400, "a warp that is over adds nothing")
    }

    @Test func aWarpBeginsAtItsEarliestStart() {
        var clock = VirtualClock(shift: 0)
        clock.armWarp(real: 1000, deadline: 500, target: 500)
        clock.armWarp(real: 1200, deadline: 100, target: 100)
        #expect(clock.warpEnd == 1300)
        clock.endWarp(real: 1300, icount: 0)
        #expect(clock.now(0) == 300)
    }

    @Test func inAutoModeAWarpNeverPassesRealTime() {
        var clock = VirtualClock(shift: nil)
        clock.skip(900)
        clock.armWarp(real: 0, deadline: 1, target: 1)
        clock.endWarp(real: 1000, icount: 0)
        #expect(clock.now(0) == 1000)
    }

    @Test func theAutomaticShiftFollowsASlowHostWithoutAJump() {
        var clock = VirtualClock(shift: nil)
        let before = clock.shift
        for step in 1...20 {
            let icount = UInt64(step) * 1_000_000
            let virtual = clock.now(icount)
            clock.look(icount: icount, real: Int64(step) * 1_000_000_000)
            #expect(clock.now(icount) == virtual, "the clock itself must not jump")
        }
        #expect(clock.shift > before)
        #expect(clock.shift <= VirtualClock.maximalShift)
    }
}
