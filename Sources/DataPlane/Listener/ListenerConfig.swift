import Bytes
package import Reactor

/// What a listener does with connections, compiled. A newer one takes over the filter chains that it has as well.
@WorkerActor package final class ListenerConfig {
    package let name: String
    package let matcher: FilterChainMatcher
    package let chains: [FilterChain]
    package let defaultChain: FilterChain?
    package let stats: ListenerCounters
    /// The listener filters; ``SnapshotCompiler`` says in which order they look.
    package var clientHello = ListenerFilterUse()
    package var proxyProtocol = ListenerFilterUse()
    package var originalDestination = ListenerFilterUse()
    var httpInspection = ListenerFilterUse()
    /// A connection without a PROXY header is served all the same.
    package var allowsMissingProxyHeader = false
    /// Which fields of a PROXY header become metadata of the connection.
    var proxyFieldRules = ProxyFieldRules()
    /// Connections accepted in one event: then others get their turn.
    package var acceptBatch = 16
    /// Whether connections end with their next response while `/healthcheck/fail` holds (`drain_type`).
    package var drainsOnFailedHealth = true
    /// What writes a line for each connection.
    var accessLogs: [any AccessLogSink] = []
    /// `use_original_dst`: connections go to the listener of the address that they were made to, where there is one.
    var handsOver = false
    /// Where it listens, or stands for connections that others accept.
    var addresses: [SocketAddress] = []
    /// Nanoseconds for the listener filters together; 0 switches off.
    package var inspectionTimeout: UInt64 = 15_000_000_000
    package var continuesAfterTimeout = false
    package var bufferLimit = 1024 * 1024
    package var maxConnections = Int.max
    package var keepalive: (probes: Int32?, time: Int32?, interval: Int32?)?

    private let chainIDs: Set<ObjectIdentifier>
    private let byConnectionForm: [Fingerprint: FilterChain]

    /// - Parameter chains: as `matcher` counts them.
    package init(
        name: String, matcher: FilterChainMatcher, chains: [FilterChain], defaultChain: FilterChain?, stats: ListenerCounters
    ) {
        self.name = name
        self.matcher = matcher
        self.chains = chains
        self.defaultChain = defaultChain
        self.stats = stats
        let all = chains + (defaultChain.map { [$0] } ?? [])
        chainIDs = Set(all.map { ObjectIdentifier($0) })
        byConnectionForm = Dictionary(all.map { ($0.connectionForm, $0) }) { first, _ in first }
    }

    /// Whether connections of the chain stay under this configuration.
    func holds(_ chain: FilterChain) -> Bool { chainIDs.contains(ObjectIdentifier(chain)) }

    /// The chain that connections of an older one go on under: it differs in routes and HTTP filters alone.
    func successor(of chain: FilterChain) -> FilterChain? { byConnectionForm[chain.connectionForm] }

    /// Whether any filter wants to see the first bytes of a connection.
    func inspects(_ facts: ConnectionFacts) -> Bool {
        clientHello.applies(to: facts) || proxyProtocol.applies(to: facts) || httpInspection.applies(to: facts)
    }

    /// All chains, for those that a newer configuration has as well.
    var allChains: [FilterChain] { chains + (defaultChain.map { [$0] } ?? []) }
}
