/// The protocol that a message came in or goes out by.
public enum HTTPVersion: UInt8, Sendable {
    case http10, http11, http2

    /// As access logs print it (`%PROTOCOL%`).
    public var name: StaticString {
        switch self {
        case .http10: "HTTP/1.0"
        case .http11: "HTTP/1.1"
        case .http2: "HTTP/2"
        }
    }
}
