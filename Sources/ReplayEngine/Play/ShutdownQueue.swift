/// Causes of shutdowns, in the order of their delivery.
struct ShutdownQueue {
    private var causes: [ShutdownCause] = []
    private var taken = 0

    @inline(__always) var isEmpty: Bool { taken == causes.count }

    mutating func append(_ cause: ShutdownCause) { causes.append(cause) }

    var first: ShutdownCause? { isEmpty ? nil : causes[taken] }

    mutating func takeFirst() -> ShutdownCause? {
        guard taken < causes.count else { return nil }
        defer {
            taken += 1
            if taken == causes.count { (causes, taken) = ([], 0) }
        }
        return causes[taken]
    }
}
