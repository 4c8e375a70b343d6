package import Observability

/// What listener filters left about a connection: the fields of its PROXY header that rules ask for.
package struct ConnectionMetadata: Equatable, Sendable {
    /// Values as text, by namespace and key; what is no UTF-8 is replaced.
    package private(set) var filters: [String: [String: MetadataValue]] = [:]
    /// The same values as they came, by namespace: what Envoy keeps as an `envoy.data.core.v3.TlvsMetadata` each.
    package private(set) var fields: [String: [String: [UInt8]]] = [:]

    package init() {}

    /// Adds a value. Of several with one key Envoy keeps the first as text and the last as bytes.
    package mutating func set(_ namespace: String, _ key: String, _ value: UnsafeRawBufferPointer) {
        if filters[namespace]?[key] == nil { filters[namespace, default: [:]][key] = .string(Self.text(value)) }
        fields[namespace, default: [:]][key] = Array(value)
    }

    /// The bytes as text, with an exclamation mark for each that belongs to none.
    static func text(_ bytes: UnsafeRawBufferPointer) -> String {
        var text = String.UnicodeScalarView()
        var parser = Unicode.UTF8.ForwardParser()
        var rest = bytes.makeIterator()
        while true {
            switch parser.parseScalar(from: &rest) {
            case .valid(let scalar): text.append(Unicode.UTF8.decode(scalar))
            case .error(let length): for _ in 0..<length { text.append("!") }
            case .emptyInput: return String(text)
            }
        }
    }
}

/// `rules` of the PROXY header's filter: which fields of the header become metadata.
struct ProxyFieldRules {
    /// Where a rule that names no namespace puts its value.
    static let defaultNamespace = "envoy.filters.listener.proxy_protocol"

    private var targets: [UInt8: (namespace: String, key: String)] = [:]

    /// A later rule for a field takes the place of an earlier one.
    mutating func add(_ type: UInt8, namespace: String, key: String) {
        targets[type] = (namespace.isEmpty ? Self.defaultNamespace : namespace, key)
    }

    /// The metadata that a header comes to; nil when it has none of the fields.
    func metadata(_ fields: UnsafeRawBufferPointer) -> ConnectionMetadata? {
        guard !targets.isEmpty else { return nil }
        var metadata: ConnectionMetadata?
        ProxyProtocolHeader.forEachField(fields) { type, value in
            guard let target = targets[type] else { return }
            metadata = metadata ?? ConnectionMetadata()
            metadata?.set(target.namespace, target.key, value)
        }
        return metadata
    }
}
