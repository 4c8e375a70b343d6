/// Limits of a cluster for one priority (`CircuitBreakers.Thresholds`).
public struct CircuitThresholds: Equatable, Sendable {
    /// What stands for "no limit", as Istio sends it.
    public static let unlimited = UInt32.max

    /// Most connections, waiting requests, requests and retries at a time; ``unlimited`` for no limit.
    public var maxConnections: UInt32
    public var maxPendingRequests: UInt32
    public var maxRequests: UInt32
    public var maxRetries: UInt32
    /// Takes the place of `maxRetries` when set.
    public var retryBudget: RetryBudget?

    /// Envoy's defaults unless said otherwise.
    public init(
        maxConnections: UInt32 = 1024, maxPendingRequests: UInt32 = 1024, maxRequests: UInt32 = 1024,
        maxRetries: UInt32 = 3, retryBudget: RetryBudget? = nil
    ) {
        self.maxConnections = maxConnections
        self.maxPendingRequests = maxPendingRequests
        self.maxRequests = maxRequests
        self.maxRetries = maxRetries
        self.retryBudget = retryBudget
    }
}

/// Retries as a share of what is under way (`RetryBudget`).
public struct RetryBudget: Equatable, Sendable {
    /// Of active and pending requests, 0 to 100.
    public var percent: Double
    /// Always allowed.
    public var minimum: UInt32

    /// Envoy's defaults unless said otherwise.
    public init(percent: Double = 20, minimum: UInt32 = 3) {
        self.percent = percent
        self.minimum = minimum
    }

    func limit(underWay: Int64) -> Int64 {
        max(Int64(minimum), Int64(Double(underWay) * percent / 100))
    }
}

/// Admits connections, requests and retries of one cluster up to limits that hold for all workers together.
///
/// Who acquires must release once; a worker that ends without it is cleaned up after by
/// ``LimitRegion/giveBack(slot:)``.
public struct CircuitBreaker {
    public let counters: LimitCounters
    private let normal: CircuitThresholds
    private let high: CircuitThresholds

    /// Limits for the two priorities over one cluster's counters.
    public init(
        counters: LimitCounters, normal: CircuitThresholds = CircuitThresholds(),
        high: CircuitThresholds = CircuitThresholds()
    ) {
        self.counters = counters
        self.normal = normal
        self.high = high
    }

    /// Takes one place; false when all are taken.
    public func tryAcquire(_ resource: LimitedResource, _ priority: RoutingPriority = .default) -> Bool {
        let limit = limit(resource, priority)
        guard limit < Int64(CircuitThresholds.unlimited) else { return counters.addUnlimited(resource, priority) }
        return counters.add(resource, priority, limit: limit)
    }

    /// Gives back what an admission took.
    public func release(_ resource: LimitedResource, _ priority: RoutingPriority = .default) {
        counters.subtract(resource, priority)
    }

    /// Whether the next ``tryAcquire(_:_:)`` would be refused.
    public func isOpen(_ resource: LimitedResource, _ priority: RoutingPriority = .default) -> Bool {
        counters.total(resource, priority) >= limit(resource, priority)
    }

    /// Places taken, by all workers.
    public func inUse(_ resource: LimitedResource, _ priority: RoutingPriority = .default) -> Int64 {
        max(0, counters.total(resource, priority))
    }

    /// Places left.
    public func remaining(_ resource: LimitedResource, _ priority: RoutingPriority = .default) -> Int64 {
        max(0, limit(resource, priority) - counters.total(resource, priority))
    }

    /// The limit in force; that of retries moves with the load when there is a budget.
    public func limit(_ resource: LimitedResource, _ priority: RoutingPriority = .default) -> Int64 {
        let thresholds = priority == .high ? high : normal
        switch resource {
        case .connection: return Int64(thresholds.maxConnections)
        case .pendingRequest: return Int64(thresholds.maxPendingRequests)
        case .request: return Int64(thresholds.maxRequests)
        case .retry:
            guard let budget = thresholds.retryBudget else { return Int64(thresholds.maxRetries) }
            let underWay = counters.total(.request, priority) + counters.total(.pendingRequest, priority)
            return budget.limit(underWay: underWay)
        }
    }
}
