// include/replay/block.h, in its order.
// swift-format-ignore-file: AlwaysUseLowerCamelCase

import CReplay
import Glibc
import ReplayEngine

@_cdecl("replay_block_open") @implementation
public func replay_block_open(
    _ config: UnsafePointer<replay_block_config_t>!, _ status: UnsafeMutablePointer<replay_status_t>!
) -> OpaquePointer! {
    withSession { session in
        let (handle, result) = open(config, session)
        status?.pointee = result.code
        return handle.flatMap { OpaquePointer(bitPattern: $0) }
    }
}

private func open(_ config: UnsafePointer<replay_block_config_t>?, _ session: Session) -> (UInt?, Status) {
    guard let config else {
        return (nil, session.misuse(.invalidArgument, "replay_block_open was called without a configuration"))
    }
    guard config.pointee.size >= UInt32(MemoryLayout<replay_block_config_t>.size) else {
        return (
            nil, session.misuse(.structSize, "the size of the disk's configuration is \(config.pointee.size)")
        )
    }
    if let backend = config.pointee.backend,
        backend.pointee.size < UInt32(MemoryLayout<replay_block_backend_t>.size)
    {
        return (
            nil, session.misuse(.structSize, "the size of the backend's table is \(backend.pointee.size)")
        )
    }
    return session.openDisk(DiskConfiguration(config.pointee))
}

@_cdecl("replay_block_close") @implementation
public func replay_block_close(_ disk: OpaquePointer!) -> replay_status_t {
    guard let disk else { return Status.ok.code }
    return withSession { $0.closeDisk(UInt(bitPattern: disk)).code }
}

@_cdecl("replay_block_length") @implementation
public func replay_block_length(_ disk: OpaquePointer!) -> Int64 {
    withSession { $0.diskLength(UInt(bitPattern: disk)) }
}

@_cdecl("replay_block_read") @implementation
public func replay_block_read(
    _ disk: OpaquePointer!, _ offset: UInt64, _ pieces: UnsafePointer<iovec>!, _ count: Int32,
    _ flags: UInt32,
    _ complete: replay_block_complete_t!, _ opaque: UnsafeMutableRawPointer!
) -> replay_status_t {
    submit(disk, .read, offset, pieces, count, flags, complete, opaque)
}

@_cdecl("replay_block_write") @implementation
public func replay_block_write(
    _ disk: OpaquePointer!, _ offset: UInt64, _ pieces: UnsafePointer<iovec>!, _ count: Int32,
    _ flags: UInt32,
    _ complete: replay_block_complete_t!, _ opaque: UnsafeMutableRawPointer!
) -> replay_status_t {
    submit(disk, .write, offset, pieces, count, flags, complete, opaque)
}

/// A request with data.
private func submit(
    _ disk: OpaquePointer?, _ kind: BlockRequestKind, _ offset: UInt64, _ pieces: UnsafePointer<iovec>?,
    _ count: Int32, _ flags: UInt32, _ complete: replay_block_complete_t?, _ opaque: UnsafeMutableRawPointer?
) -> replay_status_t {
    withSession { session in
        guard let (pieces, length) = checked(pieces, count) else {
            return session.misuse(.invalidArgument, "a disk request has no valid pieces").code
        }
        guard let complete else {
            return session.misuse(.invalidArgument, "a disk request needs a completion").code
        }
        return session.submit(
            UInt(bitPattern: disk), kind, offset: offset, length: UInt64(length), pieces: pieces,
            flags: flags,
            complete, opaque
        ).code
    }
}

@_cdecl("replay_block_zeroes") @implementation
public func replay_block_zeroes(
    _ disk: OpaquePointer!, _ offset: UInt64, _ length: UInt64, _ flags: UInt32,
    _ complete: replay_block_complete_t!, _ opaque: UnsafeMutableRawPointer!
) -> replay_status_t {
    submit(disk, .zeroes, offset, length, flags, complete, opaque)
}

@_cdecl("replay_block_discard") @implementation
public func replay_block_discard(
    _ disk: OpaquePointer!, _ offset: UInt64, _ length: UInt64, _ complete: replay_block_complete_t!,
    _ opaque: UnsafeMutableRawPointer!
) -> replay_status_t {
    submit(disk, .discard, offset, length, 0, complete, opaque)
}

@_cdecl("replay_block_flush") @implementation
public func replay_block_flush(
    _ disk: OpaquePointer!, _ complete: replay_block_complete_t!, _ opaque: UnsafeMutableRawPointer!
) -> replay_status_t {
    submit(disk, .flush, 0, 0, 0, complete, opaque)
}

/// A request without data.
private func submit(
    _ disk: OpaquePointer?, _ kind: BlockRequestKind, _ offset: UInt64, _ length: UInt64, _ flags: UInt32,
    _ complete: replay_block_complete_t?, _ opaque: UnsafeMutableRawPointer?
) -> replay_status_t {
    withSession { session in
        guard let complete else {
            return session.misuse(.invalidArgument, "a disk request needs a completion").code
        }
        return session.submit(
            UInt(bitPattern: disk), kind, offset: offset, length: length, flags: flags, complete, opaque
        ).code
    }
}

@_cdecl("replay_block_complete") @implementation
public func replay_block_complete(_ request: OpaquePointer!, _ result: Int32) -> replay_status_t {
    if let request, Session.complete(UInt(bitPattern: request), result) { return Status.ok.code }
    return withSession {
        $0.misuse(.invalidArgument, "replay_block_complete was called for a request that is not pending")
            .code
    }
}
