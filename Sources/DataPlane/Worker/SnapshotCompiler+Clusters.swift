import Bytes
import HTTPCodec
import HTTPModel
import Observability
package import ProxyModel
import Reactor
import SecureTransport
import SwiftProtobuf
import TrafficPolicy

extension SnapshotCompiler {
    func prepare(
        cluster message: Envoy_Config_Cluster_V3_Cluster
    ) throws(ConfigProblem) -> PreparedCluster {
        var options = Envoy_Extensions_Upstreams_Http_V3_HttpProtocolOptions()
        var httpFilters: UpstreamFilters?
        for (name, any) in message.typedExtensionProtocolOptions {
            do throws(ConfigProblem) {
                options = try any.message()
                httpFilters = try upstreamFilters(
                    options.httpFilters, statName: message.altStatName.isEmpty ? message.name : message.altStatName)
            } catch {
                throw error.within("typed_extension_protocol_options[\"\(name)\"]")
            }
        }
        let common =
            options.hasCommonHTTPProtocolOptions ? options.commonHTTPProtocolOptions : message.commonHTTPProtocolOptions
        let perConnection = common.hasMaxRequestsPerConnection ? UInt64(common.maxRequestsPerConnection.value) : 0
        let config = ClusterConfig(
            name: message.name, statName: message.altStatName, maxRequestsPerConnection: perConnection)
        if message.hasConnectTimeout { config.connectTimeout = message.connectTimeout.nanoseconds }
        if common.hasIdleTimeout { config.idleTimeout = common.idleTimeout.nanoseconds }
        if common.hasMaxConnectionDuration { config.maxConnectionDuration = common.maxConnectionDuration.nanoseconds }
        if common.hasMaxStreamDuration { config.maxStreamDuration = common.maxStreamDuration.nanoseconds }
        if message.hasPerConnectionBufferLimitBytes {
            config.bufferLimit = Int(message.perConnectionBufferLimitBytes.value)
        }
        config.httpFilters = httpFilters
        fillProtocol(config, message, options, common)
        config.balancing = balancing(message)
        (config.thresholds, config.highThresholds) = CircuitThresholds.compile(message.circuitBreakers)
        if message.hasUpstreamConnectionOptions, message.upstreamConnectionOptions.hasTcpKeepalive {
            config.keepalive = keepalive(message.upstreamConnectionOptions.tcpKeepalive)
        }
        if message.hasUpstreamBindConfig {
            let source = message.upstreamBindConfig.sourceAddress
            guard let address = SocketAddress(host: source.address, port: UInt16(clamping: source.portValue)) else {
                throw ConfigProblem("\"\(source.address)\" is no IP address", path: "upstream_bind_config.source_address.address")
            }
            config.sourceAddress = address
        }
        if message.type == .originalDst { config.originalDestination = originalDestination(message) }
        try fillSockets(config, message)
        if config.upstreamProtocol == .negotiated, !config.sockets.needsTLS {
            throw ConfigProblem(
                "auto_config needs a TLS transport socket, whose ALPN decides", path: "typed_extension_protocol_options")
        }
        return PreparedCluster(config: config, members: try members(message))
    }

    private func originalDestination(_ message: Envoy_Config_Cluster_V3_Cluster) -> OriginalDestinations.Settings {
        let settings = message.originalDstLbConfig
        var result = OriginalDestinations.Settings()
        if settings.useHTTPHeader {
            let name = settings.httpHeaderName.isEmpty ? "x-envoy-original-dst-host" : settings.httpHeaderName.lowercased()
            result.header = NamedText(name)
        }
        if settings.hasUpstreamPortOverride { result.port = UInt16(clamping: settings.upstreamPortOverride.value) }
        if message.hasCleanupInterval { result.cleanupInterval = message.cleanupInterval.nanoseconds }
        return result
    }

    private func members(_ message: Envoy_Config_Cluster_V3_Cluster) throws(ConfigProblem) -> PreparedCluster.Members {
        switch message.type {
        case .strictDns, .logicalDns: return .named
        case .eds:
            let name = message.edsClusterConfig.serviceName
            return .discovered(name.isEmpty ? message.name : name)
        default:
            do throws(ConfigProblem) {
                return .listed(try endpoints(message.loadAssignment))
            } catch {
                throw error.within("load_assignment")
            }
        }
    }

    private func fillProtocol(
        _ config: ClusterConfig, _ message: Envoy_Config_Cluster_V3_Cluster,
        _ options: Envoy_Extensions_Upstreams_Http_V3_HttpProtocolOptions,
        _ common: Envoy_Config_Core_V3_HttpProtocolOptions
    ) {
        var http1 = message.httpProtocolOptions
        var http2 = message.http2ProtocolOptions
        if message.hasHTTP2ProtocolOptions { config.upstreamProtocol = .http2 }
        switch options.upstreamProtocolOptions {
        case .explicitHTTPConfig(let explicit):
            switch explicit.protocolConfig {
            case .http2ProtocolOptions(let own):
                http2 = own
                config.upstreamProtocol = .http2
            case .httpProtocolOptions(let own):
                http1 = own
                config.upstreamProtocol = .http1
            case nil: break
            }
        case .useDownstreamProtocolConfig(let both):
            http1 = both.httpProtocolOptions
            http2 = both.http2ProtocolOptions
            config.upstreamProtocol = .downstream
        case .autoConfig(let both):
            http1 = both.httpProtocolOptions
            http2 = both.http2ProtocolOptions
            config.upstreamProtocol = .negotiated
        case nil: break
        }
        config.http1 = Protocols.http1(http1, common, serves: false)
        config.http1Writer = Protocols.writer(http1)
        config.http1AllowsTrailers = http1.enableTrailers
        config.http2 = Protocols.http2(http2, common, serves: false)
        config.http2.keepsMalformed = http2.overrideStreamErrorOnInvalidHTTPMessage.value
        config.http2Keepalive = Protocols.keepalive(http2)
        if !http2.hasMaxConcurrentStreams { config.http2.maxConcurrentStreams = 1024 }
        let naming = options.upstreamHTTPProtocolOptions
        config.autoSNI = naming.autoSni
        config.autoSANValidation = naming.autoSanValidation
        if !naming.overrideAutoSniHeader.isEmpty {
            config.serverNameHeader = NamedText(naming.overrideAutoSniHeader.lowercased())
        }
    }

    private func balancing(_ message: Envoy_Config_Cluster_V3_Cluster) -> LoadBalancer.Settings {
        switch message.lbPolicy {
        case .leastRequest:
            let choices =
                message.leastRequestLbConfig.hasChoiceCount ? Int(message.leastRequestLbConfig.choiceCount.value) : 2
            return LoadBalancer.Settings(policy: .leastRequest(choices: choices))
        case .random: return LoadBalancer.Settings(policy: .random)
        default: return LoadBalancer.Settings(policy: .roundRobin)
        }
    }

    func keepalive(_ message: Envoy_Config_Core_V3_TcpKeepalive) -> (probes: Int32?, time: Int32?, interval: Int32?) {
        (
            message.hasKeepaliveProbes ? Int32(clamping: message.keepaliveProbes.value) : nil,
            message.hasKeepaliveTime ? Int32(clamping: message.keepaliveTime.value) : nil,
            message.hasKeepaliveInterval ? Int32(clamping: message.keepaliveInterval.value) : nil
        )
    }

    /// The endpoints of an assignment.
    func endpoints(
        _ assignment: Envoy_Config_Endpoint_V3_ClusterLoadAssignment
    ) throws(ConfigProblem) -> [Endpoint] {
        var endpoints: [Endpoint] = []
        var labels: SocketLabels?
        for (place, locality) in assignment.endpoints.enumerated() {
            for (index, member) in locality.lbEndpoints.enumerated() {
                labels = .of(member.metadata, in: locality.metadata, sharing: labels)
                do throws(ConfigProblem) {
                    endpoints.append(try Endpoint(member, priority: locality.priority, labels: labels))
                } catch {
                    throw error.within("endpoints[\(place)].lb_endpoints[\(index)]")
                }
            }
        }
        return endpoints
    }

    nonisolated static func health(_ status: Envoy_Config_Core_V3_HealthStatus) -> HostHealthFlags {
        switch status {
        case .unhealthy, .draining, .timeout: .unhealthyByDiscovery
        case .degraded: .degradedByDiscovery
        default: []
        }
    }

    // MARK: TLS

    private func fillSockets(
        _ config: ClusterConfig, _ message: Envoy_Config_Cluster_V3_Cluster
    ) throws(ConfigProblem) {
        let agreeable = Self.agreeable(beside: message.filters.map(\.typedConfig))
        if message.hasTransportSocket {
            do throws(ConfigProblem) {
                config.sockets.otherwise = try upstreamSocket(message.transportSocket, config, agreeable)
            } catch {
                throw error.within("transport_socket")
            }
        }
        for (index, match) in message.transportSocketMatches.enumerated() {
            do throws(ConfigProblem) {
                guard match.hasTransportSocket else { throw ConfigProblem("is required") }
                let socket = try upstreamSocket(match.transportSocket, config, agreeable)
                config.sockets.matches.append(UpstreamSocketChoice.Match(labels: match.match, socket: socket))
            } catch {
                throw error.within("transport_socket_matches[\(index)].transport_socket")
            }
        }
    }

    private func upstreamSocket(
        _ socket: Envoy_Config_Core_V3_TransportSocket, _ config: ClusterConfig, _ isAgreeable: (String) -> Bool
    ) throws(ConfigProblem) -> UpstreamSocket {
        if socket.typedConfig.holds(Envoy_Extensions_TransportSockets_RawBuffer_V3_RawBuffer.self) { return UpstreamSocket() }
        do throws(ConfigProblem) {
            let message: Envoy_Extensions_TransportSockets_Tls_V3_UpstreamTlsContext = try socket.typedConfig.message()
            var recipe = TLSRecipe(TLSContextConfig(role: .client))
            try Self.fill(&recipe, message.commonTlsContext)
            var tls = recipe.settings
            tls.applicationProtocols.removeAll { !isAgreeable($0) }
            if tls.applicationProtocols.isEmpty {
                switch config.upstreamProtocol {
                case .http2: tls.applicationProtocols = ["h2"]
                case .negotiated: tls.applicationProtocols = ["h2", "http/1.1"]
                default: break
                }
            }
            recipe.settings = tls
            return UpstreamSocket(
                tls: try worker.secrets.reference(recipe), serverName: message.sni.isEmpty ? nil : message.sni,
                namesHost: message.autoHostSni)
        } catch {
            throw error.within("typed_config")
        }
    }

    /// Which ALPN names may be agreed on beside these filters: not the one with which a peer sends a header that nobody
    /// takes off, so that it would reach the application.
    static func agreeable(beside filters: [Google_Protobuf_Any]) -> (String) -> Bool {
        guard filters.contains(where: { InertExtension($0)?.takesExchange == true }) else { return { _ in true } }
        return { $0 != InertExtension.exchangeProtocol }
    }

    func downstreamTLS(
        _ socket: Envoy_Config_Core_V3_TransportSocket, _ isAgreeable: (String) -> Bool
    ) throws(ConfigProblem) -> TLSReference? {
        if socket.typedConfig.holds(Envoy_Extensions_TransportSockets_RawBuffer_V3_RawBuffer.self) { return nil }
        do throws(ConfigProblem) {
            let message: Envoy_Extensions_TransportSockets_Tls_V3_DownstreamTlsContext = try socket.typedConfig
                .message()
            var recipe = TLSRecipe(TLSContextConfig(role: .server))
            try Self.fill(&recipe, message.commonTlsContext)
            recipe.settings.applicationProtocols.removeAll { !isAgreeable($0) }
            guard !recipe.settings.certificates.isEmpty || !recipe.certificates.isEmpty else {
                throw ConfigProblem("a server needs a certificate", path: "common_tls_context.tls_certificates")
            }
            recipe.requiresClientCertificate = message.requireClientCertificate.value
            if recipe.validation == nil {
                try SecretDirectory.askForCertificate(
                    &recipe.settings, required: recipe.requiresClientCertificate,
                    "common_tls_context.validation_context.trusted_ca")
            }
            if message.disableStatelessSessionResumption { recipe.settings.sessionTickets = .disabled }
            return try worker.secrets.reference(recipe)
        } catch {
            throw error.within("typed_config")
        }
    }

    static func fill(
        _ recipe: inout TLSRecipe, _ message: Envoy_Extensions_TransportSockets_Tls_V3_CommonTlsContext
    ) throws(ConfigProblem) {
        for (index, certificate) in message.tlsCertificates.enumerated() {
            recipe.settings.certificates.append(
                try SecretDirectory.source(certificate, "common_tls_context.tls_certificates[\(index)]"))
        }
        recipe.certificates = message.tlsCertificateSdsSecretConfigs.map(\.name)
        switch message.validationContextType {
        case .validationContext(let validation):
            try SecretDirectory.fill(&recipe.settings, validation, "common_tls_context.validation_context")
        case .validationContextSdsSecretConfig(let secret): recipe.validation = secret.name
        case .combinedValidationContext(let combined):
            recipe.validation = combined.validationContextSdsSecretConfig.name
            recipe.defaultValidation = combined.defaultValidationContext
            // What is wrong in it shows now, not when the secret comes.
            var tried = recipe.settings
            try SecretDirectory.fill(
                &tried, combined.defaultValidationContext,
                "common_tls_context.combined_validation_context.default_validation_context")
        case nil: break
        }
        recipe.settings.applicationProtocols = message.alpnProtocols
        recipe.settings.cipherSuites = message.tlsParams.cipherSuites
        recipe.settings.curves = message.tlsParams.ecdhCurves
        if let minimum = Self.version(message.tlsParams.tlsMinimumProtocolVersion) { recipe.settings.minimumVersion = minimum }
        if let maximum = Self.version(message.tlsParams.tlsMaximumProtocolVersion) { recipe.settings.maximumVersion = maximum }
    }

    private static func version(
        _ version: Envoy_Extensions_TransportSockets_Tls_V3_TlsParameters.TlsProtocol
    ) -> TLSContextConfig.Version? {
        switch version {
        case .tlsv12: .tls12
        case .tlsv13: .tls13
        default: nil
        }
    }
}

extension Endpoint {
    /// A member of an assignment.
    package init(_ message: Envoy_Config_Endpoint_V3_LbEndpoint, priority: UInt32, labels: SocketLabels? = nil) throws(ConfigProblem) {
        self.init(
            address: try Address.compile(message.endpoint.address).problem(within: "endpoint.address"),
            hostname: message.endpoint.hostname.isEmpty ? nil : message.endpoint.hostname,
            weight: message.hasLoadBalancingWeight ? message.loadBalancingWeight.value : 1, priority: Int(priority),
            health: SnapshotCompiler.health(message.healthStatus), labels: labels)
    }
}
