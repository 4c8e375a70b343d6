/// How the load spreads over the priorities of a cluster, in percent (Envoy: "Priority levels", "Panic threshold").
public struct PriorityLoad: Equatable, Sendable {
    /// Hosts of one priority by health.
    public struct Level: Equatable, Sendable {
        public var total: Int
        public var healthy: Int
        public var degraded: Int

        /// - Parameter total: of any health; those that are neither healthy nor degraded are unhealthy.
        public init(total: Int = 0, healthy: Int = 0, degraded: Int = 0) {
            self.total = total
            self.healthy = healthy
            self.degraded = degraded
        }
    }

    /// Share of the healthy hosts of each priority.
    public private(set) var healthy: [Int]
    /// Share of the degraded hosts of each priority.
    public private(set) var degraded: [Int]
    /// Priorities whose hosts are used whatever their health, as too few are healthy.
    public private(set) var isInPanic: [Bool]

    /// - Parameters:
    ///   - overprovisioning: in percent; with 140 a priority sheds load once less than 72 % of it is healthy.
    ///   - panicThreshold: in percent of healthy hosts; 0 turns panic off.
    public init(levels: [Level], overprovisioning: Int = 140, panicThreshold: Double = 50) {
        healthy = Array(repeating: 0, count: levels.count)
        degraded = healthy
        isInPanic = Array(repeating: false, count: levels.count)
        guard !levels.isEmpty else { return }
        let healthyShares = levels.map { Self.availability($0.healthy, of: $0.total, overprovisioning) }
        let degradedShares = levels.map { Self.availability($0.degraded, of: $0.total, overprovisioning) }
        let available = min(100, healthyShares.reduce(0, +) + degradedShares.reduce(0, +))
        if available > 0 {
            distribute(healthyShares, degradedShares, available)
        } else {
            healthy[0] = 100
        }
        // While the priorities together can carry the load, none panics.
        guard available < 100 else { return }
        for (index, level) in levels.enumerated() {
            let usable = level.total == 0 ? 0 : 100 * Double(level.healthy + level.degraded) / Double(level.total)
            isInPanic[index] = usable < panicThreshold
        }
        if isInPanic.allSatisfy({ $0 }) { distributeByCount(levels) }
    }

    /// Where a random value falls: the priority, and whether its degraded hosts are meant.
    public func pick(_ random: UInt64) -> (priority: Int, usesDegraded: Bool) {
        var rest = Int(random % 100)
        for index in healthy.indices {
            if rest < healthy[index] { return (index, false) }
            rest -= healthy[index]
        }
        for index in degraded.indices {
            if rest < degraded[index] { return (index, true) }
            rest -= degraded[index]
        }
        return (0, false)
    }

    private static func availability(_ count: Int, of total: Int, _ overprovisioning: Int) -> Int {
        total == 0 ? 0 : min(100, overprovisioning * count / total)
    }

    private mutating func distribute(_ healthyShares: [Int], _ degradedShares: [Int], _ available: Int) {
        var rest = 100
        for (index, share) in healthyShares.enumerated() {
            healthy[index] = min(rest, share * 100 / available)
            rest -= healthy[index]
        }
        for (index, share) in degradedShares.enumerated() {
            degraded[index] = min(rest, share * 100 / available)
            rest -= degraded[index]
        }
        // What is left are rounding errors.
        if let first = healthyShares.firstIndex(where: { $0 > 0 }) {
            healthy[first] += rest
        } else if let first = degradedShares.firstIndex(where: { $0 > 0 }) {
            degraded[first] += rest
        }
    }

    /// All priorities panic: each host is as good as any other.
    private mutating func distributeByCount(_ levels: [Level]) {
        let total = levels.reduce(0) { $0 + $1.total }
        guard total > 0 else { return }
        var rest = 100
        for (index, level) in levels.enumerated() {
            healthy[index] = 100 * level.total / total
            degraded[index] = 0
            rest -= healthy[index]
        }
        if let first = levels.firstIndex(where: { $0.total > 0 }) { healthy[first] += rest }
    }
}
