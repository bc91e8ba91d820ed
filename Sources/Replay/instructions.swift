// include/replay/instructions.h, in its order.
// swift-format-ignore-file: AlwaysUseLowerCamelCase

import CReplay
import ReplayEngine

@_cdecl("replay_get_current_icount") @implementation @inline(never)
public func replay_get_current_icount() -> UInt64 { withSession { $0.currentIcount } }

@_cdecl("replay_get_instructions") @implementation @inline(never)
public func replay_get_instructions() -> Int32 { withSession { $0.instructions() } }

@_cdecl("replay_account_executed_instructions") @implementation @inline(never)
public func replay_account_executed_instructions() -> replay_status_t {
    withSession { $0.accountExecuted().code }
}

@_cdecl("replay_get_budget") @implementation @inline(never)
public func replay_get_budget(_ max: UInt64) -> UInt64 { withSession { $0.budget(max) } }

@_cdecl("replay_interrupt") @implementation @inline(never)
public func replay_interrupt() -> Bool { withSession { $0.takeInterrupt() } }

@_cdecl("replay_has_interrupt") @implementation
public func replay_has_interrupt() -> Bool { withSession { $0.hasInterrupt() } }

@_cdecl("replay_exception") @implementation @inline(never)
public func replay_exception() -> Bool { withSession { $0.takeException() } }

@_cdecl("replay_has_exception") @implementation
public func replay_has_exception() -> Bool { withSession { $0.hasException() } }
