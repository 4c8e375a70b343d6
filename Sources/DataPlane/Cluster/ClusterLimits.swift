package import Reactor
package import TrafficPolicy

/// A cluster's circuit breaker for one routing priority, as its pools use it. What it admits is counted for the proxy as a whole.
@WorkerActor package final class ClusterLimits {
    private let breaker: CircuitBreaker
    private let priority: RoutingPriority

    package init(_ breaker: CircuitBreaker, _ priority: RoutingPriority = .default) {
        self.breaker = breaker
        self.priority = priority
    }

    /// How many there are at present, on all workers.
    package func inUse(_ resource: LimitedResource) -> Int {
        Int(breaker.inUse(resource, priority))
    }

    func tryBeginRequest() -> Bool { breaker.tryAcquire(.request, priority) }
    func requestEnded() { breaker.release(.request, priority) }

    /// Whether one more connection is allowed. A pool without any may open one all the same, which is then not counted.
    var canOpenConnection: Bool { !breaker.isOpen(.connection, priority) }
    /// - Returns: whether the connection counts and must be given back with ``connectionClosed()``.
    func connectionOpened() -> Bool { breaker.tryAcquire(.connection, priority) }
    func connectionClosed() { breaker.release(.connection, priority) }

    var canWait: Bool { !breaker.isOpen(.pendingRequest, priority) }
    /// - Returns: whether the waiting request counts and must be given back with ``waitEnded()``.
    func waitBegan() -> Bool { breaker.tryAcquire(.pendingRequest, priority) }
    func waitEnded() { breaker.release(.pendingRequest, priority) }
}
