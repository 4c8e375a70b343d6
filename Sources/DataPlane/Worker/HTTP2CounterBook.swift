import HTTPCodec
import Observability
package import Reactor

/// What the HTTP/2 sessions of a worker count: those of clients together, those of hosts by cluster, as Envoy's `http2.*`
/// and `cluster.NAME.http2.*`. Sessions count in plain memory; now and then it is brought into the statistics.
@WorkerActor package final class HTTP2CounterBook {
    /// Of all sessions with clients.
    let downstream = HTTP2Counters()
    private var downstreamPage: Page?
    private var clusters: [String: (counters: HTTP2Counters, page: Page?)] = [:]

    nonisolated init() {}

    /// Of all sessions with the hosts of a cluster, under whatever configuration it has.
    func cluster(_ name: String) -> HTTP2Counters {
        if let known = clusters[name] { return known.counters }
        let counters = HTTP2Counters()
        clusters[name] = (counters, nil)
        return counters
    }

    /// The cluster is gone; what its last sessions still count is counted nowhere.
    func forget(_ cluster: String) { clusters[cluster] = nil }

    /// Adds what was counted since the last time.
    func publish(to stats: StatsSegment) {
        var page = downstreamPage ?? Page(stats.http2())
        page.publish(downstream)
        downstreamPage = page
        for (name, entry) in clusters {
            var page = entry.page ?? Page(stats.clusterHTTP2(name))
            page.publish(entry.counters)
            clusters[name]?.page = page
        }
    }

    /// Where the counters of one object go, in the order of ``HTTP2Counters/all``.
    private struct Page {
        private let counters: [Counter?]
        private let streamsActive: Gauge
        private var told: [UInt64]

        init(_ stats: HTTP2CodecStats) {
            self.init(streamsActive: stats[.streamsActive]) {
                HTTP2CodecStats.Counters(rawValue: $0).map { stats[$0] }
            }
        }

        init(_ cluster: ClusterHTTP2CodecStats) {
            self.init(streamsActive: cluster[.streamsActive]) {
                ClusterHTTP2CodecStats.Counters(rawValue: $0).map { cluster[$0] }
            }
        }

        private init(streamsActive: Gauge, counter: (String) -> Counter?) {
            counters = HTTP2Counters().all.map { counter("\($0.name)") }
            told = [UInt64](repeating: 0, count: counters.count)
            self.streamsActive = streamsActive
        }

        mutating func publish(_ counted: HTTP2Counters) {
            for (index, entry) in counted.all.enumerated() where entry.value != told[index] {
                counters[index]?.add(entry.value &- told[index])
                told[index] = entry.value
            }
            streamsActive.set(counted.streamsActive)
        }
    }
}
