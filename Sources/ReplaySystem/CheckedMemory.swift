import CReplay
import Glibc

/// Memory whose amount a host, a file or a guest decides. Running out of it is an error. (An array would trap.)
package enum CheckedMemory {
    /// Returns nil if memory runs out. The bytes aren't initialised.
    package static func allocate(_ count: Int) -> UnsafeMutableRawPointer? {
        count < 0 ? nil : replay_allocate(count)
    }

    /// Is that much memory available now? For code that then allocates it through an array.
    package static func has(_ count: Int) -> Bool {
        guard let memory = allocate(count) else { return false }
        free(memory)
        return true
    }

    package static func free(_ memory: UnsafeMutableRawPointer?) { Glibc.free(memory) }
}

extension Array {
    /// Makes room for more elements. False: memory ran out, and appending would trap.
    package mutating func makeRoom(for more: Int = 1) -> Bool {
        if capacity &- count >= more { return true }
        let wanted = Swift.max(2 &* capacity, count &+ more, 16)
        guard CheckedMemory.has(wanted &* MemoryLayout<Element>.stride) else { return false }
        reserveCapacity(wanted)
        return true
    }
}
