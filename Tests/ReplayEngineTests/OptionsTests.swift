import CReplay
import Testing

@testable import Replay
@testable import ReplayEngine

@Suite struct OptionsTests {
    private func options(_ text: String) throws(ReplayError) -> Options {
        var config = replay_config_t()
        config.shift = Int32(REPLAY_SHIFT_DEFAULT)
        var result: Result<Options, ReplayError> = .success(Options())
        text.withCString { pointer in
            config.options = pointer
            do throws(ReplayError) { result = .success(try Options(config)) } catch {
                result = .failure(error)
            }
        }
        return try result.get()
    }

    @Test func readsWhatEmulatorUsersWrite() throws {
        let options = try options("shift=auto,sleep=off,align=on,rr=record,rrfile=a,,b.log")
        #expect(options.shift == .automatic)
        #expect(options.sleep == false)
        #expect(options.align)
        #expect(options.mode == .record)
        #expect(options.fileName == "a,b.log")
    }

    @Test func leavesDefaultsWhereNothingIsSaid() throws {
        let options = try options("")
        #expect(options.shift == .unset)
        #expect(options.sleep == nil)
        #expect(options.stallMilliseconds == 1000)
        #expect(options.segmentBytes == 1 << 20)
    }

    @Test(arguments: [
        ("shift=11", "shift"), ("shift=", "shift"), ("sleep=perhaps", "sleep"), ("rr=play", "rr"),
        ("rrstall=0", "rrstall"), ("rrsegment=1", "rrsegment"), ("rrfull=wait", "rrfull"), ("size=1", "size"),
        ("rrdigest=-1", "rrdigest"), ("rrlint", "rrlint"),
    ])
    func namesTheOptionThatIsBad(_ text: String, _ name: String) {
        #expect {
            _ = try options(text)
        } throws: { error in
            let error = error as? ReplayError
            return error?.status == .badOption && error?.message.contains(name) == true
        }
    }
}
