/// A value of `google.protobuf.Struct`, as dynamic metadata and JSON formats hold it.
public indirect enum MetadataValue: Hashable, Sendable {
    case null
    case bool(Bool)
    case number(Double)
    case string(String)
    /// Text that is not UTF-8, as a script may leave it.
    case bytes([UInt8])
    case list([MetadataValue])
    case object([String: MetadataValue])

    /// The value at `path` below this one; nil when a step is missing or goes into what is no object.
    public subscript(path path: some Sequence<String>) -> MetadataValue? {
        var current = self
        for step in path {
            guard case .object(let fields) = current, let next = fields[step] else { return nil }
            current = next
        }
        return current
    }
}

/// What filters left for each other and for the log, by filter name (`%DYNAMIC_METADATA%`). Made when the first filter
/// writes, so that other streams pay nothing.
public final class DynamicMetadata {
    /// Filter name to its object.
    public private(set) var filters: [String: [String: MetadataValue]] = [:]

    public init() {}

    /// Sets one key of a filter's object.
    public func set(filter: String, key: String, _ value: MetadataValue) {
        filters[filter, default: [:]][key] = value
    }

    /// Merges `values` into a filter's object; keys that are there are replaced.
    public func merge(filter: String, _ values: [String: MetadataValue]) {
        filters[filter, default: [:]].merge(values) { _, new in new }
    }

    /// The value at `path` in a filter's object; the whole object for an empty path.
    public func value(filter: String, path: [String]) -> MetadataValue? {
        guard let fields = filters[filter] else { return nil }
        return MetadataValue.object(fields)[path: path]
    }

    /// Forgets all filters' objects, for the next stream.
    public func removeAll() {
        filters.removeAll(keepingCapacity: true)
    }
}
