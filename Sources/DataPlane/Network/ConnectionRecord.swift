import HTTPModel
import Observability
import Reactor

/// What is known about one connection as a whole, for the access logs of its listener and of `tcp_proxy`. Made for
/// connections that are logged alone.
@WorkerActor final class ConnectionRecord {
    var info = StreamInfo()
    private let worker: WorkerContext

    /// - Parameter age: nanoseconds since the connection was accepted.
    init(worker: WorkerContext, facts: ConnectionFacts, age: UInt64) {
        self.worker = worker
        info.times.begin(
            monotonic: worker.loop.now - age, wall: Int64(truncatingIfNeeded: worker.loop.wallNow - min(age, worker.loop.wallNow)))
        info.accessLogType = .tcpConnectionEnd
        info.downstreamDirectRemoteAddress = facts.directRemote
        info.downstreamRemoteAddress = facts.remote
        info.downstreamLocalAddress = facts.local
        if !facts.serverName.isEmpty { info.requestedServerName = .init(copying: facts.serverName) }
        for (name, values) in facts.metadata?.filters ?? [:] { info.metadataForWriting().merge(filter: name, values) }
    }

    /// Writes the line of a connection that has ended.
    func write(to logs: [any AccessLogSink]) {
        if info.times.end == 0 { info.times.end = worker.loop.now }
        for log in logs { log.write(self, scratch: &worker.scratchText) }
    }
}
