import Bytes
import HTTPCodec
import HTTPModel
import Observability
import ProxyModel
package import Reactor
import SwiftProtobuf

typealias ConnectionManagerMessage = Envoy_Extensions_Filters_Network_HttpConnectionManager_V3_HttpConnectionManager

extension SnapshotCompiler {
    func connectionManager(
        _ message: ConnectionManagerMessage, listenerStat: String, bufferLimit: Int, listenerPort: UInt16?
    ) throws(ConfigProblem) -> HTTPConnectionConfig {
        let (factories, switchedOff) = try httpFilters(message.httpFilters, message.statPrefix)
        guard factories.count <= HTTPConnectionConfig.maximumFilters else {
            throw ConfigProblem("at most \(HTTPConnectionConfig.maximumFilters) filters", path: "http_filters")
        }
        guard factories.last is RouterFactory else {
            throw ConfigProblem("the last filter must be envoy.filters.http.router", path: "http_filters")
        }
        let routes = try routeSource(message, RouteShape(filters: factories.map(\.name), statPrefix: message.statPrefix))
        let counters = HTTPConnectionStats(
            stats.http(prefix: message.statPrefix), of: stats.listenerHTTP(listenerStat, prefix: message.statPrefix))
        let config = HTTPConnectionConfig(worker: worker, stats: counters, routes: routes, factories: factories)
        config.switchedOff = switchedOff
        config.bufferLimit = bufferLimit
        config.listenerPort = listenerPort
        try fillProtocols(config, message)
        fillForwarding(config, message)
        config.localReplies = try localReplies(message.localReplyConfig)
        config.internalRanges = try ranges(
            message.internalAddressConfig.cidrRanges, "internal_address_config.cidr_ranges")
        fillTimeouts(config, message)
        for (index, log) in message.accessLog.enumerated() {
            do throws(ConfigProblem) {
                config.accessLogs.append(try accessLog(log))
            } catch {
                throw error.within("access_log[\(index)]")
            }
        }
        if let index = factories.firstIndex(where: { $0 is any ExplainingFilter }), let explain = factories[index] as? any ExplainingFilter {
            config.explainHeader = explain.headerName
            config.explainer = explain
            config.explainerBit = 1 &<< UInt64(truncatingIfNeeded: index)
        }
        return config
    }

    private func routeSource(_ message: ConnectionManagerMessage, _ shape: RouteShape) throws(ConfigProblem) -> RouteSource {
        if case .rds(let rds) = message.routeSpecifier {
            do throws(ConfigProblem) {
                return .named(try worker.routes.reference(rds.routeConfigName, shape, self))
            } catch {
                throw error.within("rds")
            }
        }
        do throws(ConfigProblem) {
            return .own(try routeConfiguration(message.routeConfig, shape))
        } catch {
            throw error.within("route_config")
        }
    }

    /// The filters of `http_filters`, without those that do nothing here, and which of them are off unless a route switches
    /// them on, a bit for each.
    func httpFilters(
        _ messages: some Sequence<Envoy_Extensions_Filters_Network_HttpConnectionManager_V3_HttpFilter>, _ statPrefix: String,
        isUpstream: Bool = false
    ) throws(ConfigProblem) -> (factories: [any HTTPFilterFactory], switchedOff: UInt64) {
        var factories: [any HTTPFilterFactory] = []
        var switchedOff: UInt64 = 0
        for (index, filter) in messages.enumerated() {
            do throws(ConfigProblem) {
                let context = buildContext(filter.name, statPrefix, isUpstream: isUpstream)
                guard let factory = try httpFilter(filter, context) else { continue }
                if filter.disabled { switchedOff |= 1 &<< UInt64(truncatingIfNeeded: factories.count) }
                factories.append(factory)
            } catch {
                throw error.within("http_filters[\(index)]")
            }
        }
        return (factories, switchedOff)
    }

    private func httpFilter(
        _ filter: Envoy_Extensions_Filters_Network_HttpConnectionManager_V3_HttpFilter, _ context: FilterBuildContext
    ) throws(ConfigProblem) -> (any HTTPFilterFactory)? {
        if InertExtension(filter.typedConfig) != nil { return nil }
        let name = filter.typedConfig.messageName
        guard let type = resources.registry.type(named: name) else {
            if filter.isOptional { return nil }
            throw ConfigProblem("no HTTP filter of type \(name)", path: "typed_config")
        }
        guard type.mayBeUpstream || !context.isUpstream else {
            throw ConfigProblem("\(name) cannot be a filter of a cluster", path: "typed_config")
        }
        do throws(ConfigProblem) {
            return try type.makeFactory(filter.typedConfig, context)
        } catch {
            throw error.within("typed_config")
        }
    }

    func buildContext(_ filterName: String, _ statPrefix: String, isUpstream: Bool = false) -> FilterBuildContext {
        FilterBuildContext(
            worker: worker, filterName: filterName, statPrefix: statPrefix, stats: stats, log: resources.log,
            environment: resources.environment, store: resources.store, isUpstream: isUpstream)
    }

    private func fillProtocols(_ config: HTTPConnectionConfig, _ message: ConnectionManagerMessage)
        throws(ConfigProblem)
    {
        switch message.codecType {
        case .http1: config.codecType = .http1
        case .http2: config.codecType = .http2
        default: config.codecType = .auto
        }
        let common = message.commonHTTPProtocolOptions
        let http1 = message.httpProtocolOptions
        config.http1 = Protocols.http1(http1, common, serves: true)
        config.http1Writer = Protocols.writer(http1)
        config.http1AllowsTrailers = http1.enableTrailers
        if !http1.defaultHostForHTTP10.isEmpty { config.defaultHostForHTTP10 = NamedText(http1.defaultHostForHTTP10) }
        config.http2 = Protocols.http2(message.http2ProtocolOptions, common, serves: true)
        if message.hasMaxRequestHeadersKb {
            config.http1.maximumHeadBytes = Int(message.maxRequestHeadersKb.value) * 1024
            config.http2.maxHeaderBytes = Int(message.maxRequestHeadersKb.value) * 1024
        }
        let rules = PathNormalizer(
            normalizesPath: message.normalizePath.value, mergesSlashes: message.mergeSlashes,
            escapedSlashes: Protocols.escapedSlashes(message.pathWithEscapedSlashesAction))
        if rules != PathNormalizer(normalizesPath: false, mergesSlashes: false, escapedSlashes: .keep) {
            config.pathRules = rules
        }
        if message.stripMatchingHostPort { config.stripsPort = .matching }
        if case .stripAnyHostPort(true) = message.stripPortMode { config.stripsPort = .any }
        config.stripsTrailingDot = message.stripTrailingHostDot
        let keepsMalformed = message.streamErrorOnInvalidHTTPMessage.value
        config.http1KeepsMalformed =
            http1.hasOverrideStreamErrorOnInvalidHTTPMessage
            ? http1.overrideStreamErrorOnInvalidHTTPMessage.value : keepsMalformed
        let http2 = message.http2ProtocolOptions
        config.http2Keepalive = Protocols.keepalive(http2)
        config.http2.keepsMalformed =
            http2.hasOverrideStreamErrorOnInvalidHTTPMessage
            ? http2.overrideStreamErrorOnInvalidHTTPMessage.value : keepsMalformed
        config.proxy100Continue = message.proxy100Continue
        for upgrade in message.upgradeConfigs {
            config.upgrades.append(
                UpgradeConfig(type: upgrade.upgradeType, enabled: !upgrade.hasEnabled || upgrade.enabled.value))
        }
        if config.upgrades.contains(where: { $0.enabled && $0.type.text == "connect" })
            || message.http2ProtocolOptions.allowConnect
        {
            config.http2.allowConnect = true
        }
    }

    private func fillForwarding(_ config: HTTPConnectionConfig, _ message: ConnectionManagerMessage) {
        if !message.serverName.isEmpty { config.serverName = NamedText(message.serverName) }
        switch message.serverHeaderTransformation {
        case .appendIfAbsent: config.serverHeader = .appendIfAbsent
        case .passThrough: config.serverHeader = .passThrough
        default: config.serverHeader = .overwrite
        }
        if case .schemeToOverwrite(let scheme)? = message.schemeHeaderTransformation.transformation {
            config.schemeToSet = NamedText(scheme)
        }
        config.schemeMatchesUpstream = message.schemeHeaderTransformation.matchUpstream
        if message.addUserAgent.value {
            config.userAgent = NamedText(settings.nodeCluster)
            if !settings.nodeID.isEmpty { config.serviceNode = NamedText(settings.nodeID) }
        }
        if !message.via.isEmpty { config.via = NamedText(message.via) }
        config.useRemoteAddress = message.useRemoteAddress.value
        config.trustedHops = Int(message.xffNumTrustedHops)
        config.skipForwardedForAppend = message.skipXffAppend
        config.clientCertificate = Self.clientCertificate(message)
        config.unixIsInternal = message.internalAddressConfig.unixSockets
        config.generateRequestID = !message.hasGenerateRequestID || message.generateRequestID.value
        config.preserveExternalRequestID = message.preserveExternalRequestID
        config.alwaysSetRequestIDInResponse = message.alwaysSetRequestIDInResponse
    }

    private static func clientCertificate(_ message: ConnectionManagerMessage) -> ForwardedClientCertificate {
        var result = ForwardedClientCertificate()
        switch message.forwardClientCertDetails {
        case .forwardOnly: result.policy = .forward
        case .appendForward: result.policy = .append
        case .sanitizeSet: result.policy = .replace
        case .alwaysForwardOnly: result.policy = .alwaysForward
        default: result.policy = .sanitize
        }
        let details = message.setCurrentClientCertDetails
        result.saysCertificate = details.cert
        result.saysChain = details.chain
        result.saysSubject = details.subject.value
        result.saysURIs = details.uri
        result.saysDNSNames = details.dns
        return result
    }

    private func fillTimeouts(_ config: HTTPConnectionConfig, _ message: ConnectionManagerMessage) {
        let common = message.commonHTTPProtocolOptions
        if message.hasStreamIdleTimeout { config.streamIdleTimeout = message.streamIdleTimeout.nanoseconds }
        if message.hasStreamFlushTimeout { config.streamFlushTimeout = message.streamFlushTimeout.nanoseconds }
        if message.hasRequestTimeout { config.requestTimeout = message.requestTimeout.nanoseconds }
        if message.hasRequestHeadersTimeout { config.requestHeadersTimeout = message.requestHeadersTimeout.nanoseconds }
        if message.hasDelayedCloseTimeout { config.delayedCloseTimeout = message.delayedCloseTimeout.nanoseconds }
        if message.hasDrainTimeout { config.drainTimeout = message.drainTimeout.nanoseconds }
        if common.hasIdleTimeout { config.idleTimeout = common.idleTimeout.nanoseconds }
        if common.hasMaxConnectionDuration { config.maxConnectionDuration = common.maxConnectionDuration.nanoseconds }
        if common.hasMaxStreamDuration { config.maxStreamDuration = common.maxStreamDuration.nanoseconds }
        if common.hasMaxRequestsPerConnection {
            config.maxRequestsPerConnection = UInt64(common.maxRequestsPerConnection.value)
        }
    }
}

/// The filter that shows the decisions of a request; its connection manager writes them into the response.
@WorkerActor package protocol ExplainingFilter: HTTPFilterFactory {
    /// Lower-case name of the response header.
    var headerName: String { get }
    /// Whether the request asks for its decisions and may.
    func isAsked(_ stream: Stream) -> Bool
}

/// Protocol options of listeners and clusters, which share their messages.
enum Protocols {
    static func http1(
        _ message: Envoy_Config_Core_V3_Http1ProtocolOptions, _ common: Envoy_Config_Core_V3_HttpProtocolOptions,
        serves: Bool
    ) -> HTTP1Options {
        var options = HTTP1Options()
        if serves {
            options.acceptHTTP10 = message.acceptHTTP10
            options.allowAbsoluteURL = !message.hasAllowAbsoluteURL || message.allowAbsoluteURL.value
        }
        options.allowChunkedLength = message.allowChunkedLength
        if common.hasMaxHeadersCount { options.maximumFields = Int(common.maxHeadersCount.value) }
        if !serves, common.hasMaxResponseHeadersKb {
            options.maximumHeadBytes = Int(common.maxResponseHeadersKb.value) * 1024
        }
        if serves { options.underscores = underscores(common) }
        return options
    }

    /// What becomes of the fields of clients; those of hosts may be named as they like, as in Envoy.
    private static func underscores(_ common: Envoy_Config_Core_V3_HttpProtocolOptions) -> HTTP1Options.Underscores {
        switch common.headersWithUnderscoresAction {
        case .rejectRequest: .rejectMessage
        case .dropHeader: .dropField
        default: .allow
        }
    }

    static func writer(_ message: Envoy_Config_Core_V3_Http1ProtocolOptions) -> HTTP1Writer {
        if case .properCaseWords = message.headerKeyFormat.headerFormat { return HTTP1Writer(nameCase: .proper) }
        return HTTP1Writer()
    }

    static func http2(
        _ message: Envoy_Config_Core_V3_Http2ProtocolOptions, _ common: Envoy_Config_Core_V3_HttpProtocolOptions,
        serves: Bool
    ) -> HTTP2Options {
        var options = HTTP2Options()
        if serves { options.underscores = underscores(common) }
        if message.hasHpackTableSize { options.headerTableSize = message.hpackTableSize.value }
        if message.hasMaxConcurrentStreams { options.maxConcurrentStreams = message.maxConcurrentStreams.value }
        if message.hasInitialStreamWindowSize {
            options.initialStreamWindow = Int32(clamping: message.initialStreamWindowSize.value)
        }
        if message.hasInitialConnectionWindowSize {
            options.initialConnectionWindow = Int32(clamping: message.initialConnectionWindowSize.value)
        }
        options.allowConnect = message.allowConnect
        if common.hasMaxHeadersCount { options.maxHeaderCount = Int(common.maxHeadersCount.value) }
        if !serves, common.hasMaxResponseHeadersKb { options.maxHeaderBytes = Int(common.maxResponseHeadersKb.value) * 1024 }
        if message.hasMaxOutboundFrames { options.abuse.maxOutboundFrames = Int(message.maxOutboundFrames.value) }
        if message.hasMaxOutboundControlFrames {
            options.abuse.maxOutboundControlFrames = Int(message.maxOutboundControlFrames.value)
        }
        if message.hasMaxConsecutiveInboundFramesWithEmptyPayload {
            options.abuse.maxConsecutiveInboundFramesWithEmptyPayload =
                Int(message.maxConsecutiveInboundFramesWithEmptyPayload.value)
        }
        if message.hasMaxInboundPriorityFramesPerStream {
            options.abuse.maxInboundPriorityFramesPerStream = Int(message.maxInboundPriorityFramesPerStream.value)
        }
        if message.hasMaxInboundWindowUpdateFramesPerDataFrameSent {
            options.abuse.maxInboundWindowUpdateFramesPerDataFrameSent =
                Int(message.maxInboundWindowUpdateFramesPerDataFrameSent.value)
        }
        return options
    }

    static func keepalive(_ message: Envoy_Config_Core_V3_Http2ProtocolOptions) -> HTTP2Keepalive.Settings? {
        guard message.hasConnectionKeepalive else { return nil }
        let keepalive = message.connectionKeepalive
        return HTTP2Keepalive.Settings(
            interval: keepalive.interval.nanoseconds, timeout: keepalive.timeout.nanoseconds,
            jitterPercent: keepalive.hasIntervalJitter ? keepalive.intervalJitter.value : 15,
            idleInterval: keepalive.connectionIdleInterval.nanoseconds)
    }

    static func escapedSlashes(
        _ action: ConnectionManagerMessage.PathWithEscapedSlashesAction
    ) -> PathNormalizer.EscapedSlashes {
        switch action {
        case .rejectRequest: .reject
        case .unescapeAndRedirect: .unescapeAndRedirect
        case .unescapeAndForward: .unescapeAndForward
        default: .keep
        }
    }
}
