/// An axis: where numbers are, and which of them are written beside it.
struct Scale {
    let first: Double
    let last: Double
    /// Round numbers from one end to the other.
    let ticks: [Double]

    /// - Parameter extends: the axis goes on to the next round number.
    init(from first: Double, to last: Double, ticks most: Int, extends: Bool) {
        let length = max(last - first, 1)
        var step = 1.0
        while length / step > Double(most) * 10 { step *= 10 }
        for factor in [1.0, 2, 5, 10] where length / (step * factor) <= Double(most) {
            step *= factor
            break
        }
        self.first = first
        self.last = extends ? max((last / step).rounded(.up), 1) * step : first + length
        let start = (first / step).rounded(.up)
        let end = (self.last / step).rounded(.down)
        // Of very large numbers the next one may be the same.
        let count = Int(min(max(end - start, 0), Double(2 * most)))
        ticks = (0...count).map { (start + Double($0)) * step }
    }

    /// The place of a number, if the axis has this length.
    func place(_ number: Double, _ length: Double) -> Int {
        let place = (number - first) / (last - first) * length
        return place.isFinite ? Int(min(max(place, 0), length).rounded()) : 0
    }

    /// With a unit: 1500000 is `1.5 M`.
    static func short(_ number: Double) -> String {
        for (unit, size) in [("T", 1e12), ("G", 1e9), ("M", 1e6), ("k", 1e3)] where number >= size {
            return "\(digits(number / size)) \(unit)"
        }
        return digits(number)
    }

    /// Three digits, without zeros at the end.
    private static func digits(_ number: Double) -> String {
        let places: UInt64 = number >= 99.95 ? 1 : number >= 9.995 ? 10 : 100
        guard number < 1e18 else { return String(number) }
        let scaled = UInt64((max(number, 0) * Double(places)).rounded())
        var text = String(scaled / places)
        var rest = scaled % places
        if rest == 0 { return text }
        text += "."
        if places == 100 && rest < 10 { text += "0" }
        if places == 100 && rest % 10 == 0 { rest /= 10 }
        return text + String(rest)
    }
}
