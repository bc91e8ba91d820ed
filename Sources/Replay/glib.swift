// include/replay/glib.h, in its order.
// swift-format-ignore-file: AlwaysUseLowerCamelCase

import CReplay
import ReplayEngine
import ReplayGLib

@_cdecl("replay_glib_attach") @implementation
public func replay_glib_attach(_ context: OpaquePointer!) -> replay_status_t {
    withSession { GLibAttachment.attach(context, to: $0).code }
}

@_cdecl("replay_glib_detach") @implementation
public func replay_glib_detach(_ context: OpaquePointer!) -> replay_status_t {
    withSession { GLibAttachment.detach(context, from: $0).code }
}
