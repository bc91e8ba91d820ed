/// Where the pages of all regions are in a table of leaves.
package struct PageLayout: Sendable {
    /// The pages of a leaf.
    static let leafPages = 128

    package let regions: [RAMRegion]
    /// The number of the first leaf of each region.
    private let firstLeaves: [Int]
    package let leafCount: Int
    let largestPage: Int

    /// Nil if a region isn't valid, or two have the same id.
    package init?(_ regions: [RAMRegion]) {
        guard regions.count <= RAMRegion.most, regions.allSatisfy(\.isValid),
            Set(regions.map(\.id)).count == regions.count
        else { return nil }
        var firstLeaves: [Int] = []
        var count = 0
        for region in regions {
            firstLeaves.append(count)
            count &+= (region.pageCount &+ PageLayout.leafPages &- 1) / PageLayout.leafPages
        }
        self.regions = regions
        self.firstLeaves = firstLeaves
        leafCount = count
        largestPage = regions.map(\.pageBytes).max() ?? RAMRegion.pageSizes.lowerBound
    }

    func contains(_ address: PageAddress) -> Bool {
        Int(address.region) < regions.count && Int(address.page) < regions[Int(address.region)].pageCount
    }

    /// The leaf and the place in it.
    func place(_ address: PageAddress) -> (leaf: Int, entry: Int) {
        let page = Int(address.page)
        return (
            firstLeaves[Int(address.region)] &+ page / PageLayout.leafPages, page % PageLayout.leafPages
        )
    }

    /// The page at the start of a leaf, and how many pages it has.
    func pages(ofLeaf leaf: Int) -> (first: PageAddress, count: Int) {
        var region = 0
        while region &+ 1 < regions.count && firstLeaves[region &+ 1] <= leaf { region &+= 1 }
        let first = (leaf &- firstLeaves[region]) &* PageLayout.leafPages
        return (
            PageAddress(
                region: UInt32(truncatingIfNeeded: region), page: UInt32(truncatingIfNeeded: first)),
            min(PageLayout.leafPages, regions[region].pageCount &- first)
        )
    }

    package func pageBytes(_ address: PageAddress) -> Int { regions[Int(address.region)].pageBytes }
}
