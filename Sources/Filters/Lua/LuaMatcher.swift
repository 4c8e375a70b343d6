import DataPlane
import LuaRuntime
import Observability
import ProxyModel
import Reactor
import SwiftProtobuf
import TrafficPolicy

/// `envoy.string_matcher.lua`: a script's `envoy_match` decides whether a text matches.
///
/// ```yaml
/// headers:
///   - name: x-account
///     string_match:
///       custom:
///         name: envoy.string_matcher.lua
///         typed_config:
///           "@type": type.googleapis.com/envoy.extensions.string_matcher.lua.v3.Lua
///           source_code:
///             inline_string: |
///               function envoy_match(text) return tonumber(text) ~= nil and tonumber(text) % 2 == 0 end
/// ```
///
/// With a `heddle.string_matcher.lua.v1.LuaStringMatcher` around it, limits, trust and what an error does can be chosen.
struct LuaMatcherType: StringMatcherType {
    let messageNames = [
        Envoy_Extensions_StringMatcher_Lua_V3_Lua.protoMessageName, Heddle_StringMatcher_Lua_V1_LuaStringMatcher.protoMessageName,
    ]

    nonisolated init() {}

    func makePredicate(
        _ config: Google_Protobuf_Any, _ context: FilterBuildContext
    ) throws(ConfigProblem) -> any TextPredicate {
        guard config.isA(Heddle_StringMatcher_Lua_V1_LuaStringMatcher.self) else {
            return try predicate(try config.message(), LuaFunctionSettings(), matchesOnError: false, context)
        }
        let own: Heddle_StringMatcher_Lua_V1_LuaStringMatcher = try config.message()
        let settings = try LuaFunctionSettings(own.limits, own.trust, kills: own.killsBeforeDetach)
        do throws(ConfigProblem) {
            return try predicate(own.lua, settings, matchesOnError: Self.matchesOnError(own.onError), context)
        } catch {
            throw error.within("lua")
        }
    }

    private static func matchesOnError(_ onError: Heddle_StringMatcher_Lua_V1_LuaStringMatcher.OnError) -> Bool {
        switch onError {
        case .match: true
        case .noMatch, .UNRECOGNIZED: false
        }
    }

    private func predicate(
        _ message: Envoy_Extensions_StringMatcher_Lua_V3_Lua, _ settings: LuaFunctionSettings, matchesOnError: Bool,
        _ context: FilterBuildContext
    ) throws(ConfigProblem) -> LuaTextPredicate {
        let source = try DataSources.bytes(message.sourceCode, "source_code")
        do throws(LuaError) {
            let script = try LuaFunctionScript(
                source, function: "envoy_match", missing: "Lua code did not contain a global function named 'envoy_match'", settings, context)
            return LuaTextPredicate(script, name: context.filterName, matchesOnError: matchesOnError, context.log)
        } catch {
            throw ConfigProblem("\(error)", path: "source_code")
        }
    }
}

/// One such script on one worker. What it says is `true`, and nothing else, is a match; what it fails on is what the
/// configuration says.
final class LuaTextPredicate: TextPredicate {
    private let script: LuaFunctionScript
    private let name: String
    private let matchesOnError: Bool
    private let log: Log

    init(_ script: LuaFunctionScript, name: String, matchesOnError: Bool, _ log: Log) {
        self.script = script
        self.name = name
        self.matchesOnError = matchesOnError
        self.log = log
    }

    var description: String { "envoy_match() of \(name)" }

    func matches(_ text: UnsafeRawBufferPointer) -> Bool {
        // Safety: the bytes are the caller's, who waits.
        nonisolated(unsafe) let text = text
        return WorkerActor.enter {
            let matches: Bool? = script.call(resultAt: 1) { $0.add(text) } _: { result in
                if case .boolean(let matches) = result { return matches }
                log.error(.lua, "script log: envoy_match() did not return a boolean (\(name))")
                return false
            }
            return matches ?? matchesOnError
        }
    }
}
