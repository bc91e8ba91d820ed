/// The drawing of `stats --svg`: events and bytes over icount and by kind.
struct StatsDrawing {
    private let name: String
    private let counts: KindCounts
    private let series: KindSeries
    /// The kinds, those with the largest share of events and bytes first.
    private let kinds: [KindCounts.Kind]
    private var text = ""

    /// Okabe and Ito's colours, which colour-blind people distinguish too; the last one is for all other kinds.
    private static let colours = [
        "#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#999999",
    ]
    private static let most = colours.count - 1
    private static let rows = 12
    private static let (width, left, right) = (960, 84, 24)
    private static let plot = width - left - right
    private static let plotHeight = 150

    init(name: String, _ counts: KindCounts, _ series: KindSeries) {
        self.name = name
        self.counts = counts
        self.series = series
        let (events, bytes) = (Double(max(counts.events, 1)), Double(max(counts.bytes, 1)))
        func share(_ kind: KindCounts.Kind) -> Double {
            Double(kind.count) / events + Double(kind.bytes) / bytes
        }
        kinds = counts.sorted.sorted { (share($1), $0.name) < (share($0), $1.name) }
    }

    func draw() -> String {
        var drawing = self
        drawing.drawAll()
        return drawing.text
    }

    // MARK: Parts

    private mutating func drawAll() {
        let legendRows = (legend.count + 2) / 3
        let charts = 84 + legendRows * 20
        let table = charts + 2 * (StatsDrawing.plotHeight + 68) + 16
        let rows = min(kinds.count, StatsDrawing.rows) + (kinds.count > StatsDrawing.rows ? 1 : 0)
        let height = table + 34 + max(rows, 1) * 22 + 16
        add(
            """
            <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(StatsDrawing.width) \(height)" \
            width="\(StatsDrawing.width)" height="\(height)" role="img">
            <title>\(StatsDrawing.escaped(name)): events and bytes over icount and by kind</title>
            <style>text{font:13px 'DejaVu Sans',Verdana,sans-serif;fill:#333}.t{font-size:20px;font-weight:bold}\
            .h{font-size:14px;font-weight:bold}.e{text-anchor:end}.m{text-anchor:middle}.u{fill:#666}\
            .g{stroke:#e4e4e4}.a{stroke:#888}path,.b{shape-rendering:crispEdges}</style>
            <rect width="100%" height="100%" fill="#fff"/>
            """)
        label(24, 36, StatsDrawing.shortened(name, 70), "t")
        label(24, 60, subtitle, "u")
        drawLegend(at: 84)
        drawChart(at: charts + 14, "Events", "events per million instructions", unit: "") {
            Double($0.events)
        }
        drawChart(
            at: charts + StatsDrawing.plotHeight + 82, "Bytes before compression",
            "bytes per million instructions",
            unit: "B", isLast: true
        ) { Double($0.bytes) }
        drawTable(at: table + 20)
        add("</svg>")
    }

    private var subtitle: String {
        let (events, bytes) = (counts.events, counts.bytes)
        return
            "\(StatsDrawing.grouped(events)) events in \(StatsDrawing.grouped(counts.instructions)) instructions · "
            + "\(StatsDrawing.size(Double(bytes))) before compression, "
            + "\(Columns.decimal(bytes, events, places: 2)) for each event"
    }

    /// Names and colours.
    private var legend: [(name: String, colour: String)] {
        var legend = kinds.prefix(StatsDrawing.most).map { $0.name }
        if kinds.count > StatsDrawing.most { legend.append("\(kinds.count - StatsDrawing.most) other kinds") }
        return zip(legend, StatsDrawing.colours).map { ($0, $1) }
    }

    private mutating func drawLegend(at top: Int) {
        for (number, entry) in legend.enumerated() {
            let (x, y) = (24 + number % 3 * 306, top + number / 3 * 20)
            square(x, y - 10, entry.colour)
            label(x + 18, y, StatsDrawing.shortened(entry.name, 34))
        }
    }

    /// The kinds on top of each other, over icount.
    private mutating func drawChart(
        at top: Int, _ title: String, _ unitTitle: String, unit: String, isLast: Bool = false,
        _ amount: (KindSeries.Amount) -> Double
    ) {
        let (first, last) = (Double(series.first ?? 0), Double(series.last))
        let x = Scale(from: first, to: max(last, first + 1), ticks: 8, extends: false)
        // The last part may be shorter than the others.
        let perMillion = (0..<series.count).map { part in
            let start = first + Double(part) * Double(series.width)
            return 1e6 / max(1, min(Double(series.width), last - start))
        }
        let sums = stacked(amount).map { zip($0, perMillion).map { $0 * $1 } }
        let y = Scale(from: 0, to: sums.last?.max() ?? 1, ticks: 4, extends: true)
        let (left, height) = (StatsDrawing.left, StatsDrawing.plotHeight)
        let base = top + 20 + height
        label(24, top, title, "h")
        label(StatsDrawing.left + StatsDrawing.plot, top, unitTitle, "e u")
        for tick in y.ticks {
            let place = base - y.place(tick, Double(height))
            add("<path class=\"g\" d=\"M\(left) \(place)h\(StatsDrawing.plot)\"/>")
            label(left - 8, place + 4, unit.isEmpty ? Scale.short(tick) : StatsDrawing.size(tick), "e")
        }
        // What is on top of a colour is painted before it.
        for (sums, colour) in zip(sums, StatsDrawing.colours).reversed() {
            add("<path fill=\"\(colour)\" d=\"\(outline(sums, x, y, base))\"/>")
        }
        add("<path class=\"a\" d=\"M\(left) \(base)h\(StatsDrawing.plot)\"/>")
        for tick in x.ticks {
            let place = left + x.place(tick, Double(StatsDrawing.plot))
            add("<path class=\"a\" d=\"M\(place) \(base)v5\"/>")
            label(place, base + 20, Scale.short(tick), "m")
        }
        if isLast { label(left + StatsDrawing.plot / 2, base + 40, "icount (instructions)", "m u") }
    }

    /// For each colour and part, its own amount and that of all colours below it.
    private func stacked(_ amount: (KindSeries.Amount) -> Double) -> [[Double]] {
        let shown = min(kinds.count, StatsDrawing.colours.count)
        var sums = [[Double]](repeating: [Double](repeating: 0, count: series.count), count: shown)
        for (rank, kind) in kinds.enumerated() {
            let colour = min(rank, StatsDrawing.most)
            for part in 0..<series.count {
                let value = amount(series.amount(kind.number, part))
                if value == 0 { continue }
                for above in colour..<shown { sums[above][part] += value }
            }
        }
        return sums
    }

    /// A path around the columns; equal neighbours are one.
    private func outline(_ heights: [Double], _ x: Scale, _ y: Scale, _ base: Int) -> String {
        var path = "M\(StatsDrawing.left) \(base)"
        var (height, place, pending) = (0, 0, 0)
        for (part, value) in heights.enumerated() {
            let end = x.place(
                (x.first + Double(part + 1) * Double(series.width)), Double(StatsDrawing.plot))
            let next = y.place(value, Double(StatsDrawing.plotHeight))
            if next != height {
                if pending > 0 { path += "h\(pending)" }
                path += "v\(height - next)"
                (height, pending) = (next, 0)
            }
            pending += end - place
            place = end
        }
        return path + "h\(pending)V\(base)z"
    }

    private mutating func drawTable(at top: Int) {
        label(24, top, "By kind", "h")
        label(StatsDrawing.eventsColumn, top, "events", "h")
        label(StatsDrawing.bytesColumn, top, "bytes", "h")
        let largest = (kinds.map(\.count).max() ?? 1, kinds.map(\.bytes).max() ?? 1)
        var y = top + 24
        for (rank, kind) in kinds.prefix(StatsDrawing.rows).enumerated() {
            let colour = StatsDrawing.colours[min(rank, StatsDrawing.most)]
            square(24, y - 10, colour)
            label(42, y, StatsDrawing.shortened(kind.name, 34))
            bar(
                StatsDrawing.eventsColumn, y, kind.count, largest.0, counts.events,
                StatsDrawing.number(kind.count), colour)
            bar(
                StatsDrawing.bytesColumn, y, kind.bytes, largest.1, counts.bytes,
                StatsDrawing.size(Double(kind.bytes)), colour)
            y += 22
        }
        let rest = kinds.dropFirst(StatsDrawing.rows)
        if !rest.isEmpty {
            let (events, bytes) = (rest.reduce(0) { $0 &+ $1.count }, rest.reduce(0) { $0 &+ $1.bytes })
            let colour = StatsDrawing.colours[StatsDrawing.most]
            square(24, y - 10, colour)
            label(42, y, "\(rest.count) more")
            bar(
                StatsDrawing.eventsColumn, y, events, largest.0, counts.events, StatsDrawing.number(events),
                colour)
            bar(
                StatsDrawing.bytesColumn, y, bytes, largest.1, counts.bytes, StatsDrawing.size(Double(bytes)),
                colour)
        }
    }

    private static let (eventsColumn, bytesColumn, barWidth) = (330, 644, 150)

    private mutating func bar(
        _ x: Int, _ y: Int, _ amount: UInt64, _ largest: UInt64, _ all: UInt64, _ text: String,
        _ colour: String
    ) {
        let share = Double(min(amount, largest)) / Double(max(largest, 1))
        let width = max(1, Int((share * Double(StatsDrawing.barWidth)).rounded()))
        add(
            "<rect class=\"b\" x=\"\(x)\" y=\"\(y - 11)\" width=\"\(width)\" height=\"14\" fill=\"\(colour)\"/>"
        )
        let percent = Double(amount) / Double(max(all, 1)) * 100
        let shown =
            percent > 0 && percent < 0.1 ? "< 0.1" : Columns.decimal(UInt64((percent * 10).rounded()), 10)
        label(x + width + 6, y, "\(text) · \(shown) %")
    }

    // MARK: Elements

    private mutating func add(_ line: String) { text += line + "\n" }

    private mutating func label(_ x: Int, _ y: Int, _ content: String, _ style: String = "") {
        let style = style.isEmpty ? "" : " class=\"\(style)\""
        add("<text x=\"\(x)\" y=\"\(y)\"\(style)>\(StatsDrawing.escaped(content))</text>")
    }

    private mutating func square(_ x: Int, _ y: Int, _ colour: String) {
        add("<rect class=\"b\" x=\"\(x)\" y=\"\(y)\" width=\"12\" height=\"12\" fill=\"\(colour)\"/>")
    }

    private static func size(_ bytes: Double) -> String {
        let text = Scale.short(bytes)
        return text.contains(" ") ? text + "B" : text + " B"
    }

    /// Exact unless it is long.
    private static func number(_ count: UInt64) -> String {
        count < 1_000_000 ? grouped(count) : Scale.short(Double(count))
    }

    private static func grouped(_ number: UInt64) -> String {
        var (text, digits) = ("", 0)
        for digit in String(number).reversed() {
            if digits > 0 && digits % 3 == 0 { text = "," + text }
            text = String(digit) + text
            digits += 1
        }
        return text
    }

    private static func shortened(_ text: String, _ most: Int) -> String {
        text.count <= most ? text : "\(text.prefix(most / 2))…\(text.suffix(most - most / 2 - 1))"
    }

    /// XML has no control characters. Names come from the file.
    private static func escaped(_ text: String) -> String {
        var escaped = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "<": escaped += "&lt;"
            case "&": escaped += "&amp;"
            case "\u{0}"..<" ", "\u{7F}"..<"\u{A0}", "\u{FFFE}", "\u{FFFF}": escaped += "?"
            default: escaped.unicodeScalars.append(scalar)
            }
        }
        return escaped
    }
}
