import Bytes
import ProxyModel
import SecureTransport
import TrafficPolicy

/// The rules for the names of a peer's certificate, as the configuration gives them.
enum PeerNames {
    typealias Validation = Envoy_Extensions_TransportSockets_Tls_V3_CertificateValidationContext
    private typealias Matcher = Envoy_Type_Matcher_V3_StringMatcher

    static func compile(_ validation: Validation, _ path: String) throws(ConfigProblem) -> [PeerNameMatcher] {
        var matchers: [PeerNameMatcher] = []
        for (index, message) in validation.matchTypedSubjectAltNames.enumerated() {
            let path = "\(path).match_typed_subject_alt_names[\(index)]"
            guard let kind = kind(message.sanType) else {
                throw ConfigProblem("no rule can be made for names of type \(message.sanType)", path: "\(path).san_type")
            }
            matchers.append(try matcher(kind, message.matcher, "\(path).matcher"))
        }
        // The old field says nothing of the kind of name: any will do.
        for (index, message) in validation.matchSubjectAltNames.enumerated() {
            for kind in [PeerNameMatcher.Kind.dns, .uri, .email, .ipAddress] {
                matchers.append(try matcher(kind, message, "\(path).match_subject_alt_names[\(index)]"))
            }
        }
        return matchers
    }

    private static func kind(
        _ type: Envoy_Extensions_TransportSockets_Tls_V3_SubjectAltNameMatcher.SanType
    ) -> PeerNameMatcher.Kind? {
        switch type {
        case .dns: .dns
        case .uri: .uri
        case .email: .email
        case .ipAddress: .ipAddress
        case .unspecified, .UNRECOGNIZED: nil
        }
    }

    private static func matcher(
        _ kind: PeerNameMatcher.Kind, _ message: Matcher, _ path: String
    ) throws(ConfigProblem) -> PeerNameMatcher {
        guard let pattern = message.matchPattern else {
            throw ConfigProblem("a matcher without a pattern would be met by no name", path: path)
        }
        // An exact host name is met by a certificate with a wildcard, too.
        if kind == .dns, case .exact(let name) = pattern { return .host(name) }
        do throws(PolicyError) {
            let matcher = try RouteMatching.stringMatcher(message)
            return PeerNameMatcher(kind, rule: "\(matcher)") { name in
                var name = name
                return name.withUTF8 { matcher.matches(UnsafeRawBufferPointer($0)) }
            }
        } catch {
            throw ConfigProblem("\(error)", path: path)
        }
    }
}
