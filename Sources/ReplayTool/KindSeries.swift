/// How often each kind is in each part of a log, and how many bytes it takes there. The parts are equally long; how long
/// isn't known before the log has been read, so they are put together as it grows.
struct KindSeries {
    static let most = 100
    private static let kinds = 64

    struct Amount {
        var events: UInt64 = 0
        var bytes: UInt64 = 0
    }

    private var amounts = [Amount](repeating: Amount(), count: most * kinds)
    /// The icount of the first event, at which the first part begins.
    private(set) var first: UInt64?
    private(set) var last: UInt64 = 0
    /// The instructions in a part: a power of two.
    private(set) var width: UInt64 = 1

    /// The number of parts from the first event to the end.
    var count: Int { Int(truncatingIfNeeded: (last &- (first ?? 0)) / width) &+ 1 }

    func amount(_ kind: Int, _ part: Int) -> Amount { amounts[part &* KindSeries.kinds &+ kind] }

    mutating func add(_ kind: UInt8, at icount: UInt64, bytes: UInt64) {
        extend(to: icount)
        let part = Int(truncatingIfNeeded: (icount &- (first ?? 0)) / width)
        let place = part &* KindSeries.kinds &+ Int(kind & 63)
        guard amounts.indices.contains(place) else { return }
        amounts[place].events &+= 1
        amounts[place].bytes &+= bytes
    }

    /// The log goes on to this icount at least.
    mutating func extend(to icount: UInt64) {
        let start = first ?? icount
        first = start
        last = max(last, icount)
        while (last &- start) / width >= UInt64(KindSeries.most) { halve() }
    }

    private mutating func halve() {
        width &*= 2
        for part in 0..<KindSeries.most {
            for kind in 0..<KindSeries.kinds {
                var sum = Amount()
                for half in [2 &* part, 2 &* part &+ 1] where half < KindSeries.most {
                    sum.events &+= amount(kind, half).events
                    sum.bytes &+= amount(kind, half).bytes
                }
                amounts[part &* KindSeries.kinds &+ kind] = sum
            }
        }
    }
}
