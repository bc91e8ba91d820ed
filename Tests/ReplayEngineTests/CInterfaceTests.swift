import CReplay
import Replay
import Testing

@testable import ReplayEngine

/// The engine has enums of its own; their numbers are those of the public headers.
@Suite struct CInterfaceTests {
    /// "logCut" as "LOG_CUT".
    private func constant(_ name: String) -> String {
        name.reduce(into: "") { $0 += $1.isUppercase ? "_\($1)" : $1.uppercased() }
    }

    @Test func statusesAreThoseOfTheHeader() {
        for status in Status.allCases {
            let name = String(cString: replay_status_name(status.code))
            let expected = constant("\(status)")
            #expect(name == (status.code < 0 ? "ERROR_\(expected)" : expected), "\(status)")
        }
        let known = (-999...999).filter { String(cString: replay_status_name($0)) != "UNKNOWN" }
        #expect(known.count == Status.allCases.count)
    }

    @Test func overlaysAreThoseOfTheHeader() {
        #expect(DiskConfiguration.OverlayKind.usual.rawValue == Int32(REPLAY_BLOCK_OVERLAY_DEFAULT))
        #expect(DiskConfiguration.OverlayKind.temporary.rawValue == Int32(REPLAY_BLOCK_OVERLAY_TEMPORARY))
        #expect(DiskConfiguration.OverlayKind.file.rawValue == Int32(REPLAY_BLOCK_OVERLAY_FILE))
        #expect(DiskConfiguration.OverlayKind.off.rawValue == Int32(REPLAY_BLOCK_OVERLAY_OFF))
        #expect(BlockRequest.forced == UInt32(REPLAY_BLOCK_FUA))
    }
}
