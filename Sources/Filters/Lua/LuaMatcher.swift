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
struct LuaMatcherType: StringMatcherType {
    let messageName = Envoy_Extensions_StringMatcher_Lua_V3_Lua.protoMessageName

    nonisolated init() {}

    func makePredicate(
        _ config: Google_Protobuf_Any, _ context: FilterBuildContext
    ) throws(ConfigProblem) -> any TextPredicate {
        let message: Envoy_Extensions_StringMatcher_Lua_V3_Lua = try config.message()
        let source = try DataSources.bytes(message.sourceCode, "source_code")
        do throws(LuaError) {
            let script = try LuaFunctionScript(
                source, function: "envoy_match", missing: "Lua code did not contain a global function named 'envoy_match'", context)
            return LuaTextPredicate(script, name: context.filterName, context.log)
        } catch {
            throw ConfigProblem("\(error)", path: "source_code")
        }
    }
}

/// One such script on one worker. What it says is `true`, and nothing else, is a match.
final class LuaTextPredicate: TextPredicate {
    private let script: LuaFunctionScript
    private let name: String
    private let log: Log

    init(_ script: LuaFunctionScript, name: String, _ log: Log) {
        self.script = script
        self.name = name
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
            return matches ?? false
        }
    }
}
