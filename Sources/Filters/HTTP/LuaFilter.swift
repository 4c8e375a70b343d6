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
    let mayBeUpstream = true

    private let probe: LuaProbe?
    private let bindings = LuaBindings()
    private let machines = LuaSharedMachines()

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
            if context.isUpstream { try Self.refuseVersions(own) }
            settings = try LuaSettings(own)
            message = own.lua
        } else {
            message = try config.message()
        }
        settings.statPrefix = message.statPrefix
        settings.sharing = sharing(message.sharedVmID)
        try settings.take(LuaPackages(paths: message.packagePaths, cpaths: message.packageCpaths))
        let defaultScript = try Self.ownScript(message, settings, context)
        var scripts: [String: LuaScript] = [:]
        for (name, source) in message.sourceCodes.sorted(by: { $0.key < $1.key }) {
            scripts[name] = try Self.script(source, "source_codes[\"\(name)\"]", settings, context)
        }
        let values = message.hasFilterContext ? Metadata.object(message.filterContext) : [:]
        let binding = LuaBinding(
            settings, schema: try Self.ownSchema(own, message), context: values,
            named: try Self.schemas(message.sourceCodes))
        if defaultScript != nil { try binding.schema?.check(values) }
        bindings.bind(binding, context)
        let factory = LuaFactory(
            context, defaultScript: defaultScript, scripts: scripts,
            clearsRouteCache: !message.hasClearRouteCache_p || message.clearRouteCache_p.value,
            context: values, statPrefix: message.statPrefix, binding)
        factory.probe = probe
        factory.versions = try Self.versions(own, factory, context)
        return factory
    }

    func makeRouteConfig(
        _ config: Google_Protobuf_Any, _ context: FilterBuildContext
    ) throws(ConfigProblem) -> any FilterRouteConfig {
        let message: Envoy_Extensions_Filters_Http_Lua_V3_LuaPerRoute = try config.message()
        let binding = bindings.binding(context)
        let values = message.hasFilterContext ? Metadata.object(message.filterContext) : nil
        let schema: SettingsSchema?
        switch message.override {
        case .disabled: schema = nil
        case .name(let name): schema = binding?.named[name]
        case .sourceCode(let source): schema = try Self.schema(source)
        case nil: schema = binding?.schema
        }
        if let settings = values ?? binding?.context { try schema?.check(settings) }
        let choice: LuaRouteConfig.Choice
        switch message.override {
        case .disabled(true): choice = .disabled
        case .disabled: throw ConfigProblem("can only be true", path: "disabled")
        case .name(let name): choice = .named(name)
        case .sourceCode(let source):
            let packages = LuaPackages(paths: message.packagePaths, cpaths: message.packageCpaths)
            choice = .own(try LuaRouteScript(source, packages, sharing(message.sharedVmID), binding, context))
        case nil: choice = .filterDefault
        }
        return LuaRouteConfig(choice, context: values)
    }

    private func sharing(_ id: String) -> LuaSharing? { id.isEmpty ? nil : LuaSharing(id: id, machines: machines) }

    /// The schema in the folder that a script is read from.
    static func schema(_ source: Envoy_Config_Core_V3_DataSource) throws(ConfigProblem) -> SettingsSchema? {
        guard case .filename(let name) = source.specifier else { return nil }
        return try SettingsSchema.beside(name)
    }

    private static func schemas(_ sources: [String: Envoy_Config_Core_V3_DataSource]) throws(ConfigProblem) -> [String: SettingsSchema] {
        var schemas: [String: SettingsSchema] = [:]
        for (name, source) in sources { schemas[name] = try schema(source) }
        return schemas
    }

    @WorkerActor static func script(
        _ source: Envoy_Config_Core_V3_DataSource, _ path: String, _ settings: LuaSettings, _ context: FilterBuildContext
    ) throws(ConfigProblem) -> LuaScript {
        try script(try DataSources.bytes(source, path), path, source.path, settings, context)
    }

    @WorkerActor static func script(
        _ bytes: [UInt8], _ path: String, _ file: String?, _ settings: LuaSettings, _ context: FilterBuildContext
    ) throws(ConfigProblem) -> LuaScript {
        do throws(LuaError) {
            let version = settings.version.name.isEmpty ? "" : " version \(settings.version.name)"
            let name = "\(context.filterName) \(file ?? path)\(version)"
            func make() throws(LuaError) -> LuaScript {
                let script = try LuaScript(bytes, name: name, settings, context)
                script.watch(file)
                return script
            }
            guard let sharing = settings.sharing else { return try make() }
            return try sharing.machines.script(settings.sharingKey(bytes, file), make)
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
        case own(LuaRouteScript)
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
    let binding: LuaBinding
    let settings: LuaSettings
    let backgroundCalls = LuaBackgroundCalls()
    /// There while the filter is out of the chain.
    private var detachment: Detachment?
    /// The last scripts that were ended.
    private var kills: [Kill] = []
    let log: Log
    let worker: WorkerContext
    /// Notes what hooks cost; nil in a proxy.
    var probe: LuaProbe?
    /// Versions of the default script; nil where it has none.
    var versions: LuaVersions?

    init(
        _ build: FilterBuildContext, defaultScript: LuaScript?, scripts: [String: LuaScript], clearsRouteCache: Bool,
        context: [String: MetadataValue], statPrefix: String, _ binding: LuaBinding
    ) {
        self.binding = binding
        settings = binding.settings
        name = build.filterName
        log = build.log
        worker = build.worker
        self.defaultScript = defaultScript
        self.scripts = scripts
        self.clearsRouteCache = clearsRouteCache
        self.context = context
        stats = build.stats.lua(prefix: build.statPrefix, statPrefix: statPrefix, isUpstream: build.isUpstream)
        scriptStats = ScriptStats(
            build.stats, prefix: build.statPrefix, statPrefix: statPrefix, isUpstream: build.isUpstream, log: build.log)
        executions = stats[.executions]
    }

    func makeFilter() -> HTTPFilter { LuaStreamFilter(self) }

    private struct Kill {
        /// On the loop's clock.
        let time: UInt64
        let script: LuaScript
        /// What the script had come to by then.
        let changes: Int
        /// What was ended is not what the script is now.
        @WorkerActor var isPast: Bool { script.changes != changes }
    }

    /// Whether the filter was taken out of the chain, since its scripts were ended again and again. It comes back when one of
    /// those is changed.
    var isDetached: Bool {
        guard detachment != nil else { return false }
        guard kills.contains(where: { $0.isPast }) else { return true }
        kills.removeAll { $0.isPast }
        detachment = nil
        log.info(.lua, "filter \(name) is in the chain again, since its script was changed")
        return false
    }

    /// A script was ended. A filter that this happens to again and again costs its worker more than it is worth.
    func killed(_ script: LuaScript) {
        let now = worker.loop.now
        kills.removeAll { now - $0.time > RecentKills.window || $0.isPast }
        kills.append(Kill(time: now, script: script, changes: script.changes))
        guard detachment == nil, kills.count >= settings.killsBeforeDetach else { return }
        detachment = Detachment(stats, at: worker.loop.wallNow)
        log.error(
            .lua, "filter \(name) was taken out of the chain: \(kills.count) of its scripts were ended within a minute; \(settings.answer == nil ? "requests pass without it" : "requests are refused")")
    }
}

/// A filter that is out of the chain, as long as this lives.
private final class Detachment: Sendable {
    private let stats: LuaStats

    /// - Parameter time: nanoseconds since 1970.
    init(_ stats: LuaStats, at time: UInt64) {
        self.stats = stats
        stats[.detached].add()
        stats[.detachedTime].set(Int(time / 1_000_000_000))
    }

    deinit {
        stats[.detached].subtract()
        if stats[.detached].value == 0 { stats[.detachedTime].set(0) }
    }
}
