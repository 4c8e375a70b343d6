import DataPlane
import Observability
import ProxyModel
import Reactor
import SwiftProtobuf
import XDS

/// Asks every source of configuration for what is wanted from it, and hands what they give to whoever applies it, one
/// response at a time.
@WorkerActor final class ConfigSubscriber: ResourceSubscriber, DiscoverySourceOwner {
    /// A source: everything that is wanted from it goes over one stream, or one file.
    enum Origin: Hashable {
        case ads
        case stream(Envoy_Config_Core_V3_ApiConfigSource, ResourceType)
        case file(path: String, folder: String?, ResourceType)
    }

    /// The parts of a bootstrap that sources depend on.
    struct Plan: Equatable {
        var node: Envoy_Config_Core_V3_Node
        var dynamic: Envoy_Config_Bootstrap_V3_Bootstrap.DynamicResources
        /// The static clusters through which control planes are reached.
        var clusters: [Envoy_Config_Cluster_V3_Cluster]
        /// The static secrets, which those clusters may name.
        var secrets: [Envoy_Extensions_TransportSockets_Tls_V3_Secret]
        /// What sources give under these names is left aside; it must be given again when a name is free.
        var listeners: Set<String>

        init(_ frame: BootstrapFrame) throws {
            let bootstrap = try Supervisor.decode(frame.bytes)
            dynamic = bootstrap.dynamicResources
            node = bootstrap.node
            node.userAgentName = ProductVersion.name
            node.userAgentVersion = ProductVersion.number
            clusters = try frame.resources.filter { $0.key.type == .cluster }.map {
                try Envoy_Config_Cluster_V3_Cluster(serializedBytes: $0.body, options: ConfigDecoder.binaryOptions)
            }
            secrets = try frame.resources.filter { $0.key.type == .secret }.map {
                try Envoy_Extensions_TransportSockets_Tls_V3_Secret(
                    serializedBytes: $0.body, options: ConfigDecoder.binaryOptions)
            }
            listeners = Set(frame.resources.filter { $0.key.type == .listener }.map(\.key.name))
        }
    }

    /// Envoy's default of `initial_fetch_timeout`, nanoseconds.
    private static let defaultFetchTimeout: UInt64 = 15_000_000_000

    private let log: Log
    private let maker: any DiscoverySourceMaker
    private unowned let applier: any ResourceApplier
    private var plan: Plan?
    private var sources: [Origin: any DiscoverySource] = [:]
    /// What was last asked for, by source and type.
    private var asked: [Origin: [ResourceType: Set<String>]] = [:]
    private var wants: Set<ResourceWant> = []
    private var listenersMayCome = false
    /// Batches without a source take away what no source is named for any more.
    private var waiting: [(source: (any DiscoverySource)?, batch: ResourceBatch)] = []
    private var isInHand = false
    private var isHandingOver = false
    /// Whether the sources of another bootstrap are asked when what is in hand has come to its end.
    private var beginsLater = false
    /// What sources that begin know to be in force.
    private var held: [ResourceType: HeldResources] = [:]

    init(log: Log, maker: any DiscoverySourceMaker, applier: any ResourceApplier) {
        self.log = log
        self.maker = maker
        self.applier = applier
    }

    /// Begins, or begins anew when what sources depend on has changed.
    func configure(_ new: Plan) {
        guard plan != new else { return }
        plan = new
        for source in sources.values { source.stop() }
        (sources, asked, waiting) = ([:], [:], [])
        // What is in hand is of the sources that were, and the new ones must know of it.
        beginsLater = isInHand
        if !beginsLater { begin(new) }
    }

    private func begin(_ plan: Plan) {
        held = [:]
        for change in applier.heldResources() { held[change.key.type, default: HeldResources()].seed(change) }
        if !plan.dynamic.hasLdsConfig { giveUp(.listener) }
        if plan.dynamic.hasCdsConfig { askAll(.cluster, plan.dynamic.cdsConfig) } else { giveUp(.cluster) }
        if listenersMayCome { askForListeners() }
        askForNames()
        // Sources that are made later begin with nothing; who waits for names has a deadline then.
        held = held.filter { $0.key.isWildcard }
        handOver()
    }

    /// Nobody gives resources of this type any more: what there is goes.
    private func giveUp(_ type: ResourceType) {
        let names = held.removeValue(forKey: type)?.names ?? []
        guard !names.isEmpty else { return }
        let changes = names.map { ResourceChange(ResourceKey(type, $0), version: "", body: nil) }
        waiting.append((nil, ResourceBatch(type: type, source: "bootstrap", version: "", changes: changes)))
    }

    /// Ends all sources; what is in force stays.
    func stop() {
        plan = nil
        for source in sources.values { source.stop() }
        sources = [:]
        maker.stop()
    }

    // MARK: ResourceSubscriber

    func wantsChanged(_ wants: Set<ResourceWant>) {
        guard self.wants != wants else { return }
        self.wants = wants
        askForNames()
    }

    func clustersAreWarm() {
        guard !listenersMayCome else { return }
        listenersMayCome = true
        askForListeners()
    }

    // MARK: Asking

    private func askForListeners() {
        guard !beginsLater, let plan, plan.dynamic.hasLdsConfig else { return }
        askAll(.listener, plan.dynamic.ldsConfig)
    }

    private func askAll(_ type: ResourceType, _ config: Envoy_Config_Core_V3_ConfigSource) {
        guard let source = source(config, type) else {
            return applier.fetchEnded([ResourceKey(type, ResourceWant.wildcard)])
        }
        source.want(type, .all, fetchTimeout: FetchTimes(Self.fetchTimeout(config)))
    }

    private func askForNames() {
        guard plan != nil, !beginsLater else { return }
        var groups: [Origin: [ResourceType: Set<String>]] = [:]
        var times: [Origin: [ResourceType: [String: UInt64]]] = [:]
        var configs: [Origin: Envoy_Config_Core_V3_ConfigSource] = [:]
        for want in wants {
            let origin = Self.origin(want.source, want.key.type)
            groups[origin, default: [:]][want.key.type, default: []].insert(want.key.name)
            let time = Self.fetchTimeout(want.source)
            let other = times[origin]?[want.key.type]?[want.key.name] ?? time
            times[origin, default: [:]][want.key.type, default: [:]][want.key.name] = FetchTimes.longer(time, other)
            configs[origin] = want.source
        }
        for (origin, types) in asked {
            for type in types.keys where groups[origin]?[type] == nil {
                sources[origin]?.want(type, .nothing, fetchTimeout: 0)
                asked[origin]?[type] = nil
            }
            if groups[origin] == nil, origin != .ads { drop(origin) }
        }
        for (origin, types) in groups {
            guard let config = configs[origin] else { continue }
            for type in types.keys.sorted() where asked[origin]?[type] != types[type] {
                let names = types[type] ?? []
                asked[origin, default: [:]][type] = names
                if let source = source(config, type) {
                    source.want(type, .names(names), fetchTimeout: FetchTimes(times[origin]?[type] ?? [:]))
                } else {
                    applier.fetchEnded(names.sorted().map { ResourceKey(type, $0) })
                }
            }
        }
    }

    private func drop(_ origin: Origin) {
        sources.removeValue(forKey: origin)?.stop()
        asked[origin] = nil
    }

    // MARK: Sources

    static func origin(_ config: Envoy_Config_Core_V3_ConfigSource, _ type: ResourceType) -> Origin {
        switch config.configSourceSpecifier {
        case .apiConfigSource(let api)?: .stream(api, type)
        case .path(let path)?: .file(path: path, folder: nil, type)
        case .pathConfigSource(let file)?:
            .file(path: file.path, folder: file.hasWatchedDirectory ? file.watchedDirectory.path : nil, type)
        case .ads?, nil: .ads
        }
    }

    private static func fetchTimeout(_ config: Envoy_Config_Core_V3_ConfigSource) -> UInt64 {
        config.hasInitialFetchTimeout ? config.initialFetchTimeout.nanoseconds : defaultFetchTimeout
    }

    /// The source of a configuration; nil when it cannot be, which is logged.
    private func source(_ config: Envoy_Config_Core_V3_ConfigSource, _ type: ResourceType) -> (any DiscoverySource)? {
        let origin = Self.origin(config, type)
        if let source = sources[origin] { return source }
        guard let plan else { return nil }
        do {
            let source: any DiscoverySource
            switch origin {
            case .ads:
                guard plan.dynamic.hasAdsConfig else { throw ConfigRefusal(description: "there is no ads_config") }
                source = try stream(plan.dynamic.adsConfig, origin, plan, types: ResourceType.allCases)
            case .stream(let api, let type): source = try stream(api, origin, plan, types: [type])
            case .file(let path, let folder, let type):
                let order = FileOrder(type: type, path: path, folder: folder, held: takeHeld(type, origin))
                source = try maker.file(order, owner: self)
            }
            sources[origin] = source
            return source
        } catch {
            log.error(.config, "\(type) cannot be asked for: \(error)")
            return nil
        }
    }

    private func stream(
        _ api: Envoy_Config_Core_V3_ApiConfigSource, _ origin: Origin, _ plan: Plan, types: [ResourceType]
    ) throws -> any DiscoverySource {
        var held: [ResourceType: HeldResources] = [:]
        for type in types { held[type] = takeHeld(type, origin) }
        return try maker.stream(
            StreamOrder(
                api: api, types: types, node: plan.node, clusters: plan.clusters, secrets: plan.secrets, held: held),
            owner: self)
    }

    /// What a source that begins knows: all of a type that is asked for as a whole, or the names that are wanted of it.
    private func takeHeld(_ type: ResourceType, _ origin: Origin) -> HeldResources {
        if type.isWildcard { return held.removeValue(forKey: type) ?? HeldResources() }
        let names = wants.filter { $0.key.type == type && Self.origin($0.source, type) == origin }.map(\.key.name)
        return held[type]?.only(Set(names)) ?? HeldResources()
    }

    // MARK: DiscoverySourceOwner

    func source(_ source: any DiscoverySource, ended keys: [ResourceKey]) { applier.fetchEnded(keys) }

    func source(_ source: any DiscoverySource, offers batch: ResourceBatch) {
        waiting.append((source, batch))
        handOver()
    }

    /// Hands over one response after the other; an answer may come at once, and must not make this call itself.
    private func handOver() {
        guard !isHandingOver else { return }
        isHandingOver = true
        defer { isHandingOver = false }
        while !isInHand, !waiting.isEmpty {
            let next = waiting.removeFirst()
            isInHand = true
            applier.apply(next.batch) { [unowned self] refusals in
                self.isInHand = false
                next.source?.applied(refusals)
                // The answer may have called for the next response, which another bootstrap has come before.
                if self.beginsLater, !self.isInHand, let plan = self.plan {
                    self.beginsLater = false
                    self.begin(plan)
                }
                self.handOver()
            }
        }
    }
}
