import ProxyModel
import Reactor
import SwiftProtobuf
import XDS

/// A stream to a control plane that is to be opened.
struct StreamOrder: Sendable {
    var api: Envoy_Config_Core_V3_ApiConfigSource
    /// What it is for.
    var types: [ResourceType]
    /// Who asks.
    var node: Envoy_Config_Core_V3_Node
    /// The static clusters through which control planes are reached.
    var clusters: [Envoy_Config_Cluster_V3_Cluster]
    /// The static secrets, which those clusters may name.
    var secrets: [Envoy_Extensions_TransportSockets_Tls_V3_Secret]
    /// What is held from it already.
    var held: [ResourceType: HeldResources]

    var variant: DiscoverySettings.Variant { api.apiType == .deltaGrpc ? .delta : .stateOfTheWorld }

    /// The method: that of all types, or of the only one when the stream is for one type.
    var path: String {
        types.count == 1 ? DiscoveryMethod.separate(types[0], variant) : DiscoveryMethod.aggregated(variant)
    }

    /// A machine that asks for nothing yet.
    /// - Parameter source: what it is called.
    func machine(source: String, checker: ResourceChecker) -> DiscoveryMachine {
        var settings = DiscoverySettings(variant: variant, source: source, node: node)
        settings.nodeOnFirstMessageOnly = api.setNodeOnFirstMessageOnly
        if api.hasRateLimitSettings {
            let limit = api.rateLimitSettings
            settings.rateLimit = RequestBudget.Settings(
                maximumTokens: limit.hasMaxTokens ? max(1, limit.maxTokens.value) : 100,
                fillRate: limit.hasFillRate ? limit.fillRate.value : 10)
        }
        var machine = DiscoveryMachine(settings, types: types, checker: checker)
        for type in types { machine.seed(type, held[type] ?? HeldResources()) }
        return machine
    }
}

/// A file that holds resources of one type.
struct FileOrder: Sendable {
    var type: ResourceType
    var path: String
    /// `watched_directory`.
    var folder: String?
    /// What is held from it already.
    var held: HeldResources
}

/// Makes sources: what stands between a ``ConfigSubscriber`` and the world.
@WorkerActor protocol DiscoverySourceMaker: AnyObject {
    func stream(_ order: StreamOrder, owner: any DiscoverySourceOwner) throws -> any DiscoverySource
    func file(_ order: FileOrder, owner: any DiscoverySourceOwner) throws -> any DiscoverySource
    /// No source will be asked any more.
    func stop()
}
