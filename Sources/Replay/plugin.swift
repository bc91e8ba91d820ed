// include/replay/plugin.h.
// swift-format-ignore-file: AlwaysUseLowerCamelCase

import CReplay

@_cdecl("replay_plugin_query") @implementation
public func replay_plugin_query(_ version: UInt32) -> UnsafePointer<replay_plugin_t>! {
    version == UInt32(REPLAY_ABI_VERSION) ? replay_plugin_table() : nil
}
