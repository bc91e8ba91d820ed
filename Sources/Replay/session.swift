// include/replay/session.h, in its order.
// swift-format-ignore-file: AlwaysUseLowerCamelCase

import CReplay
import Glibc
import ReplayEngine
import ReplayLog
import ReplaySystem

// MARK: Life

@_cdecl("replay_configure") @implementation
public func replay_configure(_ config: UnsafePointer<replay_config_t>!) -> replay_status_t {
    withSession { session in
        guard let config else {
            return session.misuse(.invalidArgument, "replay_configure was called without a configuration")
                .code
        }
        guard sizeIfEnough(config.pointee.size, atLeast: Int(REPLAY_CONFIG_SIZE_MIN)) != nil else {
            return session.misuse(.structSize, "the configuration's size is \(config.pointee.size)").code
        }
        if let host = config.pointee.host, host.pointee.size < UInt32(REPLAY_HOST_SIZE_MIN) {
            return session.misuse(.structSize, "the size of the host's table is \(host.pointee.size)").code
        }
        return session.configure(replay_options_known(config), faults: nil).code
    }
}

extension Session {
    /// - Parameter faults: for tests.
    func configure(_ config: replay_config_t, faults: SyscallFaults?) -> Status {
        configure { () throws(ReplayError) in
            var options = try Options(config, environment: isDefault ? replay_environment_options() : nil)
            options.faults = faults
            return (options, config.host.map { Host($0, opaque: config.opaque) } ?? Host())
        }
    }
}

@_cdecl("replay_fingerprint") @implementation
public func replay_fingerprint(_ key: UnsafePointer<CChar>!, _ value: UnsafePointer<CChar>!)
    -> replay_status_t
{
    withSession { session in
        guard let key, let value else {
            return session.misuse(.invalidArgument, "a fingerprint's field needs a key and a value").code
        }
        return session.tell(ByteText(cString: key), ByteText(cString: value)).code
    }
}

@_cdecl("replay_start") @implementation
public func replay_start() -> replay_status_t { withSession { $0.start().code } }

@_cdecl("replay_finish") @implementation
public func replay_finish() -> replay_status_t { withSession { $0.finish().code } }

@_cdecl("replay_finish_with") @implementation
public func replay_finish_with(_ end: UnsafePointer<replay_end_t>!) -> replay_status_t {
    withSession { session in
        guard let end else { return session.finish().code }
        guard sizeIfEnough(end.pointee.size, atLeast: MemoryLayout<replay_end_t>.size) != nil else {
            return session.misuse(.structSize, "the size of replay_end_t is \(end.pointee.size)").code
        }
        let (cause, onPurpose) = (end.pointee.cause, end.pointee.on_purpose)
        guard let end = RunEnd(cause: cause, exitCode: end.pointee.exit_code, onPurpose: onPurpose) else {
            return session.misuse(
                .invalidArgument, "cause \(cause) or on_purpose \(onPurpose) of replay_end_t does not exist"
            ).code
        }
        return session.finish(end).code
    }
}

@_cdecl("replay_add_blocker") @implementation
public func replay_add_blocker(_ reason: UnsafePointer<CChar>!) -> replay_status_t {
    withSession { session in
        guard let reason else { return session.misuse(.invalidArgument, "a blocker needs a reason").code }
        return session.block(String(fileName: reason)).code
    }
}

@_cdecl("replay_get_filename") @implementation
public func replay_get_filename() -> UnsafePointer<CChar>! { withSession { $0.fileName } }

@_cdecl("replay_get_mode") @implementation @inline(never)
public func replay_get_mode() -> replay_mode_t { withSession { $0.mode.rawValue } }

@_cdecl("replay_vmstate_init") @implementation
public func replay_vmstate_init() -> replay_status_t { withSession { $0.initSnapshot().code } }

@_cdecl("replay_query") @implementation
public func replay_query(_ info: UnsafeMutablePointer<replay_info_t>!) -> replay_status_t {
    withSession { session in
        guard let info else {
            return session.misuse(.invalidArgument, "replay_query was called without a struct").code
        }
        if let refusal = session.forkRefusal { return refusal.code }
        var answer = replay_info_t(session.info)
        guard replay_copy_out(info, &answer, MemoryLayout<replay_info_t>.size) else {
            return session.misuse(
                .structSize, "the size of the struct of replay_query is \(info.pointee.size)"
            ).code
        }
        return Status.ok.code
    }
}
