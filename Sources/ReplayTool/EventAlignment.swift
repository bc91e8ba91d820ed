/// How the events of two logs at one icount correspond.
enum EventAlignment {
    /// What decides whether two events at one icount correspond.
    struct Item: Equatable {
        /// Kind and role.
        var head: UInt8
        var content: Int
    }

    enum Pair: Equatable {
        /// In both, by their places in the two lists.
        case both(Int, Int)
        /// Of one kind and role, with different content.
        case changed(Int, Int)
        case onlyA(Int)
        case onlyB(Int)
    }

    /// The longest lists that are compared in each possible way: memory and time grow with their product.
    private static let mostCells = 1 << 16

    static func align(_ a: [Item], _ b: [Item]) -> [Pair] {
        let start = zip(a, b).prefix { $0 == $1 }.count
        let most = min(a.count, b.count) &- start
        let tail = zip(a.reversed(), b.reversed()).prefix(most).prefix { $0 == $1 }.count
        let (endA, endB) = (a.count &- tail, b.count &- tail)
        var pairs = (0..<start).map { Pair.both($0, $0) }
        var (nextA, nextB) = (start, start)
        for (placeA, placeB) in common(a[start..<endA], b[start..<endB]) + [(endA, endB)] {
            pairs += between(a, nextA..<placeA, b, nextB..<placeB)
            if placeA < endA { pairs.append(.both(placeA, placeB)) }
            (nextA, nextB) = (placeA &+ 1, placeB &+ 1)
        }
        return pairs + (0..<tail).map { Pair.both(endA &+ $0, endB &+ $0) }
    }

    /// The longest common subsequence, as places; empty if both lists are too long for that.
    private static func common(_ a: ArraySlice<Item>, _ b: ArraySlice<Item>) -> [(Int, Int)] {
        let width = b.count &+ 1
        guard !a.isEmpty, !b.isEmpty, (a.count &+ 1).multipliedReportingOverflow(by: width).overflow == false,
            (a.count &+ 1) &* width <= mostCells
        else { return [] }
        // The length of the longest one from each pair of places on.
        var lengths = [UInt16](repeating: 0, count: (a.count &+ 1) &* width)
        for row in (0..<a.count).reversed() {
            for column in (0..<b.count).reversed() {
                let place = row &* width &+ column
                lengths[place] =
                    a[a.startIndex &+ row] == b[b.startIndex &+ column]
                    ? lengths[place &+ width &+ 1] &+ 1 : max(lengths[place &+ width], lengths[place &+ 1])
            }
        }
        var found: [(Int, Int)] = []
        var (row, column) = (0, 0)
        while row < a.count && column < b.count {
            let place = row &* width &+ column
            if a[a.startIndex &+ row] == b[b.startIndex &+ column] {
                found.append((a.startIndex &+ row, b.startIndex &+ column))
                (row, column) = (row &+ 1, column &+ 1)
            } else if lengths[place &+ width] >= lengths[place &+ 1] {
                row &+= 1
            } else {
                column &+= 1
            }
        }
        return found
    }

    /// Of events that nothing equals, those of one kind and role correspond in order.
    private static func between(_ a: [Item], _ rangeA: Range<Int>, _ b: [Item], _ rangeB: Range<Int>)
        -> [Pair]
    {
        var waiting: [UInt8: ArraySlice<Int>] = [:]
        for place in rangeB { waiting[b[place].head, default: []].append(place) }
        var partners: [Int: Int] = [:]
        var pairs: [Pair] = []
        for place in rangeA {
            if let partner = waiting[a[place].head]?.popFirst() {
                partners[partner] = place
                pairs.append(.changed(place, partner))
            } else {
                pairs.append(.onlyA(place))
            }
        }
        return pairs + rangeB.filter { partners[$0] == nil }.map { .onlyB($0) }
    }
}
