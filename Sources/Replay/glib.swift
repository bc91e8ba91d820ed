// include/replay/glib.h, in its order.
// swift-format-ignore-file: AlwaysUseLowerCamelCase

import CReplay
import ReplayEngine
import ReplayGLib

@c @implementation
public func replay_glib_attach(_ context: OpaquePointer!) -> replay_status_t {
    withSession { GLibAttachment.attach(context, to: $0).code }
}

@c @implementation
public func replay_glib_detach(_ context: OpaquePointer!) -> replay_status_t {
    withSession { GLibAttachment.detach(context, from: $0).code }
}
