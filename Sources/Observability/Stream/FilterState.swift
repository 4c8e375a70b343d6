/// What filters left for each other on one stream by name (`filter_state`), with the type that the name was given.
public final class FilterState {
    /// Names that one stream may have: scripts write them.
    public static let maximumEntries = 256

    /// One object.
    public enum Value: Equatable, Sendable {
        case string([UInt8])
        case integer(Int64)
    }

    private var values: [String: Value] = [:]

    public init() {}

    /// The object of a name, nil when there is none.
    public subscript(name: String) -> Value? { values[name] }

    /// Puts an object under a name.
    /// - Returns: false when there is no room for another name.
    public func set(_ name: String, _ value: Value) -> Bool {
        guard values[name] != nil || values.count < Self.maximumEntries else { return false }
        values[name] = value
        return true
    }
}
