import Bytes
public import HTTPModel

/// Envoy's HeaderMatcher (`config.route.v3`), compiled. A class, because a route keeps many of them and looks at each without copying it.
///
/// Of a repeated name one value that matches is enough (and with `invert_match` one is enough to fail), except for names
/// that Envoy keeps as a single field: their values are looked at as one, joined with a comma. Seen in Envoy 1.40 for
/// each name of ``KnownHeader``.
public final class HeaderMatcher: Sendable {
    /// What is asked of the value.
    public enum Condition: Sendable {
        /// The name must be there, or must not.
        case present(Bool)
        case string(StringMatcher)
        /// A decimal integer from `start` up to but not including `end`.
        case range(start: Int64, end: Int64)
    }

    private enum Kind {
        case present(Bool)
        case string
        case range(start: Int64, end: Int64)
    }

    /// Lower-case; `host` means `:authority`, as in Envoy.
    public let name: [UInt8]
    private let known: KnownHeader?
    private let joinsValues: Bool
    private let kind: Kind
    private let string: StringMatcher?
    private let inverts: Bool
    private let treatsMissingAsEmpty: Bool

    /// - Parameters:
    ///   - inverts: the answer is turned round (`invert_match`); a missing header still matches no string or range.
    ///   - treatsMissingAsEmpty: a missing header is looked at as one with an empty value.
    public init(
        name: String, _ condition: Condition, inverts: Bool = false, treatsMissingAsEmpty: Bool = false
    ) throws(PolicyError) {
        if case .range(let start, let end) = condition, end < start { throw .emptyRange(start: start, end: end) }
        let lower = name.lowercased()
        self.name = Array((lower == "host" ? ":authority" : lower).utf8)
        known = self.name.withUnsafeBytes { KnownHeader.lookup($0) }
        joinsValues = known.map { !Self.keptApart.contains($0) } ?? false
        switch condition {
        case .present(let wanted): (kind, string) = (.present(wanted), nil)
        case .string(let matcher): (kind, string) = (.string, matcher)
        case .range(let start, let end): (kind, string) = (.range(start: start, end: end), nil)
        }
        self.inverts = inverts
        self.treatsMissingAsEmpty = treatsMissingAsEmpty
    }

    /// Whether the head matches. No allocation unless a repeated header joins to more than 1 KiB.
    public func matches(_ head: borrowing HeaderBlock) -> Bool {
        guard let first = firstIndex(head, from: 0) else { return matchesMissing }
        if case .present(let wanted) = kind { return wanted != inverts }
        guard let second = firstIndex(head, from: first + 1) else { return holds(head.value(at: first)) != inverts }
        if joinsValues { return joinedHolds(head, first, second) != inverts }
        var next: Int? = first
        while let index = next {
            if holds(head.value(at: index)) { return !inverts }
            next = firstIndex(head, from: index + 1)
        }
        return inverts
    }

    /// The known names whose values Envoy does not join.
    private static let keptApart: Set<KnownHeader> = [
        .acceptLanguage, .cookie, .date, .etag, .grpcEncoding, .grpcMessage, .grpcStatus, .http2Settings, .lastModified,
        .location, .retryAfter, .server, .setCookie, .traceparent, .tracestate, .trailer, .xEnvoyOverloaded,
        .xEnvoyUpstreamServiceTime, .xHeddleExplain,
    ]

    private var matchesMissing: Bool {
        if case .present(let wanted) = kind { return (treatsMissingAsEmpty == wanted) != inverts }
        return treatsMissingAsEmpty && holds(.empty) != inverts
    }

    private func firstIndex(_ head: borrowing HeaderBlock, from start: Int) -> Int? {
        if let known { return head.firstIndex(of: known, from: start) }
        return name.withUnsafeBytes { head.firstIndex(of: $0, from: start) }
    }

    private func holds(_ value: UnsafeRawBufferPointer) -> Bool {
        switch kind {
        case .present: return true
        case .string: return string?.matches(value) ?? false
        case .range(let start, let end):
            guard let number = Self.integer(value) else { return false }
            return number >= start && number < end
        }
    }

    private func joinedHolds(_ head: borrowing HeaderBlock, _ first: Int, _ second: Int) -> Bool {
        var size = head.value(at: first).count
        var next: Int? = second
        while let index = next {
            size += 1 + head.value(at: index).count
            next = firstIndex(head, from: index + 1)
        }
        return withUnsafeTemporaryAllocation(byteCount: size, alignment: 1) { joined in
            var end = 0
            var next: Int? = first
            while let index = next {
                if index != first {
                    joined[end] = UInt8(ascii: ",")
                    end += 1
                }
                let value = head.value(at: index)
                UnsafeMutableRawBufferPointer(rebasing: joined[end...]).copyMemory(from: value)
                end += value.count
                next = firstIndex(head, from: index + 1)
            }
            return holds(UnsafeRawBufferPointer(joined))
        }
    }

    /// A decimal integer with an optional sign, the whole of `text`.
    static func integer(_ text: UnsafeRawBufferPointer) -> Int64? {
        guard let first = text.first else { return nil }
        let negative = first == UInt8(ascii: "-")
        let signed = negative || first == UInt8(ascii: "+")
        guard let magnitude = text.slice(signed ? 1 : 0, text.count).decimal else { return nil }
        if negative { return magnitude <= UInt64(Int64.max) ? -Int64(magnitude) : nil }
        return Int64(exactly: magnitude)
    }
}

extension HeaderMatcher: CustomStringConvertible {
    public var description: String {
        let what =
            switch kind {
            case .present(let wanted): wanted ? "present" : "absent"
            case .string: string.map { "\($0)" } ?? ""
            case .range(let start, let end): "in [\(start), \(end))"
            }
        return "header '\(String(decoding: name, as: UTF8.self))' \(inverts ? "not " : "")\(what)"
    }
}
