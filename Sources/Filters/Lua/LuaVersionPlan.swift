import DataPlane
import Observability
package import ProxyModel
import SecureTransport
import SwiftProtobuf

/// What a configuration says of one version of a Lua filter's own script.
struct LuaVersionPlan {
    /// Longest name of a version.
    static let maximumName = 64

    /// Empty when the filter has no versions.
    var name = ""
    /// Hexadecimal digits; empty when any script will do.
    var sha256 = ""

    init() {}

    init(_ message: Heddle_Filters_Http_Lua_V1_LuaFilter) throws(ConfigProblem) {
        name = message.version
        sha256 = message.sha256.lowercased()
        guard name.utf8.count <= Self.maximumName, name.utf8.allSatisfy({ $0 > 0x20 && $0 != 0x7F }) else {
            throw ConfigProblem("must have at most \(Self.maximumName) bytes, and no blanks or control characters", path: "version")
        }
        guard sha256.isEmpty || (sha256.utf8.count == 64 && sha256.allSatisfy(\.isHexDigit)) else {
            throw ConfigProblem("must be 64 hexadecimal digits", path: "sha256")
        }
        if message.hasReloadInterval, !sha256.isEmpty || message.hasCandidate {
            throw ConfigProblem("a version does not change: cannot be set with sha256 or candidate", path: "reload_interval")
        }
    }

    /// Refuses a script that is not the one that was meant.
    func check(_ source: [UInt8], _ path: String) throws(ConfigProblem) {
        guard !sha256.isEmpty else { return }
        let found = Self.digest(source)
        guard found == sha256 else { throw ConfigProblem("the script's SHA-256 is \(found), expected \(sha256)", path: path) }
    }

    /// SHA-256 in hexadecimal digits.
    static func digest(_ bytes: [UInt8]) -> String {
        Hexadecimal.text(bytes.withUnsafeBytes { DigestAlgorithm.sha256.hash($0) })
    }
}

extension Heddle_Filters_Http_Lua_V1_LuaFilter {
    /// The filter as it is when its candidate has taken over.
    package var promoted: Self {
        var result = self
        result.clearCandidate()
        result.version = candidate.version
        result.sha256 = candidate.sha256
        result.lua.inlineCode = ""
        result.lua.defaultSourceCode = candidate.sourceCode
        if candidate.hasFilterContext { result.lua.filterContext = candidate.filterContext }
        if candidate.hasSettingsSchema { result.settingsSchema = candidate.settingsSchema }
        if !candidate.cases.isEmpty { result.cases = candidate.cases }
        if candidate.hasLimits { result.limits = candidate.limits }
        return result
    }

    /// SHA-256 of the filter's own script: the configured one, or that of the script as it is now; empty when it cannot be
    /// read.
    package var ownDigest: String {
        if !sha256.isEmpty { return sha256.lowercased() }
        if lua.hasDefaultSourceCode {
            guard let bytes = try? DataSources.bytes(lua.defaultSourceCode, "") else { return "" }
            return LuaVersionPlan.digest(bytes)
        }
        return lua.inlineCode.isEmpty ? "" : LuaVersionPlan.digest(Array(lua.inlineCode.utf8))
    }

    /// What a candidate is known by to all processes of a proxy. Another configuration of it is another candidate.
    /// - Parameters:
    ///   - filter: the filter's name.
    ///   - statPrefix: of its connection manager.
    package func candidateKey(filter: String, statPrefix: String) -> String {
        var options = BinaryEncodingOptions()
        options.useDeterministicOrdering = true
        let bytes: [UInt8] = (try? candidate.serializedBytes(options: options)) ?? []
        let names = [statPrefix, filter, lua.statPrefix, version].map { Array($0.utf8) + [0] }.joined()
        return LuaVersionPlan.digest(Array(names) + bytes)
    }
}
