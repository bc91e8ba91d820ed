/// Finds versions by their content. Its buckets are lists through ``VersionSlot/next``.
final class HashIndex {
    private let budget: MemoryBudget
    private let versions: Slab<VersionSlot>
    private var buckets: UnsafeMutablePointer<UInt32>?
    private var bucketCount = 0
    private(set) var count = 0

    init(_ budget: MemoryBudget, _ versions: Slab<VersionSlot>) {
        self.budget = budget
        self.versions = versions
    }

    deinit {
        budget.free(buckets, bytes)
    }

    /// The memory that it uses.
    var bytes: Int { bucketCount &* MemoryLayout<UInt32>.stride }

    func find(_ hash: PageHash) -> Version? {
        guard let buckets else { return nil }
        var version = buckets[bucket(hash)]
        while version != 0 {
            if versions[version].pointee.hash == hash { return version }
            version = versions[version].pointee.next
        }
        return nil
    }

    /// Makes room for one more. If memory runs out, the lists get longer; false only without any bucket.
    func makeRoom() -> Bool {
        if count < bucketCount { return true }
        let wanted = max(64, bucketCount &* 2)
        guard let memory = budget.allocate(wanted &* MemoryLayout<UInt32>.stride) else {
            return bucketCount > 0
        }
        let (old, oldCount, oldBytes) = (buckets, bucketCount, bytes)
        let fresh = memory.bindMemory(to: UInt32.self, capacity: wanted)
        fresh.initialize(repeating: 0, count: wanted)
        buckets = fresh
        bucketCount = wanted
        for index in 0..<oldCount {
            var version = old.unsafelyUnwrapped[index]
            while version != 0 {
                let next = versions[version].pointee.next
                link(version)
                version = next
            }
        }
        budget.free(old, oldBytes)
        return true
    }

    /// After ``makeRoom()``.
    func insert(_ version: Version) {
        link(version)
        count &+= 1
    }

    func remove(_ version: Version) {
        guard let buckets else { return }
        let next = versions[version].pointee.next
        let bucket = bucket(versions[version].pointee.hash)
        if buckets[bucket] == version {
            buckets[bucket] = next
        } else {
            var other = buckets[bucket]
            while other != 0 && versions[other].pointee.next != version {
                other = versions[other].pointee.next
            }
            guard other != 0 else { return }
            versions[other].pointee.next = next
        }
        count &-= 1
    }

    private func link(_ version: Version) {
        guard let buckets else { return }
        let bucket = bucket(versions[version].pointee.hash)
        versions[version].pointee.next = buckets[bucket]
        buckets[bucket] = version
    }

    private func bucket(_ hash: PageHash) -> Int {
        Int(truncatingIfNeeded: hash.low & UInt64(truncatingIfNeeded: bucketCount &- 1))
    }
}
