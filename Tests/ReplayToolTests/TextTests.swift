import Testing

@testable import ReplayTool

@Suite struct TextTests {
    @Test func jsonIsQuoted() {
        let value = JSONText.object([
            ("a\"b", .text("line\nback\\slash \u{1} ü")), ("n", .null),
            ("l", .list([.signed(-1), .unsigned(.max)])),
        ])
        #expect(
            value.line
                == #"{"a\"b": "line\nback\\slash \u0001 ü", "n": null, "l": [-1, 18446744073709551615]}"#)
    }

    @Test func decimalsAreExactForAnyNumbers() {
        #expect(Columns.decimal(7, 2) == "3.5")
        #expect(Columns.decimal(1, 3, places: 4) == "0.3333")
        #expect(Columns.decimal(.max, .max, places: 2) == "1.00")
        #expect(Columns.decimal(.max - 1, .max, places: 3) == "0.999")
        #expect(Columns.decimal(5, 0) == "0")
    }

    @Test func placesAreParsed() {
        #expect(LogPlace("12") == .icount(12))
        #expect(LogPlace("event:0") == .event(0))
        #expect(LogPlace("2.5s") == .time(2_500_000_000))
        #expect(LogPlace("10ms") == .time(10_000_000))
        #expect(LogPlace("0.001us") == .time(1))
        #expect(LogPlace("18446744073709551615ns") == .time(.max))
        for text in [
            "", "-1", "+1", "event:", "event:x", "event:+1", "1.5", "99999999999999999999", "s", ".5s", "5.s",
            "1.5ns", "-1s", "1e3s", "99999999999s", "1.5.5s", "2 s", "0.0001us",
        ] {
            #expect(LogPlace(text) == nil)
        }
    }

    @Test func bytesAreDumpedInRows() {
        var text = ""
        let output = ToolOutput(
            print: {
                text += String(decoding: $0, as: UTF8.self)
                return true
            }, complain: { _ in })
        (UInt8(60)..<77).map { $0 }.withUnsafeBytes { Hex.dump($0, withText: true, to: output) }
        output.flush()
        let rows = text.split(separator: "\n").map(String.init)
        #expect(rows.count == 2)
        #expect(
            rows.first == "           0  3c 3d 3e 3f 40 41 42 43 44 45 46 47 48 49 4a 4b  |<=>?@ABCDEFGHIJK|")
        #expect(rows.last == "          10  4c" + String(repeating: " ", count: 47) + "|L|")
    }
}
