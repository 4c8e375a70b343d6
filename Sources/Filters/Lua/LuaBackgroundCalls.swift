import Reactor

/// Calls of other services that a filter's scripts have begun and do not wait for (`asynchronous`). They outlive the request that
/// made them, and their bodies are no part of a script's memory: so there is a bound on both.
@WorkerActor final class LuaBackgroundCalls {
    /// Calls of one filter on one worker.
    static let maximum = 1024
    /// Bytes of their bodies.
    static let maximumBytes = 16 << 20

    private var count = 0
    private var bytes = 0

    nonisolated init() {}

    /// A call with a body of so many bytes is to begin.
    /// - Returns: whether there is room for it.
    func begin(_ size: Int) -> Bool {
        guard count < Self.maximum, bytes + size <= Self.maximumBytes else { return false }
        count += 1
        bytes += size
        return true
    }

    /// One that had begun is over.
    func end(_ size: Int) {
        count -= 1
        bytes -= size
    }
}
