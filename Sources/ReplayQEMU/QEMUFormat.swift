import ReplayLog

/// One of the variants of QEMU's logs. The version at the beginning doesn't decide it alone.
package struct QEMUFormat: Equatable, Sendable {
    /// How the kinds from 20 on are numbered.
    package enum Numbering: Sendable {
        /// One lower than since 7.2. There is no shutdown by snapshot-load.
        case qemu71
        case qemu72
    }

    /// The payload of a key, and of audio input.
    package enum Payloads: UInt8, Sendable {
        /// 0xe0200c: a key is a number or a qcode; audio input has a write position.
        case c
        /// 0xe0200d: audio input has none.
        case d
        /// 0xe0200e: a key is a Linux key code.
        case e
    }

    package var numbering: Numbering
    package var payloads: Payloads

    /// The version that a recorder of this format writes when it ends cleanly.
    package var version: UInt32 { QEMUFormat.firstVersion &+ UInt32(payloads.rawValue) }

    static let firstVersion = QEMUHeader.firstVersion
    static let lastVersion: UInt32 = 0x00e0_200e
    /// What a recorder writes first; the version replaces it when the recorder ends.
    static let unfinished = QEMUHeader.unfinished

    /// The formats that a log with this version may have, the likeliest first. None: the version isn't known.
    static func candidates(version: UInt32) -> [QEMUFormat] {
        let c = [QEMUFormat(numbering: .qemu72, payloads: .c), QEMUFormat(numbering: .qemu71, payloads: .c)]
        let d = QEMUFormat(numbering: .qemu72, payloads: .d)
        let e = QEMUFormat(numbering: .qemu72, payloads: .e)
        switch version {
        case unfinished: return c + [d, e]
        case 0x00e0_200c: return c
        case 0x00e0_200d: return [d]
        case lastVersion: return [e]
        default: return []
        }
    }

    /// The kind of a number in the file; nil: no kind has it.
    func kind(_ number: UInt8) -> QEMUKind? {
        let kind = numbering == .qemu71 && number >= 20 ? number &+ 1 : number
        return kind < UInt8(QEMUKind.count) && kind != 21 ? QEMUKind(rawValue: kind) : nil
    }

    /// For people.
    package var description: String {
        switch (numbering, payloads) {
        case (.qemu71, _): "0xe0200c, with the numbers of QEMU 7.1"
        case (.qemu72, .c): "0xe0200c, with the numbers of QEMU 7.2"
        case (.qemu72, .d): "0xe0200d"
        case (.qemu72, .e): "0xe0200e"
        }
    }
}
