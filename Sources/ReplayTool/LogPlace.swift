import ReplayLog

/// A place in a log as a user gives it: `1000` is an icount, `event:12` the number of an event, `2.5s` a virtual time.
public enum LogPlace: Equatable, Sendable {
    case icount(UInt64)
    case event(UInt64)
    /// Nanoseconds of virtual time.
    case time(UInt64)

    public init?(_ text: String) {
        if text.hasPrefix("event:") {
            guard let number = LogPlace.number(text.dropFirst(6)) else { return nil }
            self = .event(number)
        } else if let number = LogPlace.number(text[...]) {
            self = .icount(number)
        } else if let time = LogPlace.time(text) {
            self = .time(time)
        } else {
            return nil
        }
    }

    /// Digits alone: no sign.
    private static func number(_ text: Substring) -> UInt64? {
        text.utf8.allSatisfy { (0x30...0x39).contains($0) } ? UInt64(text) : nil
    }

    private static func time(_ text: String) -> UInt64? {
        for (unit, places) in [("ns", 0), ("us", 3), ("ms", 6), ("s", 9)] where text.hasSuffix(unit) {
            let parts = text.dropLast(unit.count).split(
                separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
            let fraction = parts.count == 2 ? parts[1] : ""
            guard let whole = parts.first, !whole.isEmpty, fraction.count <= places,
                parts.count == 1 || !fraction.isEmpty
            else { return nil }
            return number(whole + fraction + String(repeating: "0", count: places - fraction.count))
        }
        return nil
    }
}

/// Virtual time as instructions count it: `icount << shift`. What a clock skips while the guest sleeps isn't in it,
/// because only a replay computes that.
struct LogClock {
    let shift: UInt8

    /// Nil: the shift is neither in the log nor given.
    init?(_ log: OpenedLog, shift given: UInt8?) {
        var known: UInt8?
        if case .own(let reader) = log, reader.metadata.shift < 64 { known = reader.metadata.shift }
        guard let shift = given ?? known, shift < 64 else { return nil }
        self.shift = shift
    }

    init(shift: UInt8) { self.shift = min(shift, 63) }

    /// Nil: 64 bits don't hold it.
    func nanoseconds(_ icount: UInt64) -> UInt64? { LogMetadata.nanoseconds(icount, shift: shift) }

    /// The first instruction at this time or later.
    func firstIcount(at nanoseconds: UInt64) -> UInt64 {
        let whole = nanoseconds >> UInt64(shift)
        return whole << UInt64(shift) == nanoseconds ? whole : whole &+ 1
    }

    /// The last instruction at this time or earlier.
    func lastIcount(at nanoseconds: UInt64) -> UInt64 { nanoseconds >> UInt64(shift) }
}
