import DataPlane
import LuaRuntime
import Observability
import ProxyModel
import Reactor

/// The settings of one configured filter, as an object that tells them from those of another.
@WorkerActor final class LuaBinding {
    let settings: LuaSettings
    /// Of the filter's own script, and of those that routes choose by name.
    let schema: SettingsSchema?
    let named: [String: SettingsSchema]
    /// The filter's `filter_context`.
    let context: [String: MetadataValue]

    init(
        _ settings: LuaSettings, schema: SettingsSchema?, context: [String: MetadataValue],
        named: [String: SettingsSchema]
    ) {
        self.settings = settings
        self.schema = schema
        self.context = context
        self.named = named
    }
}

/// The settings of a worker's Lua filters by name, for the scripts that routes bring themselves.
@WorkerActor final class LuaBindings {
    private struct Entry {
        // Gone with the filter that it belongs to.
        weak var binding: LuaBinding?
    }

    private var entries: [String: Entry] = [:]

    nonisolated init() {}

    /// Notes what a filter was configured with; the last one of a name counts.
    func bind(_ binding: LuaBinding, _ context: FilterBuildContext) {
        entries = entries.filter { $0.value.binding != nil }
        entries[Self.key(context)] = Entry(binding: binding)
    }

    /// What the filter of this name was configured with; nil when there is none yet.
    func binding(_ context: FilterBuildContext) -> LuaBinding? { entries[Self.key(context)]?.binding }

    private static func key(_ context: FilterBuildContext) -> String { "\(context.owner)\0\(context.filterName)" }
}

/// A script that a route brings itself. It runs under the settings of the filter that it is for, which may be configured
/// anew while the route stays.
@WorkerActor final class LuaRouteScript {
    /// Filters with settings of their own that may use the route at the same time.
    private static let maximumStates = 8

    private let source: Envoy_Config_Core_V3_DataSource
    private let context: FilterBuildContext
    /// The route's own, in the place of the filter's.
    private let packages: LuaPackages
    private let sharing: LuaSharing?
    /// By filter, the one that came last first; a nil script cannot be loaded under these settings.
    private var made: [(binding: LuaBinding?, script: LuaScript?)]

    /// - Throws: what is wrong with the script, tried under the settings of the filter that there is now.
    init(
        _ source: Envoy_Config_Core_V3_DataSource, _ packages: LuaPackages, _ sharing: LuaSharing?, _ binding: LuaBinding?,
        _ context: FilterBuildContext
    ) throws(ConfigProblem) {
        self.source = source
        self.context = context
        self.packages = packages
        self.sharing = sharing
        let settings = try Self.settings(binding, packages, sharing)
        made = [(binding, try LuaType.script(source, "source_code", settings, context))]
    }

    private static func settings(
        _ binding: LuaBinding?, _ packages: LuaPackages, _ sharing: LuaSharing?
    ) throws(ConfigProblem) -> LuaSettings {
        var settings = binding?.settings ?? LuaSettings()
        settings.sharing = sharing
        try settings.take(packages)
        return settings
    }

    /// The script under these settings; nil when it cannot be loaded.
    func script(for binding: LuaBinding) -> LuaScript? {
        if made[0].binding === binding { return made[0].script }
        if let index = made.firstIndex(where: { $0.binding === binding }) { return made[index].script }
        var script: LuaScript?
        do throws(ConfigProblem) {
            script = try LuaType.script(source, "source_code", try Self.settings(binding, packages, sharing), context)
        } catch {
            context.log.error(.lua, "the script of a route for \(context.filterName) cannot be loaded: \(error)")
        }
        made.removeAll { $0.binding == nil }
        made.insert((binding, script), at: 0)
        if made.count > Self.maximumStates { made.removeLast() }
        return script
    }
}
