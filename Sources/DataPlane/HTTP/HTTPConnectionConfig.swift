import Bytes
package import HTTPCodec
package import HTTPModel
package import Observability
package import Reactor
import TrafficPolicy

/// An upgrade that a connection manager allows.
package final class UpgradeConfig {
    /// Lower-case token, e.g. "websocket".
    package let type: NamedText
    package let enabled: Bool

    /// - Parameter type: the token of the `Upgrade` field, in either case.
    package init(type: String, enabled: Bool) {
        self.type = NamedText(type.lowercased())
        self.enabled = enabled
    }
}

/// Where a connection manager has its routes from.
@WorkerActor package enum RouteSource {
    /// From its own configuration.
    case own(RouteConfiguration)
    /// From a route configuration with a name, which changes by itself.
    case named(RouteReference)
}

/// `http_connection_manager` in its compiled form: what all connections of one filter chain share, the pool of their
/// streams included.
@WorkerActor package final class HTTPConnectionConfig {
    package enum CodecType: Sendable { case auto, http1, http2 }
    /// What becomes of the response's `server` field (`server_header_transformation`).
    package enum ServerHeader: Sendable { case overwrite, appendIfAbsent, passThrough }
    /// Which port is taken off the host field (`strip_matching_host_port`, `strip_any_host_port`).
    package enum PortStripping: Sendable { case none, matching, any }

    /// The settings of Envoy's `HttpConnectionManager` message, with its defaults.
    package let worker: WorkerContext
    package let stats: HTTPConnectionStats
    /// The routes that new streams take.
    package private(set) var routes: RouteConfiguration
    package let factories: [any HTTPFilterFactory]
    package var codecType = CodecType.auto
    package var http1 = HTTP1Options()
    package var http1Writer = HTTP1Writer()
    package var http1AllowsTrailers = false
    package var http2 = HTTP2Options()
    /// `connection_keepalive`; nil for none.
    package var http2Keepalive: HTTP2Keepalive.Settings?
    package var serverName = NamedText("heddle")
    package var serverHeader = ServerHeader.overwrite
    package var via: NamedText?
    package var useRemoteAddress = false
    package var trustedHops = 0
    package var skipForwardedForAppend = false
    package var clientCertificate = ForwardedClientCertificate()
    package var unixIsInternal = false
    package var internalRanges: [AddressRange] = []
    package var generateRequestID = true
    package var preserveExternalRequestID = false
    package var alwaysSetRequestIDInResponse = false
    /// Nil: paths are taken as they come.
    package var pathRules: PathNormalizer?
    package var stripsPort = PortStripping.none
    package var stripsTrailingDot = false
    /// `scheme_header_transformation`: a scheme in the place of the request's, or that of the connection to the host.
    package var schemeToSet: NamedText?
    package var schemeMatchesUpstream = false
    /// `add_user_agent`: the cluster and the node that this proxy is part of.
    package var userAgent: NamedText?
    package var serviceNode: NamedText?
    /// `local_reply_config`; nil where the proxy's own answers stay as they are.
    package var localReplies: LocalReplyRules?
    /// A malformed message does not end its HTTP/1 connection (`stream_error_on_invalid_http_message`).
    package var http1KeepsMalformed = false
    package var listenerPort: UInt16?
    package var defaultHostForHTTP10: NamedText?
    package var earlyMutations = HeaderMutations()
    package var upgrades: [UpgradeConfig] = []
    var accessLogs: [any AccessLogSink] = []
    /// Where the decisions of a request are shown; nil: nowhere.
    package var explainHeader: String?
    /// The filter that shows them, and its bit.
    var explainer: (any ExplainingFilter)?
    var explainerBit: UInt64 = 0
    /// Filters that are off unless a route switches them on, a bit for each.
    package var switchedOff: UInt64 = 0
    /// Longest filter chain: a filter is a bit of a word.
    package static let maximumFilters = 64
    package var proxy100Continue = false
    /// Nanoseconds; 0 switches each off.
    package var streamIdleTimeout: UInt64 = 300_000_000_000
    /// How long a complete answer may wait for the window of an HTTP/2 client; nil for as long as the idle timeout.
    package var streamFlushTimeout: UInt64?
    package var requestTimeout: UInt64 = 0
    package var requestHeadersTimeout: UInt64 = 10_000_000_000
    package var idleTimeout: UInt64 = 3_600_000_000_000
    package var drainTimeout: UInt64 = 5_000_000_000
    /// For a client to take the last bytes of a connection that is closed.
    package var delayedCloseTimeout: UInt64 = 1_000_000_000
    package var maxConnectionDuration: UInt64 = 0
    package var maxStreamDuration: UInt64 = 0
    package var maxRequestsPerConnection: UInt64 = 0
    package var bufferLimit = 1024 * 1024

    /// Where the routes come from when they have a name of their own (RDS).
    private let routeReference: RouteReference?
    private var routeGeneration: UInt64
    /// ``http1`` as the connections share it; the configuration is complete when the first one asks.
    private(set) lazy var http1Rules = HTTP1ParserRules(role: .request, options: http1)

    private var pool: [Stream] = []
    /// Streams kept for reuse.
    private static let maximumPooled = 1024

    /// - Parameter factories: of the filters, in their order; the last is the router's.
    package init(
        worker: WorkerContext, stats: HTTPConnectionStats, routes: RouteSource, factories: [any HTTPFilterFactory]
    ) {
        self.worker = worker
        self.stats = stats
        switch routes {
        case .own(let configuration):
            self.routes = configuration
            routeReference = nil
        case .named(let reference):
            self.routes = reference.current
            routeReference = reference
        }
        routeGeneration = worker.routes.generation
        self.factories = factories
    }

    /// Some route configuration of the worker has changed, maybe this one. Streams in the pool let go of the old one.
    private func refreshRoutes() {
        routeGeneration = worker.routes.generation
        guard let routeReference, routeReference.current !== routes else { return }
        routes = routeReference.current
        for stream in pool { stream.routes = routes }
    }

    /// Whether the head is changed before routes are looked at.
    package var hasEarlyMutations: Bool { !earlyMutations.isEmpty }

    func makeFilters() -> [HTTPFilter] { factories.map { $0.makeFilter() } }

    func upgrade(named token: UnsafeRawBufferPointer) -> UpgradeConfig? {
        for upgrade in upgrades where upgrade.type.bytes.equalsIgnoringCase(token) {
            return upgrade.enabled ? upgrade : nil
        }
        return nil
    }

    func takeStream(_ manager: HTTPConnectionManager, _ codec: any DownstreamCodec) -> Stream {
        if routeGeneration != worker.routes.generation { refreshRoutes() }
        let stream =
            pool.popLast() ?? Stream(config: self, manager: manager, codec: codec, worker: worker)
        stream.begin(manager, codec)
        return stream
    }

    func giveBack(_ stream: Stream) {
        if pool.count < Self.maximumPooled {
            if stream.routes !== routes { stream.routes = routes }
            pool.append(stream)
        }
    }
}
