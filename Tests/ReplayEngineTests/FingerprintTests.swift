import ReplayLog
import Testing

@testable import ReplayEngine
@testable import ReplaySystem

@Suite struct FingerprintTests {
    private let recorded = Fingerprint([("ram", "128"), ("disk", "abc")])

    @Test func theOrderDoesNotMatter() {
        #expect(Fingerprint([("disk", "abc"), ("ram", "128")]).differences(from: recorded).isEmpty)
    }

    @Test func namesTheFieldThatDiffers() {
        let differences = Fingerprint([("ram", "64"), ("disk", "abc")]).differences(from: recorded)
        #expect(differences.map(\.key) == ["ram"])
        #expect(differences.map(\.recorded) == ["128"])
        #expect(differences.map(\.here) == ["64"])
        #expect(differences.map(\.description) == ["ram was 128, is now 64"])
    }

    @Test func namesAFieldThatIsMissingOrNew() {
        #expect(Fingerprint([("ram", "128")]).differences(from: recorded).map(\.key) == ["disk"])
        let more = Fingerprint([("ram", "128"), ("disk", "abc"), ("net", "1")])
        #expect(more.differences(from: recorded).map(\.key) == ["net"])
    }

    @Test func namesEveryFieldInOneSentence() {
        let other = Fingerprint([("net", "1"), ("ram", "64")]).differences(from: recorded)
        #expect(
            Fingerprint.describe(other, room: 511)
                == "the machine differs from the recording: ram was 128, is now 64; "
                + "disk was abc, is not given now; net was not given, is now 1")
        #expect(
            Fingerprint.describe(other, room: 80)
                == "the machine differs from the recording: ram was 128, is now 64; and 2 more")
    }

    @Test func showsWhereLongValuesDiffer() {
        let long = String(repeating: "a", count: 1000)
        let here = Fingerprint([("ram", ByteText(long + "b"))])
        let recorded = Fingerprint([("ram", ByteText(long + "c"))])
        let sentence = here.differences(from: recorded).map(\.description).joined()
        #expect(sentence.contains("ab") && sentence.contains("ac") && sentence.utf8.count < 250)
    }

    @Test func showsBytesThatReadTheSame() {
        let (composed, decomposed) = (ByteText("\u{e9}"), ByteText("e\u{301}"))
        let differences = Fingerprint([("name", decomposed)]).differences(
            from: Fingerprint([("name", composed)]))
        #expect(differences.map(\.description) == ["name was \\xC3\\xA9, is now e\\xCC\\x81"])
    }

    @Test func aFieldThatIsToldAgainGetsTheNewValue() {
        var fingerprint = recorded
        fingerprint["ram"] = "256"
        #expect(fingerprint.pairs.map(\.key) == ["ram", "disk"])
        #expect(fingerprint["ram"] == "256")
    }
}
