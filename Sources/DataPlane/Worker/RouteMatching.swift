package import Observability
package import ProxyModel
package import SwiftProtobuf
package import TrafficPolicy

/// Matches, rewrites and redirects of the configuration as the policies' own types.
package enum RouteMatching {
    /// Makes the matcher of an extension.
    package typealias Custom = (Xds_Core_V3_TypedExtensionConfig) throws(PolicyError) -> StringMatcher

    static func match(
        _ message: Envoy_Config_Route_V3_RouteMatch, _ runtime: RuntimeValues, _ custom: Custom
    ) throws(ConfigProblem) -> RouteMatchConfig {
        let path: RouteMatchConfig.Path
        switch message.pathSpecifier {
        case .prefix(let prefix): path = .prefix(prefix)
        case .path(let exact): path = .path(exact)
        case .safeRegex(let regex): path = .regex(regex.regex)
        case .pathSeparatedPrefix(let prefix): path = .separatedPrefix(prefix)
        case nil: throw ConfigProblem("a match needs one of prefix, path, safe_regex, path_separated_prefix", path: "match")
        }
        let headers: [HeaderMatcher]
        do throws(ConfigProblem) {
            headers = try headerMatchers(message.headers, custom)
        } catch {
            throw error.within("match")
        }
        var parameters: [QueryParameterMatcher] = []
        for (index, parameter) in message.queryParameters.enumerated() {
            do throws(ConfigProblem) {
                parameters.append(try queryMatcher(parameter, custom))
            } catch {
                throw error.within("match.query_parameters[\(index)]")
            }
        }
        return RouteMatchConfig(
            path, isCaseSensitive: !message.hasCaseSensitive || message.caseSensitive.value, headers: headers,
            queryParameters: parameters, runtimeFraction: message.hasRuntimeFraction ? runtime.fraction(message.runtimeFraction) : nil,
            requiresGRPC: message.hasGrpc)
    }

    /// Matchers of a field `headers`.
    static func headerMatchers(
        _ messages: [Envoy_Config_Route_V3_HeaderMatcher], _ custom: Custom
    ) throws(ConfigProblem) -> [HeaderMatcher] {
        var matchers: [HeaderMatcher] = []
        for (index, message) in messages.enumerated() {
            do throws(ConfigProblem) {
                matchers.append(try headerMatcher(message, custom))
            } catch {
                throw error.within("headers[\(index)]")
            }
        }
        return matchers
    }

    static func headerMatcher(
        _ message: Envoy_Config_Route_V3_HeaderMatcher, _ custom: Custom
    ) throws(ConfigProblem) -> HeaderMatcher {
        let condition: HeaderMatcher.Condition
        do throws(PolicyError) {
            switch message.headerMatchSpecifier {
            case .exactMatch(let text): condition = .string(.exact(text))
            case .prefixMatch(let text): condition = .string(.prefix(text))
            case .suffixMatch(let text): condition = .string(.suffix(text))
            case .containsMatch(let text): condition = .string(.contains(text))
            case .safeRegexMatch(let regex): condition = .string(try .regex(regex.regex))
            case .stringMatch(let matcher): condition = .string(try stringMatcher(matcher, custom))
            case .rangeMatch(let range): condition = .range(start: range.start, end: range.end)
            case .presentMatch(let wanted): condition = .present(wanted)
            case nil: condition = .present(true)
            }
            return try HeaderMatcher(
                name: message.name, condition, inverts: message.invertMatch,
                treatsMissingAsEmpty: message.treatMissingHeaderAsEmpty)
        } catch {
            throw ConfigProblem("\(error)")
        }
    }

    private static func queryMatcher(
        _ message: Envoy_Config_Route_V3_QueryParameterMatcher, _ custom: Custom
    ) throws(ConfigProblem) -> QueryParameterMatcher {
        do throws(PolicyError) {
            switch message.queryParameterMatchSpecifier {
            case .stringMatch(let matcher):
                return QueryParameterMatcher(name: message.name, value: try stringMatcher(matcher, custom))
            case .presentMatch(let wanted): return QueryParameterMatcher(name: message.name, isPresent: wanted)
            case nil: return QueryParameterMatcher(name: message.name)
            }
        } catch {
            throw ConfigProblem("\(error)")
        }
    }

    /// A matcher of texts, with its regular expression compiled.
    /// - Parameter custom: makes matchers that are extensions; none may stand here where nothing is given.
    package static func stringMatcher(
        _ message: Envoy_Type_Matcher_V3_StringMatcher, _ custom: Custom = noCustom
    ) throws(PolicyError) -> StringMatcher {
        switch message.matchPattern {
        case .exact(let text): .exact(text, ignoresCase: message.ignoreCase)
        case .prefix(let text): .prefix(text, ignoresCase: message.ignoreCase)
        case .suffix(let text): .suffix(text, ignoresCase: message.ignoreCase)
        case .contains(let text): .contains(text, ignoresCase: message.ignoreCase)
        case .safeRegex(let regex): try .regex(regex.regex)
        case .custom(let config): try custom(config)
        case nil: .exact("")
        }
    }

    /// Refuses all: names of header fields, statistics and certificates are matched by patterns alone.
    package static func noCustom(_ config: Xds_Core_V3_TypedExtensionConfig) throws(PolicyError) -> StringMatcher {
        throw .invalidMatcher(name: config.name, reason: "a custom matcher cannot be used here; expected one of exact, prefix, suffix, contains, safe_regex")
    }

    static func rewrite(
        _ message: Envoy_Type_Matcher_V3_RegexMatchAndSubstitute, _ path: String
    ) throws(ConfigProblem) -> RegexRewrite {
        do throws(PolicyError) {
            return try RegexRewrite(regex: try RegexProgram(message.pattern.regex), substitution: message.substitution)
        } catch {
            throw ConfigProblem("\(error)", path: path)
        }
    }

    static func redirect(_ message: Envoy_Config_Route_V3_RedirectAction) throws(ConfigProblem) -> Redirect {
        let scheme: String?
        switch message.schemeRewriteSpecifier {
        case .httpsRedirect(let https): scheme = https ? "https" : nil
        case .schemeRedirect(let name): scheme = name
        case nil: scheme = nil
        }
        let path: Redirect.Path
        switch message.pathRewriteSpecifier {
        case .pathRedirect(let text): path = .literal(Array(text.utf8))
        case .prefixRewrite(let text): path = .rewrite(.prefix(Array(text.utf8)))
        case .regexRewrite(let regex): path = .rewrite(.regex(try rewrite(regex, "regex_rewrite")))
        case nil: path = .keep
        }
        let code =
            switch message.responseCode {
            case .found: 302
            case .seeOther: 303
            case .temporaryRedirect: 307
            case .permanentRedirect: 308
            default: 301
            }
        return Redirect(
            scheme: scheme, host: message.hostRedirect.isEmpty ? nil : message.hostRedirect,
            port: message.portRedirect == 0 ? nil : UInt16(clamping: message.portRedirect), path: path,
            stripsQuery: message.stripQuery, code: code)
    }

    /// A match as an explanation shows it.
    static func text(_ message: Envoy_Config_Route_V3_RouteMatch) -> String {
        var parts: [String] = []
        switch message.pathSpecifier {
        case .prefix(let text): parts.append("prefix \(text)")
        case .path(let text): parts.append("path \(text)")
        case .safeRegex(let regex): parts.append("regex \(regex.regex)")
        case .pathSeparatedPrefix(let text): parts.append("path_separated_prefix \(text)")
        default: break
        }
        parts += message.headers.map { "header \($0.name)" }
        parts += message.queryParameters.map { "query \($0.name)" }
        return "(\(parts.joined(separator: ", ")))"
    }
}

/// Structs of the configuration as metadata values.
package enum Metadata {
    static func compile(_ message: Envoy_Config_Core_V3_Metadata) -> [String: MetadataValue] {
        message.filterMetadata.mapValues { .object(object($0)) }
    }

    /// The fields of a struct; numbers are doubles, as in JSON.
    package static func object(_ message: Google_Protobuf_Struct) -> [String: MetadataValue] {
        message.fields.mapValues(value)
    }

    static func value(_ message: Google_Protobuf_Value) -> MetadataValue {
        switch message.kind {
        case .numberValue(let number): .number(number)
        case .stringValue(let text): .string(text)
        case .boolValue(let flag): .bool(flag)
        case .structValue(let fields): .object(object(fields))
        case .listValue(let list): .list(list.values.map(value))
        case .nullValue, nil: .null
        }
    }
}
