// include/replay/snapshot.h, in its order.
// swift-format-ignore-file: AlwaysUseLowerCamelCase

import CReplay
import ReplayEngine

@_cdecl("replay_can_snapshot") @implementation
public func replay_can_snapshot() -> Bool { withSession { $0.canSnapshot() } }

@_cdecl("replay_position_save") @implementation
public func replay_position_save(_ out: UnsafePointer<replay_stream_t>!) -> replay_status_t {
    withSession { session in
        if let failure = session.failure(ofStream: out) { return failure.code }
        guard let stream = out?.pointee, let write = stream.write else {
            return session.misuse(.invalidArgument, "a position is saved to a stream with write()").code
        }
        return session.savePosition { write(stream.opaque, $0.baseAddress, $0.count) }.code
    }
}

@_cdecl("replay_position_load") @implementation
public func replay_position_load(_ in: UnsafePointer<replay_stream_t>!) -> replay_status_t {
    withSession { session in
        if let failure = session.failure(ofStream: `in`) { return failure.code }
        guard let stream = `in`?.pointee, let read = stream.read else {
            return session.misuse(.invalidArgument, "a position is loaded from a stream with read()").code
        }
        return session.loadPosition { read(stream.opaque, $0.baseAddress, $0.count) }.code
    }
}

// MARK: Breaks and output

@_cdecl("replay_break") @implementation
public func replay_break(
    _ icount: UInt64, _ reached: replay_callback_t!, _ opaque: UnsafeMutableRawPointer!
) -> replay_status_t {
    withSession { session in
        guard let reached else { return session.misuse(.invalidArgument, "a break needs a callback").code }
        return session.setBreak(icount, reached, opaque).code
    }
}

@_cdecl("replay_delete_break") @implementation
public func replay_delete_break() -> replay_status_t { withSession { $0.deleteBreak().code } }

@_cdecl("replay_output_due") @implementation @inline(never)
public func replay_output_due() -> Bool { withSession { $0.isOutputDue } }

// MARK: Branches

@_cdecl("replay_branch") @implementation
public func replay_branch(_ path: UnsafePointer<CChar>!) -> replay_status_t {
    withSession { session in
        guard let path, path.pointee != 0 else {
            return session.misuse(.invalidArgument, "a branch needs the name of its log").code
        }
        return session.branch(to: String(fileName: path)).code
    }
}

extension Session {
    fileprivate func failure(ofStream stream: UnsafePointer<replay_stream_t>?) -> Status? {
        guard let stream,
            sizeIfEnough(stream.pointee.size, atLeast: MemoryLayout<replay_stream_t>.size) == nil
        else { return nil }
        return misuse(.structSize, "the size of replay_stream_t is \(stream.pointee.size)")
    }
}
