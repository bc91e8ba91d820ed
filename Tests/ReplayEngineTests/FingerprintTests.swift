import Testing

@testable import ReplayEngine

@Suite struct FingerprintTests {
    private let recorded = Fingerprint([("ram", "128"), ("disk", "abc")])

    @Test func theOrderDoesNotMatter() {
        #expect(Fingerprint([("disk", "abc"), ("ram", "128")]).difference(from: recorded) == nil)
    }

    @Test func namesTheFieldThatDiffers() {
        let difference = Fingerprint([("ram", "64"), ("disk", "abc")]).difference(from: recorded)
        #expect(difference?.key == "ram")
        #expect(difference?.recorded == "128")
        #expect(difference?.here == "64")
    }

    @Test func namesAFieldThatIsMissingOrNew() {
        #expect(Fingerprint([("ram", "128")]).difference(from: recorded)?.key == "disk")
        let more = Fingerprint([("ram", "128"), ("disk", "abc"), ("net", "1")])
        #expect(more.difference(from: recorded)?.key == "net")
    }

    @Test func aFieldThatIsToldAgainGetsTheNewValue() {
        var fingerprint = recorded
        fingerprint["ram"] = "256"
        #expect(fingerprint.pairs.map(\.key) == ["ram", "disk"])
        #expect(fingerprint["ram"] == "256")
    }
}
