import Bytes
import DataPlane
import HTTPModel
import LuaRuntime
import Observability
import ProxyModel
import Reactor
import SwiftProtobuf
import TrafficPolicy

/// `envoy.router.cluster_specifier_plugin.lua`: a script's `envoy_on_route` chooses the cluster of each request.
///
/// ```yaml
/// route:
///   inline_cluster_specifier_plugin:
///     extension:
///       name: envoy.router.cluster_specifier_plugin.lua
///       typed_config:
///         "@type": type.googleapis.com/envoy.extensions.router.cluster_specifiers.lua.v3.LuaConfig
///         source_code:
///           inline_string: |
///             function envoy_on_route(handle)
///               return handle:headers():get("x-tenant") == "one" and "one" or "others"
///             end
///         default_cluster: others
/// ```
///
/// With a `heddle.router.cluster_specifiers.lua.v1.LuaClusterSpecifier` around it, limits, trust and what an error does can
/// be chosen.
struct LuaClusterSpecifierType: ClusterSpecifierType {
    let messageNames = [
        Envoy_Extensions_Router_ClusterSpecifiers_Lua_V3_LuaConfig.protoMessageName,
        Heddle_Router_ClusterSpecifiers_Lua_V1_LuaClusterSpecifier.protoMessageName,
    ]

    nonisolated init() {}

    func makeSpecifier(
        _ config: Google_Protobuf_Any, _ context: FilterBuildContext
    ) throws(ConfigProblem) -> any ClusterSpecifier {
        guard config.isA(Heddle_Router_ClusterSpecifiers_Lua_V1_LuaClusterSpecifier.self) else {
            return try specifier(try config.message(), LuaFunctionSettings(), failsClosed: false, context)
        }
        let own: Heddle_Router_ClusterSpecifiers_Lua_V1_LuaClusterSpecifier = try config.message()
        let settings = try LuaFunctionSettings(own.limits, own.trust, kills: own.killsBeforeDetach)
        do throws(ConfigProblem) {
            return try specifier(own.lua, settings, failsClosed: Self.failsClosed(own.onError), context)
        } catch {
            throw error.within("lua")
        }
    }

    private static func failsClosed(_ onError: Heddle_Router_ClusterSpecifiers_Lua_V1_LuaClusterSpecifier.OnError) -> Bool {
        switch onError {
        case .failClosed: true
        case .defaultCluster, .UNRECOGNIZED: false
        }
    }

    private func specifier(
        _ message: Envoy_Extensions_Router_ClusterSpecifiers_Lua_V3_LuaConfig, _ settings: LuaFunctionSettings, failsClosed: Bool,
        _ context: FilterBuildContext
    ) throws(ConfigProblem) -> LuaClusterSpecifier {
        let source = try DataSources.bytes(message.sourceCode, "source_code")
        let fallback = message.defaultCluster.isEmpty ? nil : context.worker.clusters.reference(message.defaultCluster)
        do throws(LuaError) {
            return try LuaClusterSpecifier(source, settings, fallback, failsClosed: failsClosed, context)
        } catch {
            throw ConfigProblem("script load error: \(error)", path: "source_code")
        }
    }
}

/// One such script on one worker: the object behind everything that `envoy_on_route` is given.
@WorkerActor final class LuaClusterSpecifier: ClusterSpecifier {
    private let script: LuaFunctionScript
    /// Where requests go whose script returned no text, or failed.
    private let fallback: ClusterReference?
    /// Requests whose script failed go nowhere.
    private let failsClosed: Bool
    private let clusters: ClusterDirectory
    private let log: Log
    /// The request whose route is computed.
    private var stream: Stream?
    /// What `getCluster` found; an object's tag is its place.
    private var found: [Cluster] = []

    init(
        _ source: [UInt8], _ settings: LuaFunctionSettings, _ fallback: ClusterReference?, failsClosed: Bool, _ context: FilterBuildContext
    ) throws(LuaError) {
        self.fallback = fallback
        self.failsClosed = failsClosed
        clusters = context.worker.clusters
        log = context.log
        script = try LuaFunctionScript(
            source, function: "envoy_on_route",
            missing: "envoy_on_route() function not found. Lua will not hook cluster specifier.", settings, classes: Self.classes,
            consequence: failsClosed ? "" : ", use default cluster", context)
    }

    func cluster(for stream: Stream) -> ClusterReference? {
        self.stream = stream
        defer {
            self.stream = nil
            if !found.isEmpty { found.removeAll(keepingCapacity: true) }
        }
        let chosen: ClusterReference?? = script.call(resultAt: -1) { $0.add(Self.handleType, self, scope: .run) } _: { result in
            switch result {
            case .string(let name): return clusters.present(name)
            // As Lua writes it.
            case .number(let number):
                var name = Int(exactly: number).map { "\($0)" } ?? "\(number)"
                return name.withUTF8 { clusters.present(UnsafeRawBufferPointer($0)) }
            case .none, .boolean:
                log.error(.lua, "script log: return value is not string, use default cluster")
                return fallback
            }
        }
        return chosen ?? (failsClosed ? nil : fallback)
    }

    // MARK: What the script is given

    private static let classes: [AnyLuaClass] = [handleType, headersType, clusterType]

    static let handleType = LuaClass<LuaClusterSpecifier>(
        "RouteHandle",
        methods: [
            .worker("headers") { route, call in
                call.results.add(headersType, route, scope: .run, slot: 1)
                return .results
            },
            .worker("getCluster", orNil: true) { route, call in
                guard let name = call.bytes(1) else { return call.badArgument(1, expected: "string") }
                call.charge(fuel: lookUpFuel)
                guard let cluster = route.clusters.find(name) else { return .results }
                call.results.add(clusterType, route, scope: .run, tag: route.found.count)
                route.found.append(cluster)
                return .results
            },
        ] + logMethods)

    /// What it costs to look for a cluster and keep it.
    private static let lookUpFuel = 100

    static let headersType = LuaClass<LuaClusterSpecifier>(
        "RouteHeaderMap",
        methods: [
            .worker("get", orNil: true) { route, call in
                guard let name = call.bytes(1) else { return call.badArgument(1, expected: "string") }
                guard let stream = route.stream else { return .results }
                call.charge(fuel: stream.requestHeaders.count * 4)
                let results = call.results
                LuaHook.withName(name) { LuaHook.add($0, of: stream.requestHeaders, to: results) }
                return .results
            }
        ] + logMethods)

    static let clusterType = LuaClass<LuaClusterSpecifier>(
        "RouteCluster",
        methods: [
            count("numConnections", .connection), count("numRequests", .request), count("numPendingRequests", .pendingRequest),
        ] + logMethods)

    private static func count(_ name: String, _ resource: LimitedResource) -> LuaMethod<LuaClusterSpecifier> {
        .worker(name) { route, call in
            guard route.found.indices.contains(call.tag) else { return call.returning(0) }
            return call.returning(route.found[call.tag].limits.inUse(resource))
        }
    }

    private static var logMethods: [LuaMethod<LuaClusterSpecifier>] { LuaMethod.logMethods { $0.log } }
}
