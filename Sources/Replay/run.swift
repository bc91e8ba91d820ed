// include/replay/run.h, in its order.
// swift-format-ignore-file: AlwaysUseLowerCamelCase

import CReplay
import ReplayEngine

@_cdecl("replay_run") @implementation
public func replay_run() -> replay_status_t { withSession { $0.run().code } }

@_cdecl("replay_run_stop") @implementation
public func replay_run_stop() -> replay_status_t { withSession { $0.stopRun().code } }
