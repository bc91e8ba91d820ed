// include/replay/errors.h, in its order.
// swift-format-ignore-file: AlwaysUseLowerCamelCase

import CReplay
import ReplayEngine

@_cdecl("replay_last_error") @implementation
public func replay_last_error(_ error: UnsafeMutablePointer<replay_error_t>!) -> replay_status_t {
    withSession { session in
        let last = session.lastError ?? ReplayError(.ok, "")
        guard let error else { return last.status.code }
        guard let size = sizeIfEnough(error.pointee.size, atLeast: 8) else { return Status.structSize.code }
        last.copy(to: UnsafeMutableRawPointer(error), size: size)
        return last.status.code
    }
}

// replay_status_name() and replay_status_sentence(): CInterface/interface.c.
