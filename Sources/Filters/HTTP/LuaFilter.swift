import Bytes
import DataPlane
import HTTPModel
import LuaRuntime
import Observability
import ProxyModel
import Reactor
import SwiftProtobuf
import TrafficPolicy

/// `envoy.filters.http.lua`: runs a script's `envoy_on_request` and `envoy_on_response`, with Envoy's API.
///
/// ```yaml
/// - name: envoy.filters.http.lua
///   typed_config:
///     "@type": type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua
///     default_source_code:
///       inline_string: |
///         function envoy_on_request(handle)
///           handle:headers():add("x-tenant", handle:headers():get(":authority"))
///         end
/// ```
///
/// A route may take another script (`LuaPerRoute`: `name` of `source_codes`, or `source_code`) or none (`disabled`).
struct LuaType: HTTPFilterType {
    let messageNames = ["envoy.extensions.filters.http.lua.v3.Lua", "heddle.filters.http.lua.v1.LuaFilter"]
    let routeMessageNames = ["envoy.extensions.filters.http.lua.v3.LuaPerRoute"]

    private let probe: LuaProbe?

    /// - Parameter probe: notes what hooks cost; only tools have one.
    nonisolated init(probe: LuaProbe? = nil) { self.probe = probe }

    func makeFactory(
        _ config: Google_Protobuf_Any, _ context: FilterBuildContext
    ) throws(ConfigProblem) -> any HTTPFilterFactory {
        var settings = LuaSettings()
        let message: Envoy_Extensions_Filters_Http_Lua_V3_Lua
        var own = Heddle_Filters_Http_Lua_V1_LuaFilter()
        if config.isA(Heddle_Filters_Http_Lua_V1_LuaFilter.self) {
            own = try config.message()
            settings = try LuaSettings(own)
            message = own.lua
        } else {
            message = try config.message()
        }
        settings.statPrefix = message.statPrefix
        let defaultScript = try Self.ownScript(message, settings, context)
        var scripts: [String: LuaScript] = [:]
        for (name, source) in message.sourceCodes.sorted(by: { $0.key < $1.key }) {
            scripts[name] = try Self.script(source, "source_codes[\"\(name)\"]", settings, context)
        }
        let factory = LuaFactory(
            context, defaultScript: defaultScript, scripts: scripts,
            clearsRouteCache: !message.hasClearRouteCache_p || message.clearRouteCache_p.value,
            context: message.hasFilterContext ? Metadata.object(message.filterContext) : [:],
            statPrefix: message.statPrefix, settings)
        factory.probe = probe
        factory.versions = try Self.versions(own, factory, context)
        return factory
    }

    func makeRouteConfig(
        _ config: Google_Protobuf_Any, _ context: FilterBuildContext
    ) throws(ConfigProblem) -> any FilterRouteConfig {
        let message: Envoy_Extensions_Filters_Http_Lua_V3_LuaPerRoute = try config.message()
        let choice: LuaRouteConfig.Choice
        switch message.override {
        case .disabled(true): choice = .disabled
        case .disabled: throw ConfigProblem("can only be true", path: "disabled")
        case .name(let name): choice = .named(name)
        case .sourceCode(let source): choice = .own(try Self.script(source, "source_code", LuaSettings(), context))
        case nil: choice = .filterDefault
        }
        return LuaRouteConfig(choice, context: message.hasFilterContext ? Metadata.object(message.filterContext) : nil)
    }

    @WorkerActor private static func script(
        _ source: Envoy_Config_Core_V3_DataSource, _ path: String, _ settings: LuaSettings, _ context: FilterBuildContext
    ) throws(ConfigProblem) -> LuaScript {
        try script(try DataSources.bytes(source, path), path, source.path, settings, context)
    }

    @WorkerActor static func script(
        _ bytes: [UInt8], _ path: String, _ file: String?, _ settings: LuaSettings, _ context: FilterBuildContext
    ) throws(ConfigProblem) -> LuaScript {
        do throws(LuaError) {
            let version = settings.version.name.isEmpty ? "" : " version \(settings.version.name)"
            let script = try LuaScript(bytes, name: "\(context.filterName) \(file ?? path)\(version)", settings, context)
            if let file { script.watch(file) }
            return script
        } catch {
            throw ConfigProblem("\(file.map { "\($0): " } ?? "")script load error: \(error)", path: path)
        }
    }
}

extension Envoy_Config_Core_V3_DataSource {
    /// The file, if it is one.
    var path: String? {
        if case .filename(let name) = specifier { name } else { nil }
    }
}

/// What a route says of a Lua filter.
final class LuaRouteConfig: FilterRouteConfig {
    enum Choice {
        case filterDefault
        case disabled
        /// One of the filter's `source_codes`; an unknown name leaves the filter idle.
        case named(String)
        case own(LuaScript)
    }

    let choice: Choice
    let context: [String: MetadataValue]?

    init(_ choice: Choice, context: [String: MetadataValue]?) {
        self.choice = choice
        self.context = context
    }
}

/// One configured Lua filter: its scripts and what they share.
@WorkerActor final class LuaFactory: HTTPFilterFactory {
    let name: String
    let defaultScript: LuaScript?
    let scripts: [String: LuaScript]
    /// Whether a change of request headers has the route computed anew.
    let clearsRouteCache: Bool
    let context: [String: MetadataValue]
    let stats: LuaStats
    let scriptStats: ScriptStats
    let executions: Counter
    let settings: LuaSettings
    /// Whether the filter was taken out of the chain, since its scripts were ended again and again.
    private(set) var isDetached = false
    /// When the last scripts were ended, on the loop's clock.
    private var kills: [UInt64] = []
    let log: Log
    let worker: WorkerContext
    /// Notes what hooks cost; nil in a proxy.
    var probe: LuaProbe?
    /// Versions of the default script; nil where it has none.
    var versions: LuaVersions?

    init(
        _ build: FilterBuildContext, defaultScript: LuaScript?, scripts: [String: LuaScript], clearsRouteCache: Bool,
        context: [String: MetadataValue], statPrefix: String, _ settings: LuaSettings
    ) {
        self.settings = settings
        name = build.filterName
        log = build.log
        worker = build.worker
        self.defaultScript = defaultScript
        self.scripts = scripts
        self.clearsRouteCache = clearsRouteCache
        self.context = context
        stats = build.stats.lua(prefix: build.statPrefix, statPrefix: statPrefix)
        scriptStats = ScriptStats(build.stats, prefix: build.statPrefix, statPrefix: statPrefix)
        executions = stats[.executions]
    }

    func makeFilter() -> HTTPFilter { LuaStreamFilter(self) }

    /// Window in which kills are counted, in nanoseconds.
    private static let killWindow: UInt64 = 60_000_000_000

    /// A script was ended. A filter that this happens to again and again costs its worker more than it is worth.
    func killed() {
        let now = worker.loop.now
        kills.removeAll { now - $0 > Self.killWindow }
        kills.append(now)
        guard !isDetached, kills.count >= settings.killsBeforeDetach else { return }
        isDetached = true
        stats[.detached].set(1)
        stats[.detachedTime].set(Int(worker.loop.wallNow / 1_000_000_000))
        log.error(
            .lua, "filter \(name) was taken out of the chain: \(kills.count) of its scripts were ended within a minute; \(settings.answer == nil ? "requests pass without it" : "requests are refused")")
    }
}
