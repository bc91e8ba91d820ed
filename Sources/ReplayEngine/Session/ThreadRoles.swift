import CReplay
import ReplayLog

/// The roles that a thread has declared: the bits of the C interface.
package struct ThreadRoles: Equatable, Sendable {
    package var bits: Int32

    package init(bits: Int32) { self.bits = bits }

    /// The one that an event belongs to.
    @inline(__always)
    init(_ role: ThreadRole) {
        switch role {
        case .vcpu: self = .vcpu
        case .io: self = .io
        }
    }

    static var vcpu: ThreadRoles { ThreadRoles(bits: 1) }
    static var io: ThreadRoles { ThreadRoles(bits: 2) }
    static var either: ThreadRoles { ThreadRoles(bits: vcpu.bits | io.bits) }

    /// Of the calling thread.
    @inline(__always) static var mine: ThreadRoles { ThreadRoles(bits: replay_thread_self().pointee.roles) }

    package var isValid: Bool { bits != 0 && bits & ~Self.either.bits == 0 }

    @inline(__always) func overlaps(_ other: ThreadRoles) -> Bool { bits & other.bits != 0 }
    func has(_ role: ThreadRole) -> Bool { overlaps(ThreadRoles(role)) }

    /// The role with which an event of this thread is stored: the thread's own
    /// or, if it has both, the usual one of the kind.
    @inline(__always) func role(usually usual: ThreadRole) -> ThreadRole {
        self == .either ? usual : overlaps(.vcpu) ? .vcpu : .io
    }

    var description: String {
        switch self {
        case .vcpu: "the vCPU thread"
        case .io: "the I/O thread"
        case .either: "the thread with both roles"
        default: "a thread without a role"
        }
    }
}
