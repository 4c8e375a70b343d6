package import Bytes
package import HTTPCodec
import HTTPModel
package import Observability
package import Reactor
package import TrafficPolicy

/// A cluster of the configuration in its compiled form.
@WorkerActor package final class ClusterConfig {
    /// Which HTTP the hosts speak.
    package enum UpstreamProtocol: Equatable, Sendable {
        case http1
        case http2
        /// The same as the client.
        case downstream
        /// What ALPN agrees on.
        case negotiated
    }

    /// What the configuration of a cluster came to; names and units are those of Envoy's `Cluster` message.
    package nonisolated let name: NamedText
    package nonisolated let maxRequestsPerConnection: UInt64
    package var upstreamProtocol = UpstreamProtocol.http1
    package var http1 = HTTP1Options()
    package var http1Writer = HTTP1Writer()
    /// `enable_trailers`: without it, trailers are dropped on the way to and from HTTP/1 hosts.
    package var http1AllowsTrailers = false
    package var http2 = HTTP2Options()
    /// `connection_keepalive`; nil for none.
    package var http2Keepalive: HTTP2Keepalive.Settings?
    package var balancing = LoadBalancer.Settings()
    package var thresholds = CircuitThresholds()
    package var highThresholds = CircuitThresholds()
    /// TLS or not, for each host.
    package var sockets = UpstreamSocketChoice()
    /// `auto_sni`, `auto_san_validation`: names from the request's authority, or from this header where it is there.
    package var autoSNI = false
    package var autoSANValidation = false
    package var serverNameHeader: NamedText?
    /// Of clusters of type ORIGINAL_DST, whose hosts are where the clients were going; nil for others.
    var originalDestination: OriginalDestinations.Settings?
    /// `http_filters`; nil for none.
    var httpFilters: UpstreamFilters?
    /// TCP keepalive of connections to hosts, and where they come from (`upstream_bind_config`).
    package var keepalive: (probes: Int32?, time: Int32?, interval: Int32?)?
    package var sourceAddress: SocketAddress?
    /// Nanoseconds; 0 switches off.
    package var connectTimeout: UInt64 = 5_000_000_000
    package var idleTimeout: UInt64 = 3_600_000_000_000
    /// How long a connection is given new requests; 0 for without end.
    package var maxConnectionDuration: UInt64 = 0
    /// How long a request may be on its connection, response included.
    package var maxStreamDuration: UInt64 = 0
    package var bufferLimit = 1024 * 1024

    /// The limits for requests of one routing priority.
    func thresholds(_ priority: RoutingPriority) -> CircuitThresholds { priority == .high ? highThresholds : thresholds }

    /// Which HTTP to speak to a host for a client's; nil: what ALPN agrees on.
    func version(for downstream: HTTPVersion?) -> HTTPVersion? {
        switch upstreamProtocol {
        case .http1: .http11
        case .http2: .http2
        case .downstream: downstream == .http2 ? .http2 : .http11
        case .negotiated: nil
        }
    }

    /// What the cluster is called in statistics.
    nonisolated var statName: String { name.shownAs?.text ?? name.text }

    /// - Parameter statName: `alt_stat_name`; empty for none.
    package nonisolated init(name: String, statName: String = "", maxRequestsPerConnection: UInt64 = 0) {
        self.name = NamedText(name, shownAs: statName.isEmpty ? nil : NamedText(statName))
        self.maxRequestsPerConnection = maxRequestsPerConnection
    }
}
