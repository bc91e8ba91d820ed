/// Which pieces are kept.
extension LogSalvage {
    /// The pieces by the numbers of their chunks.
    struct Neighbours {
        var pieces: [SalvagedPiece]
        var places: [UInt64: Int]
        /// The checksums that the index has, unless it is of a different log.
        var index: Set<UInt64>?

        func before(_ piece: SalvagedPiece) -> SalvagedPiece? {
            places[piece.sequence &- 1].map { pieces[$0] }
        }

        func after(_ piece: SalvagedPiece) -> SalvagedPiece? {
            places[piece.sequence &+ 1].map { pieces[$0] }
        }
    }

    /// One piece for each number of a chunk.
    func unique(_ sorted: [SalvagedPiece]) -> [SalvagedPiece] {
        var result: [SalvagedPiece] = []
        var place = 0
        while place < sorted.count {
            var end = place &+ 1
            while end < sorted.count && sorted[end].sequence == sorted[place].sequence { end &+= 1 }
            let rivals = sorted[place..<end]
            let last = result.last
            let next = end < sorted.count ? sorted[end] : nil
            let best =
                rivals.first { piece in last.map { piece.continues($0, version: version) } ?? false }
                ?? rivals.first { search.index?.contains($0.checksum) ?? false }
                ?? rivals.first { piece in next.map { $0.refers(to: piece, version: version) } ?? false }
                ?? rivals.first
            if let best { result.append(best) }
            place = end
        }
        return result
    }

    func runs(_ pieces: [SalvagedPiece]) -> [ArraySlice<SalvagedPiece>] {
        var runs: [ArraySlice<SalvagedPiece>] = []
        var start = 0
        for place in pieces.indices {
            if place > start, !pieces[place].continues(pieces[place - 1], version: version) {
                runs.append(pieces[start..<place])
                start = place
            }
        }
        if start < pieces.count { runs.append(pieces[start...]) }
        return runs
    }

    /// The part of a run that something confirms. Nil: it is contradicted.
    func confirmed(_ run: ArraySlice<SalvagedPiece>, _ neighbours: Neighbours)
        -> ArraySlice<SalvagedPiece>?
    {
        guard let first = run.first, let last = run.last else { return nil }
        let (before, next) = (neighbours.before(first), neighbours.after(last))
        if let before, first.refers(to: before, version: version),
            !first.continues(before, version: version), !hasOtherNumbers(before, neighbours)
        {
            // It was recorded right after that one, but now has other numbers.
            return run.count > 1 ? run.dropFirst() : nil
        }
        let isReferredTo = next.map { $0.refers(to: last, version: version) } ?? false
        if isReferredTo { return run }
        if let index = neighbours.index {
            if index.contains(last.checksum) { return run }
            // Those before it are referred to, and were recorded after one that the index has.
            return run.contains { index.contains($0.checksum) } ? run.dropLast() : nil
        }
        guard let next else { return run }
        // The chunk after it was recorded after a different one.
        let isContradictedBefore = before.map { !first.refers(to: $0, version: version) } ?? false
        if isContradictedBefore && run.count == 1 { return nil }
        // It also begins before this one ends: this one was changed.
        if !next.canFollow(last) { return run.count > 1 ? run.dropLast() : nil }
        return run
    }

    /// Was it recorded right after the piece before it, but has numbers now that don't continue that one's?
    private func hasOtherNumbers(_ piece: SalvagedPiece, _ neighbours: Neighbours) -> Bool {
        guard let before = neighbours.before(piece) else { return false }
        return piece.refers(to: before, version: version) && !piece.continues(before, version: version)
    }

    /// More runs than that aren't tried in each combination.
    private static let mostRuns = 2000

    /// What is kept of a choice of runs: more is better, then fewer events between them.
    private struct Score {
        /// The events in chunks that another chunk or the index confirms, and one for each that nothing confirms.
        var events: UInt64 = 0
        var missing: UInt64 = 0

        static func < (a: Score, b: Score) -> Bool { (a.events, b.missing) < (b.events, a.missing) }
    }

    /// The runs that fit each other, with as many events as possible.
    func choose(_ runs: [ArraySlice<SalvagedPiece>], _ neighbours: Neighbours) -> [SalvagedPiece] {
        let anchor = runs.first.flatMap { $0.first }.map(isFirst) ?? false
        func fits(_ next: Int, _ last: Int) -> Bool {
            guard let first = runs[next].first, let last = runs[last].last else { return false }
            return first.canFollow(last)
        }
        guard runs.count <= LogSalvage.mostRuns else {
            var chosen: [Int] = []
            for number in runs.indices where chosen.last.map({ fits(number, $0) }) ?? true {
                chosen.append(number)
            }
            return chosen.flatMap { runs[$0] }
        }
        // The best choice that ends with each run, and the run before it in that choice. If there is a run at the
        // beginning of the log, each choice begins with it.
        var scores: [Score?] = []
        var before: [Int?] = []
        for number in runs.indices {
            var score = anchor && number > 0 ? nil : Score(missing: runs[number].first?.firstEvent ?? 0)
            var previous: Int?
            for candidate in 0..<number where fits(number, candidate) {
                guard var sum = scores[candidate], let first = runs[number].first,
                    let last = runs[candidate].last
                else { continue }
                sum.missing &+= first.firstEvent &- last.endEvent
                if score.map({ $0 < sum }) ?? true { (score, previous) = (sum, candidate) }
            }
            scores.append(
                score.map {
                    Score(events: $0.events &+ weight(runs[number], neighbours), missing: $0.missing)
                })
            before.append(previous)
        }
        var best: Int?
        for (number, score) in scores.enumerated() {
            guard let score else { continue }
            if let known = best.flatMap({ scores[$0] }), !(known < score) { continue }
            best = number
        }
        var chosen: [Int] = []
        while let number = best {
            chosen.append(number)
            best = before[number]
        }
        return chosen.reversed().flatMap { runs[$0] }
    }

    private func weight(_ run: ArraySlice<SalvagedPiece>, _ neighbours: Neighbours) -> UInt64 {
        let isConfirmed =
            run.count > 1
            || run.last.map { last in
                neighbours.index?.contains(last.checksum) ?? false
                    || neighbours.after(last)?.refers(to: last, version: version) ?? false
            } ?? false
        return isConfirmed ? run.reduce(0) { $0 &+ UInt64($1.eventCount) } : 1
    }
}
