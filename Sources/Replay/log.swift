// include/replay/log.h, in its order.
// swift-format-ignore-file: AlwaysUseLowerCamelCase

import CReplay
import ReplayEngine
import ReplayLog
import ReplaySystem

// MARK: Life

@_cdecl("replay_log_open") @implementation
public func replay_log_open(
    _ path: UnsafePointer<CChar>!, _ error: UnsafeMutablePointer<replay_error_t>!
) -> OpaquePointer! {
    if let error, sizeIfEnough(error.pointee.size, atLeast: 8) == nil { return nil }
    var failure = ReplayError(.ok, "")
    var handle: OpaquePointer?
    do throws(ReplayError) {
        guard let path else { throw ReplayError(.invalidArgument, "replay_log_open needs the name of a log") }
        handle = LogHandles.open(try OpenLog(path: String(fileName: path)))
    } catch let thrown {
        failure = thrown
    }
    if let error { failure.copy(to: UnsafeMutableRawPointer(error), size: Int(error.pointee.size)) }
    return handle
}

@_cdecl("replay_log_close") @implementation
public func replay_log_close(_ log: OpaquePointer!) { LogHandles.close(log) }

@_cdecl("replay_log_last_error") @implementation
public func replay_log_last_error(
    _ log: OpaquePointer!, _ error: UnsafeMutablePointer<replay_error_t>!
) -> replay_status_t {
    let failure: ReplayError
    if let log = LogHandles.find(log) {
        failure = log._withUnsafeGuaranteedRef { $0.failure } ?? ReplayError(.ok, "")
    } else {
        failure = ReplayError(.invalidArgument, "the handle is not that of an open log")
    }
    guard let error else { return failure.status.code }
    guard let size = sizeIfEnough(error.pointee.size, atLeast: 8) else { return Status.structSize.code }
    failure.copy(to: UnsafeMutableRawPointer(error), size: size)
    return failure.status.code
}

/// A call for an open log, which notes its failure there.
@inline(__always)
private func withLog(_ handle: OpaquePointer?, _ body: (OpenLog) throws(ReplayError) -> Void) -> Status {
    guard let handle = LogHandles.find(handle) else { return .invalidArgument }
    return handle._withUnsafeGuaranteedRef { log in
        do throws(ReplayError) {
            try body(log)
            if log.failure != nil { log.failure = nil }
            return .ok
        } catch {
            log.failure = error
            return error.status
        }
    }
}

/// The reader's errors as the session's.
@inline(__always)
private func reading<Result>(_ body: () throws(LogError) -> Result) throws(ReplayError) -> Result {
    do throws(LogError) {
        return try body()
    } catch {
        throw ReplayError(error)
    }
}

private func misuse(_ status: Status, _ sentence: String) -> ReplayError { ReplayError(status, sentence) }

// MARK: Description

@_cdecl("replay_log_query") @implementation
public func replay_log_query(
    _ log: OpaquePointer!, _ info: UnsafeMutablePointer<replay_log_info_t>!
) -> replay_status_t {
    withLog(log) { log throws(ReplayError) in
        guard let info else { throw misuse(.invalidArgument, "replay_log_query was called without a struct") }
        var answer = log.info
        guard replay_copy_out(info, &answer, MemoryLayout<replay_log_info_t>.size) else {
            throw misuse(.structSize, "the size of the struct of replay_log_query is \(info.pointee.size)")
        }
    }.code
}

@_cdecl("replay_log_fingerprint") @implementation
public func replay_log_fingerprint(
    _ log: OpaquePointer!, _ key: UnsafePointer<CChar>!
) -> UnsafePointer<CChar>! {
    var value: UnsafePointer<CChar>?
    _ = withLog(log) { log throws(ReplayError) in
        guard let key else { throw misuse(.invalidArgument, "replay_log_fingerprint needs a key") }
        value = log.texts.value(of: ByteText(cString: key))
    }
    return value
}

@_cdecl("replay_log_fingerprint_at") @implementation
public func replay_log_fingerprint_at(
    _ log: OpaquePointer!, _ index: UInt32, _ key: UnsafeMutablePointer<UnsafePointer<CChar>?>!,
    _ value: UnsafeMutablePointer<UnsafePointer<CChar>?>!
) -> replay_status_t {
    withLog(log) { log throws(ReplayError) in
        guard let field = log.texts.field(Int(index)) else {
            throw misuse(
                .invalidArgument,
                "the fingerprint has no field \(index); the number of its fields is \(log.texts.fields)")
        }
        key?.pointee = field.key
        value?.pointee = field.value
    }.code
}

// MARK: Events

@_cdecl("replay_log_seek") @implementation
public func replay_log_seek(_ log: OpaquePointer!, _ icount: UInt64) -> replay_status_t {
    withLog(log) { log throws(ReplayError) in
        try reading { () throws(LogError) in try log.seek(icount: icount) }
    }.code
}

@_cdecl("replay_log_seek_event") @implementation
public func replay_log_seek_event(_ log: OpaquePointer!, _ event: UInt64) -> replay_status_t {
    withLog(log) { log throws(ReplayError) in
        do throws(LogError) {
            try log.seek(event: event)
        } catch {
            if error.code == .misuse { throw misuse(.invalidArgument, error.message) }
            throw ReplayError(error)
        }
    }.code
}

@_cdecl("replay_log_next") @implementation
public func replay_log_next(
    _ log: OpaquePointer!, _ event: UnsafeMutablePointer<replay_log_event_t>!
) -> Bool {
    var isRead = false
    _ = withLog(log) { log throws(ReplayError) in
        guard let event else { throw misuse(.invalidArgument, "replay_log_next was called without a struct") }
        guard event.pointee.size >= 8 else {
            throw misuse(.structSize, "the size of the struct of replay_log_next is \(event.pointee.size)")
        }
        guard var answer = try reading({ () throws(LogError) in try log.next() }) else { return }
        isRead = replay_copy_out(event, &answer, MemoryLayout<replay_log_event_t>.size)
    }
    return isRead
}
