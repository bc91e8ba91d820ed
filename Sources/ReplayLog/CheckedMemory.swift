import CReplay
import Glibc

/// Memory whose amount a host, a file or a guest decides. Running out of it is an error and doesn't trap,
/// as it would in an array.
package enum CheckedMemory {
    /// nil when memory runs out. The bytes are not set.
    package static func allocate(_ count: Int) -> UnsafeMutableRawPointer? {
        count < 0 ? nil : replay_allocate(count)
    }

    package static func free(_ memory: UnsafeMutableRawPointer?) { Glibc.free(memory) }
}
