/// How a log of QEMU's record/replay begins: enough to recognise one. `ReplayQEMU` reads them.
package enum QEMUHeader {
    /// The length of the header, which begins with the version.
    package static let size = 12
    package static let firstVersion: UInt32 = 0x00e0_200c
    /// The version of a log whose recorder has not ended yet, or was killed.
    package static let unfinished: UInt32 = 0
    /// Numbers of kinds are below this.
    package static let kinds = 40

    /// Is this the beginning of such a log? `bytes` has the file's first bytes.
    package static func recognises(_ bytes: some Collection<UInt8>) -> Bool {
        guard bytes.count >= size else { return false }
        let version = bytes.prefix(4).reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
        // Any version, so that a later one is reported as such.
        if version & 0xFFFF_FF00 == firstVersion & 0xFFFF_FF00 { return true }
        // Without a version there is little to go by: a file of zeros isn't meant.
        guard version == unfinished, bytes.prefix(size).allSatisfy({ $0 == 0 }) else { return false }
        let first = bytes.dropFirst(size)
        return first.first.map { $0 < UInt8(kinds) } ?? false && !first.prefix(5).allSatisfy { $0 == 0 }
    }
}
