import HTTPModel
package import Observability
package import Reactor
package import TrafficPolicy

/// One route of the configuration with everything a request on it needs, compiled.
@WorkerActor package final class RouteEntry {
    /// One of several clusters that a route splits its requests between.
    package struct WeightedCluster {
        package var cluster: ClusterReference
        package var mutations: HeaderMutations
        package var hostRewrite: HostRewrite?
        /// Where the cluster says nothing of a filter, the route does.
        package var filterConfigs: FilterConfigs
    }

    /// Where requests of a route go.
    package enum Target {
        case cluster(ClusterReference)
        case weighted([WeightedCluster], WeightedChoice)
        /// The header that names the cluster.
        case clusterHeader(NamedText)
        /// An extension chooses it.
        case specified(any ClusterSpecifier)
    }

    /// Which requests must have come by TLS (`require_tls` of the virtual host).
    package enum TLSRequirement: Sendable {
        case none, external, all
    }

    /// What becomes of a request that took the route.
    package enum Action {
        case forward(Target)
        case redirect(Redirect)
        case directResponse(status: Int, body: [UInt8], format: BodyFormat?)
    }

    /// What the route was compiled from; names and units are those of Envoy's `Route` message.
    package let name: NamedText?
    package let virtualHostName: NamedText
    package let action: Action
    package var clusterNotFoundStatus = 503
    package var pathRewrite: PathRewrite?
    package var hostRewrite: HostRewrite?
    package var appendsForwardedHost = false
    /// Nanoseconds; 0 switches off.
    package var timeout: UInt64 = 15_000_000_000
    /// Nil: as the connection manager says.
    package var idleTimeout: UInt64?
    package var maxStreamDuration: UInt64?
    /// Nil: `grpc-timeout` of the request bounds nothing. 0: it bounds without an upper limit of its own.
    package var grpcTimeoutMaximum: UInt64?
    /// What is taken off it for the way back.
    package var grpcTimeoutOffset: UInt64 = 0
    /// Bytes of a request's body that may wait; nil: as the connection says.
    package var requestBufferLimit: Int?
    /// In the order in which they apply: route, virtual host, route configuration.
    package var mutations: [HeaderMutations] = []
    /// The most specific of route, virtual host and route configuration.
    package var filterConfigs = FilterConfigs()
    package var metadata: [String: MetadataValue] = [:]
    package var virtualHostMetadata: [String: MetadataValue] = [:]
    /// Upgrades that the route allows or forbids against the connection manager's word.
    package var upgrades: [UpgradeConfig] = []
    /// Which of the cluster's limits hold for the requests.
    package var priority = RoutingPriority.default
    package var tlsRequirement = TLSRequirement.none
    package var includesAttemptCount = false
    /// `include_attempt_count_in_response`
    package var answersAttemptCount = false
    /// Of the virtual host; nil where it has none.
    package var virtualClusters: VirtualClusters?
    /// How the route's match reads in an explanation.
    package var matchText = ""

    package init(name: String, virtualHostName: NamedText, action: Action) {
        self.name = name.isEmpty ? nil : NamedText(name)
        self.virtualHostName = virtualHostName
        self.action = action
    }
}

/// The routes of a connection manager: a table that finds an index, and the entries by index.
@WorkerActor package final class RouteConfiguration {
    package let name: String
    package let table: RouteTable
    /// By virtual host, then by route.
    package let entries: [[RouteEntry]]
    /// By filter index: whether any route says something of the filter. Where none does, nobody asks for the route early.
    let configuredFilters: [Bool]
    /// Whether a route says something of any filter, those of clusters included.
    let configuresFilters: Bool
    /// Whether a route bounds the bodies that wait: then it must be known before a filter keeps one.
    let limitsBodies: Bool
    /// Whether a route switches a filter off.
    let switchesFilters: Bool
    /// Fields that only requests from inside may bring (`internal_only_headers`).
    package var internalOnlyHeaders: [NamedText] = []
    /// Where requests go that must come by TLS and did not.
    let secureRedirect = RouteEntry(
        name: "", virtualHostName: NamedText(""), action: .redirect(Redirect(scheme: "https")))

    /// - Parameter entries: by virtual host and route, as `table` counts them.
    package init(name: String, table: RouteTable, entries: [[RouteEntry]]) {
        self.name = name
        self.table = table
        self.entries = entries
        var configured: [Bool] = []
        var configures = false
        var switches = false
        func note(_ configs: FilterConfigs) {
            if !configs.byName.isEmpty { configures = true }
            while configured.count < configs.byIndex.count { configured.append(false) }
            for (index, config) in configs.byIndex.enumerated() where config != nil {
                configured[index] = true
                if config is DisabledFilter { switches = true }
            }
        }
        for entry in entries.joined() {
            note(entry.filterConfigs)
            if case .forward(.weighted(let clusters, _)) = entry.action { clusters.forEach { note($0.filterConfigs) } }
        }
        configuredFilters = configured
        configuresFilters = configures
        switchesFilters = switches
        limitsBodies = entries.joined().contains { $0.requestBufferLimit != nil }
    }
}

/// The route that a request took, and how much of its path the match covered. It is asked for often on the way of a request,
/// so that it counts no references.
struct RouteChoice {
    // Safety: the stream that the choice is of holds the routes (`routes`) and what was specified (`specifiedCluster`) for as
    // long as it has the choice.
    unowned(unsafe) let entry: RouteEntry
    let match: RouteMatch
    /// Of a weighted route: which cluster.
    var weighted: Int?
    /// What a cluster specifier chose; nil when there is no such cluster.
    unowned(unsafe) var specified: ClusterReference?

    /// The cluster that is known for the request when its route is; nil where a header names it.
    @WorkerActor var clusterName: NamedText? {
        switch entry.action {
        case .forward(.cluster(let reference)): reference.name
        case .forward(.weighted(let clusters, _)): clusters[weighted ?? 0].cluster.name
        case .forward(.specified): specified?.name
        default: nil
        }
    }

    /// Removes and adds the response fields of the route, whoever answered. The formats see the status.
    @WorkerActor func applyResponseMutations(to stream: Stream, attempts: UInt32) {
        stream.info.responseCode = UInt16(clamping: stream.responseHeaders.status)
        if entry.answersAttemptCount, attempts > 0 {
            stream.responseHeaders.set(.xEnvoyAttemptCount, decimal: Int(attempts))
        }
        if let weighted, case .forward(.weighted(let clusters, _)) = entry.action {
            clusters[weighted].mutations.apply(to: stream, .response)
        }
        for mutations in entry.mutations { mutations.apply(to: stream, .response) }
    }
}

extension Stream {
    /// The request's route, computed when it is first asked for; nil when none matches.
    package var route: RouteEntry? { routeChoice?.entry }

    var routeChoice: RouteChoice? {
        if case .known(let choice) = routeState { return choice }
        let choice = chooseRoute()
        routeState = .known(choice)
        limitDuration(by: choice?.entry)
        info.routeName = choice?.entry.name
        info.virtualHostName = choice?.entry.virtualHostName
        return choice
    }

    /// The route's bound on the stream's time takes the place of the connection manager's; the host hears of it by
    /// `grpc-timeout`.
    private func limitDuration(by entry: RouteEntry?) {
        guard let entry else { return }
        var limit: UInt64
        if let maximum = entry.grpcTimeoutMaximum,
            let asked = requestHeaders.get(.grpcTimeout).flatMap({ GRPCTimeout.nanoseconds($0) })
        {
            limit = asked
            if maximum > 0 { limit = min(limit, maximum) }
            limit = limit > entry.grpcTimeoutOffset ? limit - entry.grpcTimeoutOffset : 0
            guard limit > 0 else { return endDurationNow() }
        } else {
            limit = entry.maxStreamDuration ?? config.maxStreamDuration
            guard limit > 0 || hasDurationLimit else { return }
        }
        limitDuration(limit)
    }

    private func chooseRoute() -> RouteChoice? {
        let random = worker.random.next()
        guard let match = routes.table.match(requestHeaders, random: random) else {
            explainRoute(random)
            return nil
        }
        let entry = routes.entries[match.virtualHost][match.route]
        if needsTLS(entry) {
            recorder?.note(.route, "redirect to https (require_tls)")
            return RouteChoice(entry: routes.secureRedirect, match: match)
        }
        var choice = RouteChoice(entry: entry, match: match)
        if recorder != nil { explainRoute(random) }
        if case .forward(.weighted(let clusters, let weights)) = entry.action {
            let drawn = worker.random.next()
            let index = weights.pick(drawn)
            choice.weighted = index
            if let recorder {
                recorder.note(.weight, "\(clusters[index].cluster.name.text) (drew \(drawn % weights.total) of \(weights.total))")
            }
        }
        if case .forward(.specified(let specifier)) = entry.action {
            specifiedCluster = specifier.cluster(for: self)
            choice.specified = specifiedCluster
        }
        return choice
    }

    private func needsTLS(_ entry: RouteEntry) -> Bool {
        switch entry.tlsRequirement {
        case .none: return false
        case .external where requestHeaders.has(.xEnvoyInternal): return false
        case .external, .all: break
        }
        return !requestHeaders.get(.xForwardedProto, is: "https")
    }

    private func explainRoute(_ random: UInt64) {
        guard let recorder else { return }
        let explanation = routes.table.explain(requestHeaders, random: random)
        recorder.note(.virtualHost, explanation.virtualHost ?? "none for this authority")
        for rejection in explanation.rejected.suffix(4) {
            recorder.note(.route, "not #\(rejection.route): \(rejection.reason)")
        }
        if let match = explanation.match {
            let entry = routes.entries[match.virtualHost][match.route]
            recorder.note(.route, "\(entry.name?.text ?? "#\(match.route)") \(entry.matchText)")
        } else {
            recorder.note(.route, "none matches")
        }
    }

    /// Forgets the route: it is computed anew when it is next asked for, from the fields as they are then.
    package func clearRouteCache() {
        guard requestPath.delivered == .head else { return }
        routeState = .unknown
    }

    /// What the request's route says of a filter; nil when it says nothing.
    package func routeConfig(of filter: HTTPFilter) -> (any FilterRouteConfig)? {
        if filter.isUpstream { return routeConfig(named: filter.name) }
        let index = filter.index
        let configured = routes.configuredFilters
        guard index < configured.count, configured[index], let choice = routeChoice else { return nil }
        if let weighted = choice.weighted, case .forward(.weighted(let clusters, _)) = choice.entry.action,
            let config = clusters[weighted].filterConfigs.at(index)
        {
            return config
        }
        return choice.entry.filterConfigs.at(index)
    }

    /// What the request's route says of filters of that name.
    private func routeConfig(named name: String) -> (any FilterRouteConfig)? {
        guard routes.configuresFilters, let choice = routeChoice else { return nil }
        if let weighted = choice.weighted, case .forward(.weighted(let clusters, _)) = choice.entry.action,
            let config = clusters[weighted].filterConfigs.byName[name]
        {
            return config
        }
        return choice.entry.filterConfigs.byName[name]
    }
}
