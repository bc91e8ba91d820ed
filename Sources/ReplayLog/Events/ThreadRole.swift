/// Which kind of thread an event belongs to: bit 7 of its first byte.
public enum ThreadRole: UInt8, Sendable, CaseIterable {
    case vcpu = 0
    case io = 1
}
