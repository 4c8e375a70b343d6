/// One rule for the alternative names of a peer's certificate (Envoy's `match_typed_subject_alt_names`).
package struct PeerNameMatcher: Sendable {
    /// Which of the names the rule is for; the others do not count, whatever they say.
    package enum Kind: Sendable, Hashable {
        case dns
        case uri
        case email
        /// Addresses in their text form, which has no port and no brackets.
        case ipAddress
    }

    /// The names that the rule is for.
    package let kind: Kind
    /// What the rule asks for, for people; equal texts of one kind mean equal rules.
    package let rule: String
    private let admits: @Sendable (String) -> Bool

    /// A rule that decides by itself.
    /// - Parameter rule: says all of what `admits` decides by.
    package init(_ kind: Kind, rule: String, admits: @escaping @Sendable (String) -> Bool) {
        self.kind = kind
        self.rule = rule
        self.admits = admits
    }

    /// A host name that a DNS name of the certificate must stand for, be it with a wildcard.
    package static func host(_ name: String) -> PeerNameMatcher {
        PeerNameMatcher(.dns, rule: "for host '\(name)'") { DNSNamePattern($0).matches(name) }
    }

    /// Whether one of the names of the rule's kind is as it asks.
    func admits(_ names: AlternativeNames) -> Bool {
        switch kind {
        case .dns: names.dns.contains(where: admits)
        case .uri: names.uris.contains(where: admits)
        case .email: names.emails.contains(where: admits)
        case .ipAddress: names.ipAddresses.contains(where: admits)
        }
    }
}

extension PeerNameMatcher: Hashable {
    package static func == (left: PeerNameMatcher, right: PeerNameMatcher) -> Bool {
        left.kind == right.kind && left.rule == right.rule
    }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(kind)
        hasher.combine(rule)
    }
}

extension PeerNameMatcher: CustomStringConvertible {
    package var description: String { "\(kind) \(rule)" }
}

/// A DNS name of a certificate. Its first label may have one `*`, which stands for any characters of that label, unless
/// the label is an encoded one (`xn--`) or the only one; Envoy's rule, which also takes `w*.test`.
///
/// It works on bytes: by the rules of Unicode more letters than ASCII's would be the same.
struct DNSNamePattern {
    private static let star = UInt8(ascii: "*")
    private let text: [UInt8]

    init(_ text: String) { self.text = Self.lowered(text) }

    /// Whether a host name, in either case, is one of those that the pattern stands for.
    func matches(_ host: String) -> Bool {
        let host = Self.lowered(host)
        if host == text { return true }
        guard let (pattern, parent) = Self.cut(text), let (label, hostParent) = Self.cut(host), parent == hostParent,
            !parent.contains(Self.star), !pattern.starts(with: "xn--".utf8), let place = pattern.firstIndex(of: Self.star)
        else { return false }
        let (head, tail) = (pattern[..<place], pattern[(place + 1)...])
        return !tail.contains(Self.star) && label.count >= head.count + tail.count && label.starts(with: head)
            && label.suffix(tail.count).elementsEqual(tail)
    }

    /// The first label and what follows its dot.
    private static func cut(_ name: [UInt8]) -> (ArraySlice<UInt8>, ArraySlice<UInt8>)? {
        name.firstIndex(of: UInt8(ascii: ".")).map { (name[..<$0], name[($0 + 1)...]) }
    }

    private static func lowered(_ text: String) -> [UInt8] {
        text.utf8.map { (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) ? $0 | 0x20 : $0 }
    }
}
