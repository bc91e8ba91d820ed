// include/replay/debug.h, in its order.
// swift-format-ignore-file: AlwaysUseLowerCamelCase

import CReplay
import ReplayEngine
import ReplaySystem

// MARK: RAM

@_cdecl("replay_register_ram") @implementation
public func replay_register_ram(_ config: UnsafePointer<replay_ram_config_t>!) -> replay_status_t {
    withSession { session in
        guard let config else {
            return session.misuse(.invalidArgument, "replay_register_ram was called without a region").code
        }
        guard sizeIfEnough(config.pointee.size, atLeast: MemoryLayout<replay_ram_config_t>.size) != nil else {
            return session.misuse(.structSize, "the size of replay_ram_config_t is \(config.pointee.size)")
                .code
        }
        guard let region = RAMConfiguration(config.pointee) else {
            return session.misuse(.invalidArgument, "a region of RAM needs a name and memory").code
        }
        return session.registerRAM(region).code
    }
}

extension RAMConfiguration {
    private static let usualPage: UInt32 = 4096

    fileprivate init?(_ config: replay_ram_config_t) {
        guard let name = config.name, let bytes = config.bytes else { return nil }
        let pageBytes = config.page_bytes == 0 ? Self.usualPage : config.page_bytes
        self.init(
            name: String(fileName: name), bytes: bytes, length: config.length, pageBytes: Int(pageBytes))
        dirty = config.dirty
        cleaned = config.cleaned
        loaded = config.loaded
        opaque = config.opaque
    }
}

// MARK: Pause

@_cdecl("replay_pause") @implementation
public func replay_pause() -> replay_status_t { withSession { $0.pauseMachine().code } }

@_cdecl("replay_resume") @implementation
public func replay_resume() -> replay_status_t { withSession { $0.resumeMachine().code } }

@_cdecl("replay_is_paused") @implementation
public func replay_is_paused() -> Bool { withSession { $0.isMachinePaused } }

// MARK: Journeys

@_cdecl("replay_seek") @implementation
public func replay_seek(_ icount: UInt64) -> replay_status_t { withSession { $0.seek(icount).code } }

@_cdecl("replay_seek_event") @implementation
public func replay_seek_event(_ event: UInt64) -> replay_status_t { withSession { $0.seekEvent(event).code } }

@_cdecl("replay_reverse_step") @implementation
public func replay_reverse_step() -> replay_status_t { withSession { $0.reverseStep().code } }

@_cdecl("replay_reverse_continue") @implementation
public func replay_reverse_continue() -> replay_status_t { withSession { $0.reverseContinue().code } }

@_cdecl("replay_running_debug") @implementation
public func replay_running_debug() -> Bool { withSession { $0.isGoingBack } }

// MARK: Breakpoints

@_cdecl("replay_breakpoint") @implementation
public func replay_breakpoint(_ kind: replay_break_kind_t, _ address: UInt64) -> Bool {
    withSession { $0.reachBreakpoint(kind, address) }
}

extension RAMPlace {
    private static let most = 256

    /// What a host lists in an array.
    static func listed(_ list: (UnsafeMutablePointer<replay_ram_place_t>?, UInt32) -> Int32) -> [RAMPlace]? {
        withUnsafeTemporaryAllocation(of: replay_ram_place_t.self, capacity: most) { places in
            places.initialize(repeating: replay_ram_place_t())
            let count = list(places.baseAddress, UInt32(places.count))
            guard (0...Int32(places.count)).contains(count) else { return nil }
            return places.prefix(Int(count)).map { RAMPlace(region: $0.region, offset: $0.offset) }
        }
    }
}
