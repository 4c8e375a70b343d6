import HTTPCodec
import Observability
package import Reactor

/// What the HTTP/1 connections of clients count besides requests, as Envoy's `http1.*`. Counted in plain memory, as with
/// ``HTTP2CounterBook``; now and then it is brought into the statistics.
@WorkerActor package final class HTTP1CounterBook {
    private var dropped: UInt64 = 0
    private var rejected: UInt64 = 0
    private var page: HTTP1CodecStats?

    nonisolated init() {}

    /// Fields with an underscore in their name were left out of a request.
    func droppedFields(_ count: UInt64) { dropped += count }

    /// A request was refused.
    func refused(_ error: HTTP1Error) {
        if error == .underscoreInFieldName { rejected += 1 }
    }

    /// Adds what was counted since the last time.
    func publish(to stats: StatsSegment) {
        let page = self.page ?? stats.http1()
        self.page = page
        page[.droppedHeadersWithUnderscores].add(dropped)
        page[.requestsRejectedWithUnderscoresInHeaders].add(rejected)
        (dropped, rejected) = (0, 0)
    }
}
