package import Bytes

/// Where a socket is bound or connected: an IP address with a port, or the path of a unix socket.
///
/// Copying one costs a retain at most, and none for IP.
package struct SocketAddress: Hashable, Sendable {
    /// What kind of socket the address belongs to.
    package enum Family: UInt8, Sendable {
        case ipv4, ipv6, unix
    }

    package let family: Family
    /// 0 for unix sockets.
    package let port: UInt16
    /// Scope of a link-local IPv6 address, 0 without.
    package let scope: UInt32
    private let high: UInt64
    private let low: UInt64
    private let unixPath: UnixPath?

    package init(_ ip: IPAddress, port: UInt16, scope: UInt32 = 0) {
        family = ip.isIPv6 ? .ipv6 : .ipv4
        high = ip.high
        low = ip.low
        self.port = port
        self.scope = scope
        unixPath = nil
    }

    /// - Parameter unixPath: a path in the file system, or an abstract name with a leading `@`; empty for an unnamed peer.
    package init(unixPath: String) {
        family = .unix
        high = 0
        low = 0
        port = 0
        scope = 0
        self.unixPath = UnixPath(unixPath)
    }

    /// Reads `1.2.3.4:80`, `[::1]:80` or, with a leading `/` or `@`, a unix path; nil for anything else.
    package init?(_ text: String) {
        if text.hasPrefix("/") || text.hasPrefix("@") {
            self.init(unixPath: text)
            return
        }
        var copy = text
        guard let parsed = copy.withUTF8({ SocketAddress(parsing: UnsafeRawBufferPointer($0)) }) else { return nil }
        self = parsed
    }

    /// Reads `1.2.3.4:80` or `[::1]:80`.
    package init?(parsing text: UnsafeRawBufferPointer) {
        guard let colon = text.lastIndex(of: 0x3A), colon > 0 else { return nil }
        guard let port = text.slice(colon + 1, text.count).decimal, port <= 65_535 else { return nil }
        var host = text.slice(0, colon)
        let isBracketed = host[0] == 0x5B
        if isBracketed {
            guard host.count > 2, host[host.count - 1] == 0x5D else { return nil }
            host = host.slice(1, host.count - 1)
        }
        guard let ip = IPAddress(host), ip.isIPv6 == isBracketed else { return nil }
        self.init(ip, port: UInt16(port))
    }

    /// The IP address; nil for a unix socket.
    package var ip: IPAddress? {
        switch family {
        case .ipv4: IPAddress(v4: UInt32(truncatingIfNeeded: low))
        case .ipv6: IPAddress(v6High: high, low: low)
        case .unix: nil
        }
    }

    /// The path of a unix socket, nil for IP.
    package var path: String? { unixPath?.text }

    /// The same address with another port.
    package func withPort(_ port: UInt16) -> SocketAddress {
        guard let ip else { return self }
        return SocketAddress(ip, port: port, scope: scope)
    }

    /// Appends `1.2.3.4:80`, `[::1]:80` or the path.
    package func append(to writer: inout ByteWriter) {
        guard let ip else {
            writer.append(unixPath?.text ?? "")
            return
        }
        if ip.isIPv6 { writer.append(0x5B) }
        ip.append(to: &writer)
        if ip.isIPv6 { writer.append(0x5D) }
        writer.append(0x3A)
        writer.append(decimal: port)
    }

    /// Appends the address alone: no port and no brackets.
    package func appendWithoutPort(to writer: inout ByteWriter) {
        guard let ip else {
            writer.append(unixPath?.text ?? "")
            return
        }
        ip.append(to: &writer)
    }

    /// The text of ``append(to:)``; for callers off the hot path.
    package var text: String {
        var writer = ByteWriter(capacity: 64)
        append(to: &writer)
        return writer.text
    }
}

/// A path in a box, so that IP addresses, which are the rule, stay small.
private final class UnixPath: Hashable, Sendable {
    let text: String

    init(_ text: String) { self.text = text }

    static func == (left: UnixPath, right: UnixPath) -> Bool { left.text == right.text }

    func hash(into hasher: inout Hasher) { hasher.combine(text) }
}
