package import Reactor
package import TrafficPolicy

/// A cluster's circuit breaker as its pools use it. What it admits is counted for the proxy as a whole.
@WorkerActor package final class ClusterLimits {
    private let breaker: CircuitBreaker

    package init(_ breaker: CircuitBreaker) {
        self.breaker = breaker
    }

    func tryBeginRequest() -> Bool { breaker.tryAcquire(.request) }
    func requestEnded() { breaker.release(.request) }

    /// Whether one more connection is allowed. A pool without any may open one all the same, which is then not counted.
    var canOpenConnection: Bool { !breaker.isOpen(.connection) }
    /// - Returns: whether the connection counts and must be given back with ``connectionClosed()``.
    func connectionOpened() -> Bool { breaker.tryAcquire(.connection) }
    func connectionClosed() { breaker.release(.connection) }

    var canWait: Bool { !breaker.isOpen(.pendingRequest) }
    /// - Returns: whether the waiting request counts and must be given back with ``waitEnded()``.
    func waitBegan() -> Bool { breaker.tryAcquire(.pendingRequest) }
    func waitEnded() { breaker.release(.pendingRequest) }
}
