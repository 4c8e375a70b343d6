/// What is wrong with a policy's configuration. The compiler of the configuration adds file, line and path.
public enum PolicyError: Error, Equatable, Sendable {
    /// RE2 refuses the expression; `reason` is its message.
    case invalidRegex(pattern: String, reason: String)
    /// The compiled expression has more instructions than ``RegexProgram/maximumSize`` allows.
    case regexTooLarge(pattern: String, size: Int, maximum: Int)
    /// A substitution names a group that the expression does not have, or ends in a lone backslash.
    case invalidSubstitution(text: String, reason: String)
    /// A domain is empty or has its `*` neither first nor last.
    case invalidDomain(virtualHost: String, domain: String)
    /// Two virtual hosts, or one twice, claim the same domain.
    case duplicateDomain(virtualHost: String, domain: String)
    /// `route` is the index in its virtual host; `cause` what is wrong there.
    indirect case route(virtualHost: String, route: Int, cause: PolicyError)
    /// No weight is above zero.
    case noWeight
    /// The sum of the weights does not fit into 32 bits.
    case weightOverflow
    /// The range ends before it starts.
    case emptyRange(start: Int64, end: Int64)
    /// A matcher that is an extension cannot be made; `reason` says why.
    case invalidMatcher(name: String, reason: String)
}

extension PolicyError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .invalidRegex(let pattern, let reason): "regex '\(pattern)' is not valid: \(reason)"
        case .regexTooLarge(let pattern, let size, let maximum):
            "regex '\(pattern)' compiles to \(size) instructions, at most \(maximum) are allowed"
        case .invalidSubstitution(let text, let reason): "substitution '\(text)' is not valid: \(reason)"
        case .invalidDomain(let host, let domain):
            "virtual host '\(host)': domain '\(domain)' must not be empty and may have one '*', first or last"
        case .duplicateDomain(let host, let domain):
            "virtual host '\(host)': domain '\(domain)' is already taken; each may be used once"
        case .route(let host, let route, let cause): "virtual host '\(host)', routes[\(route)]: \(cause)"
        case .noWeight: "the sum of the weights is 0, expected at least one weight above 0"
        case .weightOverflow: "the sum of the weights is above 4294967295"
        case .emptyRange(let start, let end): "range [\(start), \(end)) is empty"
        case .invalidMatcher(let name, let reason): "matcher '\(name)' cannot be made: \(reason)"
        }
    }
}
