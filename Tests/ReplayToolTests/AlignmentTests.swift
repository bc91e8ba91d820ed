import TestSupport
import Testing

@testable import ReplayTool

@Suite struct AlignmentTests {
    private func items(_ contents: [(UInt8, Int)]) -> [EventAlignment.Item] {
        contents.map { EventAlignment.Item(head: $0.0, content: $0.1) }
    }

    @Test func insertionsAndRemovalsAreFound() {
        let a = items([(1, 1), (2, 2), (1, 3), (4, 4)])
        #expect(EventAlignment.align(a, a) == (0..<4).map { .both($0, $0) })
        #expect(EventAlignment.align(a, []) == (0..<4).map { .onlyA($0) })
        let b = items([(1, 1), (1, 3), (5, 5), (4, 4)])
        #expect(
            EventAlignment.align(a, b) == [.both(0, 0), .onlyA(1), .both(2, 1), .onlyB(2), .both(3, 3)])
    }

    @Test func anEventOfTheSameKindIsChanged() {
        let a = items([(1, 1), (2, 2), (3, 3)])
        let b = items([(1, 1), (2, 9), (3, 3)])
        #expect(EventAlignment.align(a, b) == [.both(0, 0), .changed(1, 1), .both(2, 2)])
    }

    /// Each place is in exactly one pair, in order, and pairs say what is true, also of lists that are too long to
    /// try everything.
    @Test(arguments: [3, 40, 700]) func everyEventIsCountedOnce(_ most: Int) {
        var random = SeededGenerator(seed: 5)
        for _ in 0..<50 {
            let lists = (0..<2).map { _ in
                items(
                    (0..<Int.random(in: 0...most, using: &random)).map { _ in
                        (UInt8.random(in: 1...2, using: &random), Int.random(in: 0...2, using: &random))
                    })
            }
            var places: ([Int], [Int]) = ([], [])
            for pair in EventAlignment.align(lists[0], lists[1]) {
                switch pair {
                case .both(let a, let b):
                    #expect(lists[0][a] == lists[1][b])
                    places.0.append(a)
                    places.1.append(b)
                case .changed(let a, let b):
                    #expect(lists[0][a].head == lists[1][b].head)
                    places.0.append(a)
                    places.1.append(b)
                case .onlyA(let a): places.0.append(a)
                case .onlyB(let b): places.1.append(b)
                }
            }
            #expect(places.0.sorted() == Array(lists[0].indices))
            #expect(places.1.sorted() == Array(lists[1].indices))
        }
    }
}
