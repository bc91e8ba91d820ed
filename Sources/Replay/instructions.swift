// include/replay/instructions.h, in its order.
// swift-format-ignore-file: AlwaysUseLowerCamelCase

import CReplay
import ReplayEngine

@c @implementation
public func replay_get_current_icount() -> UInt64 { withSession { $0.currentIcount } }

@c @implementation
public func replay_get_instructions() -> Int32 { withSession { $0.instructions() } }

@c @implementation
public func replay_account_executed_instructions() -> replay_status_t {
    withSession { $0.accountExecuted().code }
}

@c @implementation
public func replay_get_budget(_ max: UInt64) -> UInt64 { withSession { $0.budget(max) } }

@c @implementation
public func replay_interrupt() -> Bool { withSession { $0.takeInterrupt() } }

@c @implementation
public func replay_has_interrupt() -> Bool { withSession { $0.hasInterrupt() } }

@c @implementation
public func replay_exception() -> Bool { withSession { $0.takeException() } }

@c @implementation
public func replay_has_exception() -> Bool { withSession { $0.hasException() } }
