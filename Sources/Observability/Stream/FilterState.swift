/// What filters left for each other on one stream by name (`filter_state`), with the type that the name was given.
public final class FilterState {
    /// Names that one stream may have: scripts write them.
    public static let maximumEntries = 256
    /// Bytes of all names and texts together.
    public static let maximumBytes = 1 << 20

    /// One object.
    public enum Value: Equatable, Sendable {
        case string([UInt8])
        case integer(Int64)
    }

    private var values: [String: (value: Value, type: String)] = [:]
    private var bytes = 0

    public init() {}

    /// The object of a name, nil when there is none.
    public subscript(name: String) -> Value? { values[name]?.value }

    /// The type of a name's object; empty when there is none.
    public func type(_ name: String) -> String { values[name]?.type ?? "" }

    /// The object of a name as text, if it has this type. What acts on an object asks for its type, as in Envoy.
    public func text(_ name: String, of type: String) -> String? {
        guard let found = values[name], found.type == type, case .string(let bytes) = found.value else { return nil }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Puts an object under a name.
    /// - Parameter type: the factory that made it; empty where nobody asks.
    /// - Returns: false when there is no room for another name, or for so much.
    public func set(_ name: String, _ value: Value, type: String = "") -> Bool {
        let old = values[name]
        guard old != nil || values.count < Self.maximumEntries else { return false }
        let more = Self.size(value) - (old.map { Self.size($0.value) } ?? -name.utf8.count)
        guard bytes + more <= Self.maximumBytes else { return false }
        bytes += more
        values[name] = (value, type)
        return true
    }

    private static func size(_ value: Value) -> Int {
        switch value {
        case .string(let bytes): bytes.count
        case .integer: 0
        }
    }
}
