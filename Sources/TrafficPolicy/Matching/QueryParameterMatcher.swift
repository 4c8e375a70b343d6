import Bytes

/// Envoy's QueryParameterMatcher: looks at the first value of a name, without percent-decoding.
public struct QueryParameterMatcher: Sendable {
    private let name: [UInt8]
    private let value: StringMatcher?
    private let isPresent: Bool

    /// Asks for a value.
    public init(name: String, value: StringMatcher) {
        self.name = Array(name.utf8)
        self.value = value
        isPresent = true
    }

    /// Asks that the name be there, or that it be not (`present_match`).
    public init(name: String, isPresent: Bool = true) {
        self.name = Array(name.utf8)
        value = nil
        self.isPresent = isPresent
    }

    /// Whether `query`, the bytes behind the `?`, has a fitting parameter.
    public func matches(query: UnsafeRawBufferPointer) -> Bool {
        var start = 0
        while start < query.count {
            let rest = query.slice(start, query.count)
            let end = rest.offset(of: UInt8(ascii: "&")) ?? rest.count
            let pair = rest.slice(0, end)
            let equals = pair.offset(of: UInt8(ascii: "=")) ?? pair.count
            if name.withUnsafeBytes({ pair.slice(0, equals).equals($0) }) {
                guard let value else { return isPresent }
                return value.matches(pair.slice(min(equals + 1, pair.count), pair.count))
            }
            start += end + 1
        }
        return !isPresent
    }
}

extension QueryParameterMatcher: CustomStringConvertible {
    public var description: String {
        "query parameter '\(String(decoding: name, as: UTF8.self))' \(value.map { "\($0)" } ?? (isPresent ? "present" : "absent"))"
    }
}
