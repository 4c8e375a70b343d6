/// Chooses one of several by weight (`weighted_clusters`), the same one for the same value.
public struct WeightedChoice: Sendable {
    /// Sums of the weights up to and including each.
    private let ends: [UInt64]
    /// Sum of all weights, at least 1 and at most 4294967295.
    public let total: UInt64

    /// - Throws: ``PolicyError/noWeight`` or ``PolicyError/weightOverflow``.
    public init(weights: [UInt32]) throws(PolicyError) {
        var ends: [UInt64] = []
        ends.reserveCapacity(weights.count)
        var total: UInt64 = 0
        for weight in weights {
            total += UInt64(weight)
            ends.append(total)
        }
        guard total > 0 else { throw .noWeight }
        guard total <= UInt64(UInt32.max) else { throw .weightOverflow }
        self.ends = ends
        self.total = total
    }

    /// - Parameter value: the request's random value, or a hash of what the choice shall stick to.
    /// - Returns: the index of a weight above 0.
    public func pick(_ value: UInt64) -> Int {
        let point = value % total
        var low = 0
        var high = ends.count - 1
        while low < high {
            let middle = (low + high) / 2
            if ends[middle] > point { high = middle } else { low = middle + 1 }
        }
        return low
    }
}
