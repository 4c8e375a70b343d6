import DataPlane
import Observability
import ProxyModel
import Reactor
import SwiftProtobuf

/// How a filter's own script and its versions are made from a configuration.
extension LuaType {
    /// The script that requests run whose route says nothing else.
    @WorkerActor static func ownScript(
        _ message: Envoy_Extensions_Filters_Http_Lua_V3_Lua, _ settings: LuaSettings, _ context: FilterBuildContext,
        path: String = "default_source_code"
    ) throws(ConfigProblem) -> LuaScript? {
        guard message.hasDefaultSourceCode else {
            guard !message.inlineCode.isEmpty else { return nil }
            let bytes = Array(message.inlineCode.utf8)
            try settings.version.check(bytes, "inline_code")
            return try script(bytes, "inline_code", nil, settings, context)
        }
        guard message.inlineCode.isEmpty else {
            throw ConfigProblem("only one of inline_code and default_source_code can be set", path: "inline_code")
        }
        let bytes = try DataSources.bytes(message.defaultSourceCode, path)
        try settings.version.check(bytes, path)
        return try script(bytes, path, message.defaultSourceCode.path, settings, context)
    }

    /// What the settings of the filter's own script must fit: the schema that is configured, or the one beside the script.
    static func ownSchema(
        _ own: Heddle_Filters_Http_Lua_V1_LuaFilter, _ message: Envoy_Extensions_Filters_Http_Lua_V3_Lua
    ) throws(ConfigProblem) -> SettingsSchema? {
        guard own.hasSettingsSchema else { return try schema(message.defaultSourceCode) }
        let text = String(decoding: try DataSources.bytes(own.settingsSchema, "settings_schema"), as: UTF8.self)
        return try SettingsSchema(text, file: own.settingsSchema.path ?? "settings_schema")
    }

    /// A filter of a cluster is not one that the supervisor watches.
    static func refuseVersions(_ own: Heddle_Filters_Http_Lua_V1_LuaFilter) throws(ConfigProblem) {
        let field: String? = own.hasCandidate ? "candidate" : !own.version.isEmpty ? "version" : !own.cases.isEmpty ? "cases" : nil
        if let field { throw ConfigProblem("versions and cases are for filters of listeners alone", path: field) }
    }

    /// The filter's version, and its candidate; nil when it says nothing of versions.
    @WorkerActor static func versions(
        _ own: Heddle_Filters_Http_Lua_V1_LuaFilter, _ factory: LuaFactory, _ context: FilterBuildContext
    ) throws(ConfigProblem) -> LuaVersions? {
        guard !own.version.isEmpty || own.hasCandidate else { return nil }
        guard !own.version.isEmpty else { throw ConfigProblem("is required beside a candidate", path: "version") }
        guard let script = factory.defaultScript else {
            throw ConfigProblem("there is no script: needs default_source_code or inline_code", path: "lua")
        }
        func version(_ name: String, _ script: LuaScript, _ settings: [String: MetadataValue], isCandidate: Bool) -> LuaVersion {
            let stats = context.stats.luaVersion(prefix: context.statPrefix, statPrefix: own.lua.statPrefix, version: name)
            return LuaVersion(script, context: settings, isCandidate: isCandidate, stats)
        }
        let inForce = version(own.version, script, factory.context, isCandidate: false)
        guard own.hasCandidate else { return LuaVersions(inForce, candidate: nil, key: "", percent: 0, context.worker) }
        do throws(ConfigProblem) {
            try checkFigures(own.candidate)
            guard own.candidate.version != own.version, !own.candidate.version.isEmpty else {
                throw ConfigProblem("needs a name, and another than \"\(own.version)\"", path: "version")
            }
            let promoted = own.promoted
            var settings = try LuaSettings(promoted)
            settings.statPrefix = own.lua.statPrefix
            try settings.take(LuaPackages(paths: promoted.lua.packagePaths, cpaths: promoted.lua.packageCpaths))
            guard let script = try ownScript(promoted.lua, settings, context, path: "source_code") else {
                throw ConfigProblem("is required", path: "source_code")
            }
            let values = promoted.lua.hasFilterContext ? Metadata.object(promoted.lua.filterContext) : [:]
            try ownSchema(promoted, promoted.lua)?.check(values)
            return LuaVersions(
                inForce, candidate: version(own.candidate.version, script, values, isCandidate: true),
                key: own.candidateKey(filter: context.filterName, statPrefix: context.statPrefix), percent: own.candidate.percent,
                context.worker)
        } catch {
            throw error.within("candidate")
        }
    }

    private static func checkFigures(_ candidate: Heddle_Filters_Http_Lua_V1_LuaFilter.Candidate) throws(ConfigProblem) {
        guard (0...100).contains(candidate.percent) else { throw ConfigProblem("must be between 0 and 100", path: "percent") }
        let limits = LuaRollout.Limits(candidate)
        guard (0...1).contains(limits.maxErrorRatioIncrease) else {
            throw ConfigProblem("must be between 0 and 1", path: "max_error_ratio_increase")
        }
        guard limits.maxLatencyRatio >= 1, limits.maxLatencyRatio <= 1e6 else {
            throw ConfigProblem("must be between 1 and 1000000", path: "max_latency_ratio")
        }
    }
}
