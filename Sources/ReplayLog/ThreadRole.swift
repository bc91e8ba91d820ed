/// Which kind of thread an event belongs to: bit 7 of its first byte.
package enum ThreadRole: UInt8, Sendable, CaseIterable {
    case vcpu = 0
    case io = 1
}
