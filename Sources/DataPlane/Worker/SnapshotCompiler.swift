package import Bytes
import HTTPModel
import Observability
package import ProxyModel
import Reactor
import SecureTransport
package import SwiftProtobuf

/// Turns a bootstrap, Envoy's model, into what a worker runs. Nothing outside of it changes; every problem is thrown with
/// the path of the object that has it.
@WorkerActor struct SnapshotCompiler {
    let resources: WorkerResources
    let node: Envoy_Config_Core_V3_Node
    let runtime: RuntimeValues
    /// `static_resources.secrets` by name.
    let secrets: [String: Envoy_Extensions_TransportSockets_Tls_V3_Secret]

    var worker: WorkerContext { resources.context }
    var stats: StatsSegment { resources.stats }

    func compile(_ bootstrap: Envoy_Config_Bootstrap_V3_Bootstrap) throws(ConfigProblem) -> WorkerSnapshot {
        var clusters: [WorkerSnapshot.PreparedCluster] = []
        var resolved: [String] = []
        for (index, message) in bootstrap.staticResources.clusters.enumerated() {
            do throws(ConfigProblem) {
                clusters.append(try prepare(cluster: message))
                if message.type != .static { resolved.append(message.name) }
            } catch {
                throw error.within("static_resources.clusters[\(index)]")
            }
        }
        var listeners: [ListenerConfig] = []
        for (index, message) in bootstrap.staticResources.listeners.enumerated() {
            do throws(ConfigProblem) {
                listeners.append(try listener(message, index: index))
            } catch {
                throw error.within("static_resources.listeners[\(index)]")
            }
        }
        return WorkerSnapshot(listeners: listeners, clusters: clusters, resolvedClusters: resolved)
    }

    // MARK: Listeners

    /// The name under which a listener is known: its own, or its place.
    static func name(_ message: Envoy_Config_Listener_V3_Listener, index: Int) -> String {
        message.name.isEmpty ? "listener_\(index)" : message.name
    }

    private static func fingerprint(_ message: Envoy_Config_Listener_V3_Listener) throws(ConfigProblem) -> [UInt8] {
        do {
            return try message.serializedBytes()
        } catch {
            throw ConfigProblem("cannot be serialized: \(error)")
        }
    }

    private func listener(
        _ message: Envoy_Config_Listener_V3_Listener, index: Int
    ) throws(ConfigProblem) -> ListenerConfig {
        let address = try Address.compile(message.address).problem(within: "address")
        let statName = message.statPrefix.isEmpty ? "\(address)" : message.statPrefix
        let counters = ListenerCounters(listener: stats.listener(statName), tls: stats.listenerTLS(statName))
        let limit =
            message.hasPerConnectionBufferLimitBytes ? Int(message.perConnectionBufferLimitBytes.value) : 1024 * 1024
        var criteria: [FilterChainCriteria] = []
        var chains: [FilterChain] = []
        for (position, chain) in message.filterChains.enumerated() {
            do throws(ConfigProblem) {
                criteria.append(try self.criteria(chain.filterChainMatch))
                chains.append(try self.chain(chain, message, counters, limit, address))
            } catch {
                throw error.within("filter_chains[\(position)]")
            }
        }
        var fallback: FilterChain?
        if message.hasDefaultFilterChain {
            do throws(ConfigProblem) {
                fallback = try chain(message.defaultFilterChain, message, counters, limit, address)
            } catch {
                throw error.within("default_filter_chain")
            }
        }
        let matcher = FilterChainMatcher(criteria)
        let config = ListenerConfig(
            name: Self.name(message, index: index), matcher: matcher, chains: chains, defaultChain: fallback,
            stats: counters, fingerprint: try Self.fingerprint(message))
        config.inspectsClientHello = matcher.needsClientHello
        config.bufferLimit = limit
        if message.hasListenerFiltersTimeout { config.inspectionTimeout = message.listenerFiltersTimeout.nanoseconds }
        config.continuesAfterTimeout = message.continueOnListenerFiltersTimeout
        config.usesOriginalDestination = message.useOriginalDst.value
        for (position, filter) in message.listenerFilters.enumerated() {
            switch filter.typedConfig.messageName {
            case "envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector": config.inspectsClientHello = true
            case "envoy.extensions.filters.listener.proxy_protocol.v3.ProxyProtocol": config.readsProxyProtocol = true
            case "envoy.extensions.filters.listener.original_dst.v3.OriginalDst": config.usesOriginalDestination = true
            case let other:
                throw ConfigProblem(
                    "no listener filter of type \(other)", path: "listener_filters[\(position)].typed_config")
            }
        }
        return config
    }

    private func chain(
        _ message: Envoy_Config_Listener_V3_FilterChain, _ listener: Envoy_Config_Listener_V3_Listener,
        _ counters: ListenerCounters, _ limit: Int, _ address: SocketAddress
    ) throws(ConfigProblem) -> FilterChain {
        var tls: TLSContext?
        if message.hasTransportSocket {
            do throws(ConfigProblem) {
                tls = try downstreamTLS(message.transportSocket)
            } catch {
                throw error.within("transport_socket")
            }
        }
        guard let last = message.filters.last else { throw ConfigProblem("no network filter", path: "filters") }
        guard message.filters.count == 1 else {
            throw ConfigProblem("only one network filter is supported yet", path: "filters[0]")
        }
        let factory: any NetworkFilterFactory
        do throws(ConfigProblem) {
            factory = try networkFilter(last, listener, limit, address)
        } catch {
            throw error.within("filters[\(message.filters.count - 1)].typed_config")
        }
        let chain = FilterChain(name: message.name, networkFilter: factory, tls: tls, listenerStats: counters)
        chain.bufferLimit = limit
        if message.hasTransportSocketConnectTimeout {
            chain.handshakeTimeout = message.transportSocketConnectTimeout.nanoseconds
        }
        return chain
    }

    private func networkFilter(
        _ filter: Envoy_Config_Listener_V3_Filter, _ listener: Envoy_Config_Listener_V3_Listener, _ limit: Int,
        _ address: SocketAddress
    ) throws(ConfigProblem) -> any NetworkFilterFactory {
        let config = filter.typedConfig
        if config.holds(Envoy_Extensions_Filters_Network_HttpConnectionManager_V3_HttpConnectionManager.self) {
            return HTTPConnectionManagerFactory(
                try connectionManager(try config.message(), bufferLimit: limit, listenerPort: address.port))
        }
        if config.holds(Envoy_Extensions_Filters_Network_TcpProxy_V3_TcpProxy.self) {
            return try tcpProxy(try config.message(Envoy_Extensions_Filters_Network_TcpProxy_V3_TcpProxy.self))
        }
        throw ConfigProblem("no network filter of type \(config.messageName)")
    }

    // MARK: Filter chain match

    private func criteria(_ match: Envoy_Config_Listener_V3_FilterChainMatch) throws(ConfigProblem)
        -> FilterChainCriteria
    {
        var criteria = FilterChainCriteria()
        if match.hasDestinationPort { criteria.destinationPort = UInt16(clamping: match.destinationPort.value) }
        criteria.destinationRanges = try ranges(match.prefixRanges, "filter_chain_match.prefix_ranges")
        criteria.directSourceRanges = try ranges(
            match.directSourcePrefixRanges, "filter_chain_match.direct_source_prefix_ranges")
        criteria.sourceRanges = try ranges(match.sourcePrefixRanges, "filter_chain_match.source_prefix_ranges")
        criteria.serverNames = match.serverNames.map { $0.lowercased() }
        criteria.transportProtocol = match.transportProtocol
        criteria.applicationProtocols = match.applicationProtocols
        criteria.sourcePorts = match.sourcePorts.map { UInt16(clamping: $0) }
        switch match.sourceType {
        case .sameIpOrLoopback: criteria.sourceType = .sameAddressOrLoopback
        case .external: criteria.sourceType = .external
        default: criteria.sourceType = .any
        }
        return criteria
    }

    func ranges(
        _ messages: [Envoy_Config_Core_V3_CidrRange], _ field: String
    ) throws(ConfigProblem) -> [AddressRange] {
        var ranges: [AddressRange] = []
        for (index, message) in messages.enumerated() {
            guard let ip = SocketAddress.IP(message.addressPrefix) else {
                throw ConfigProblem(
                    "\"\(message.addressPrefix)\" is no IP address", path: "\(field)[\(index)].address_prefix")
            }
            ranges.append(AddressRange(ip, length: Int(message.prefixLen.value)))
        }
        return ranges
    }
}

/// Addresses of the configuration.
package enum Address {
    /// An address to listen on or to connect to; names that need resolving are a problem here.
    package static func compile(_ message: Envoy_Config_Core_V3_Address) -> Result<SocketAddress, ConfigProblem> {
        switch message.address {
        case .socketAddress(let socket):
            guard let address = SocketAddress(host: socket.address, port: UInt16(clamping: socket.portValue)) else {
                return .failure(ConfigProblem("\"\(socket.address)\" is no IP address", path: "socket_address.address"))
            }
            return .success(address)
        case .pipe(let pipe): return .success(SocketAddress(unixPath: pipe.path))
        case nil: return .failure(ConfigProblem("an address is required"))
        }
    }
}

extension Result where Failure == ConfigProblem {
    func problem(within path: String) throws(ConfigProblem) -> Success {
        switch self {
        case .success(let value): return value
        case .failure(let problem): throw problem.within(path)
        }
    }
}

extension Google_Protobuf_Any {
    /// Unpacks, with what is wrong as a problem of the configuration.
    package func message<Message: SwiftProtobuf.Message>(_ type: Message.Type = Message.self) throws(ConfigProblem)
        -> Message
    {
        do throws(UnpackError) {
            return try unpack(type)
        } catch {
            throw ConfigProblem("\(error)")
        }
    }
}

extension Google_Protobuf_Duration {
    /// Whole nanoseconds; negative ones, which validation refuses, count as 0.
    package var nanoseconds: UInt64 {
        seconds < 0 || nanos < 0 ? 0 : UInt64(clamping: seconds) &* 1_000_000_000 &+ UInt64(nanos)
    }
}
