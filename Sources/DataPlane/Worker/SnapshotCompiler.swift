package import Bytes
import HTTPModel
import Observability
package import ProxyModel
package import Reactor
import SecureTransport
package import SwiftProtobuf

/// Turns resources, Envoy's model, into the parts that a worker runs. Nothing outside of it changes; every problem is
/// thrown with the path of the object that has it, inside of the resource.
@WorkerActor package struct SnapshotCompiler {
    let resources: WorkerResources
    let settings: CompileSettings

    var worker: WorkerContext { resources.context }
    var stats: StatsSegment { resources.stats }
    var runtime: RuntimeValues { settings.runtime }

    // MARK: Listeners

    /// The name under which a listener is known: its own, or its place among the listeners of its bootstrap.
    package nonisolated static func name(_ message: Envoy_Config_Listener_V3_Listener, index: Int) -> String {
        message.name.isEmpty ? "listener_\(index)" : message.name
    }

    /// - Parameter present: the form that is in force; filter chains that are the same in both are taken from it.
    func listener(
        _ message: Envoy_Config_Listener_V3_Listener, name: String, present: ListenerConfig?
    ) throws(ConfigProblem) -> ListenerConfig {
        let address = try Address.compile(message.address).problem(within: "address")
        // As in Envoy: `listener.0.0.0.0_80.`
        let statName = message.statPrefix.isEmpty ? String("\(address)".map { $0 == ":" ? "_" : $0 }) : message.statPrefix
        let counters = ListenerCounters(listener: stats.listener(statName), tls: stats.listenerTLS(statName))
        let limit =
            message.hasPerConnectionBufferLimitBytes ? Int(message.perConnectionBufferLimitBytes.value) : 1024 * 1024
        let surroundings = ChainSurroundings(
            counters: counters, statName: statName, limit: limit, address: address,
            present: Dictionary((present?.allChains ?? []).map { ($0.fingerprint, $0) }) { first, _ in first })
        var criteria: [FilterChainCriteria] = []
        var chains: [FilterChain] = []
        for (position, chain) in message.filterChains.enumerated() {
            do throws(ConfigProblem) {
                criteria.append(try self.criteria(chain.filterChainMatch))
                chains.append(try self.chain(chain, surroundings))
            } catch {
                throw error.within("filter_chains[\(position)]")
            }
        }
        var fallback: FilterChain?
        if message.hasDefaultFilterChain {
            do throws(ConfigProblem) {
                fallback = try chain(message.defaultFilterChain, surroundings)
            } catch {
                throw error.within("default_filter_chain")
            }
        }
        let matcher = FilterChainMatcher(criteria)
        let config = ListenerConfig(
            name: name, matcher: matcher, chains: chains, defaultChain: fallback, stats: counters)
        config.bufferLimit = limit
        if message.hasListenerFiltersTimeout { config.inspectionTimeout = message.listenerFiltersTimeout.nanoseconds }
        config.continuesAfterTimeout = message.continueOnListenerFiltersTimeout
        config.handsOver = message.useOriginalDst.value
        config.addresses = [address]
        for (index, additional) in message.additionalAddresses.enumerated() {
            let compiled = Address.compile(additional.address)
            config.addresses.append(try compiled.problem(within: "additional_addresses[\(index)].address"))
        }
        config.clientHello.isConfigured = matcher.needsClientHello
        config.originalDestination.isConfigured = message.useOriginalDst.value
        try fillListenerFilters(config, message.listenerFilters)
        if message.hasMaxConnectionsToAcceptPerSocketEvent {
            config.acceptBatch = Int(message.maxConnectionsToAcceptPerSocketEvent.value)
        }
        config.drainsOnFailedHealth = message.drainType == .default
        for (index, log) in message.accessLog.enumerated() {
            do throws(ConfigProblem) {
                config.accessLogs.append(try accessLog(log))
            } catch {
                throw error.within("access_log[\(index)]")
            }
        }
        return config
    }

    /// What a filter chain takes from its listener.
    private struct ChainSurroundings {
        let counters: ListenerCounters
        let statName: String
        let limit: Int
        let address: SocketAddress
        /// The chains that are in force.
        let present: [Fingerprint: FilterChain]
    }

    private func chain(
        _ message: Envoy_Config_Listener_V3_FilterChain, _ surroundings: ChainSurroundings
    ) throws(ConfigProblem) -> FilterChain {
        let fingerprint = Self.fingerprint([try Self.bytes(message)], surroundings, settings.bytes)
        if let present = surroundings.present[fingerprint] { return present }
        var tls: TLSReference?
        if message.hasTransportSocket {
            do throws(ConfigProblem) {
                tls = try downstreamTLS(
                    message.transportSocket, Self.agreeable(beside: message.filters.map(\.typedConfig)))
            } catch {
                throw error.within("transport_socket")
            }
        }
        guard let last = message.filters.last else { throw ConfigProblem("no network filter", path: "filters") }
        guard message.filters.dropLast().allSatisfy({ InertExtension($0.typedConfig) != nil }) else {
            throw ConfigProblem("only one network filter is supported yet", path: "filters[0]")
        }
        let factory: any NetworkFilterFactory
        do throws(ConfigProblem) {
            factory = try networkFilter(last, surroundings)
        } catch {
            throw error.within("filters[\(message.filters.count - 1)].typed_config")
        }
        let chain = FilterChain(
            name: message.name, networkFilter: factory, tls: tls, listenerStats: surroundings.counters,
            fingerprint: fingerprint,
            connectionForm: Self.fingerprint(try Self.connectionForm(message), surroundings, settings.bytes))
        chain.matchText = Self.text(message.filterChainMatch)
        if message.hasTransportSocketConnectTimeout {
            chain.handshakeTimeout = message.transportSocketConnectTimeout.nanoseconds
        }
        return chain
    }

    private static func fingerprint(_ pieces: [[UInt8]], _ surroundings: ChainSurroundings, _ settings: [UInt8]) -> Fingerprint {
        Fingerprint(
            pieces + [
                Array(surroundings.statName.utf8), Array(String(surroundings.limit).utf8),
                Array("\(surroundings.address)".utf8), settings,
            ])
    }

    /// A filter chain without what each HTTP stream takes anew: routes and HTTP filters.
    private static func connectionForm(
        _ message: Envoy_Config_Listener_V3_FilterChain
    ) throws(ConfigProblem) -> [[UInt8]] {
        guard let last = message.filters.last, last.typedConfig.holds(ConnectionManagerMessage.self) else {
            return [try bytes(message)]
        }
        var manager: ConnectionManagerMessage = try last.typedConfig.message()
        manager.routeSpecifier = nil
        manager.httpFilters = []
        var rest = message
        rest.filters.removeLast()
        return [try bytes(rest), Array(last.name.utf8), try bytes(manager)]
    }

    private func networkFilter(
        _ filter: Envoy_Config_Listener_V3_Filter, _ surroundings: ChainSurroundings
    ) throws(ConfigProblem) -> any NetworkFilterFactory {
        let config = filter.typedConfig
        if config.holds(Envoy_Extensions_Filters_Network_HttpConnectionManager_V3_HttpConnectionManager.self) {
            return HTTPConnectionManagerFactory(
                try connectionManager(
                    try config.message(), listenerStat: surroundings.statName, bufferLimit: surroundings.limit,
                    listenerPort: surroundings.address.port))
        }
        if config.holds(Envoy_Extensions_Filters_Network_TcpProxy_V3_TcpProxy.self) {
            return try tcpProxy(try config.message(Envoy_Extensions_Filters_Network_TcpProxy_V3_TcpProxy.self))
        }
        throw ConfigProblem("no network filter of type \(config.messageName)")
    }

    /// The same bytes for equal messages.
    nonisolated static func bytes(_ message: some SwiftProtobuf.Message) throws(ConfigProblem) -> [UInt8] {
        var options = BinaryEncodingOptions()
        options.useDeterministicOrdering = true
        do {
            return try message.serializedBytes(options: options)
        } catch {
            throw ConfigProblem("cannot be serialized: \(error)")
        }
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

    /// A match as an explanation shows it.
    private static func text(_ match: Envoy_Config_Listener_V3_FilterChainMatch) -> String {
        func list(_ ranges: [Envoy_Config_Core_V3_CidrRange]) -> [String] {
            ranges.map { "\($0.addressPrefix)/\($0.prefixLen.value)" }
        }
        let criteria: [(String, [String])] = [
            ("destination_port", match.hasDestinationPort ? ["\(match.destinationPort.value)"] : []),
            ("prefix_ranges", list(match.prefixRanges)), ("server_names", match.serverNames),
            ("transport_protocol", match.transportProtocol.isEmpty ? [] : [match.transportProtocol]),
            ("application_protocols", match.applicationProtocols),
            ("direct_source_prefix_ranges", list(match.directSourcePrefixRanges)),
            ("source_type", match.sourceType == .any ? [] : ["\(match.sourceType)"]),
            ("source_prefix_ranges", list(match.sourcePrefixRanges)), ("source_ports", match.sourcePorts.map { "\($0)" }),
        ]
        let asked = criteria.filter { !$0.1.isEmpty }.map { "\($0.0) \($0.1.joined(separator: " "))" }
        return asked.isEmpty ? "any connection" : asked.joined(separator: ", ")
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
