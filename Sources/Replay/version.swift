// include/replay/version.h, in its order.
// swift-format-ignore-file: AlwaysUseLowerCamelCase

import CReplay

@_cdecl("replay_version") @implementation
public func replay_version() -> UInt32 { replay_version_of_build() }

@_cdecl("replay_version_text") @implementation
public func replay_version_text() -> UnsafePointer<CChar>! { replay_plugin_table().pointee.version }
