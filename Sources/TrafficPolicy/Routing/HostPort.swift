import Bytes
public import HTTPModel

/// The port in a host header: `name:port`, `[v6]:port`.
public enum HostPort {
    /// Offset of the colon before the port; nil when there is none.
    public static func portStart(in host: UnsafeRawBufferPointer) -> Int? {
        var index = host.count
        while index > 0 {
            index -= 1
            if host[index] == UInt8(ascii: ":") { return index }
            // An IPv6 address is enclosed in brackets (RFC 3986 section 3.2.2): its colons are no port's.
            if host[index] == UInt8(ascii: "]") { return nil }
        }
        return nil
    }

    /// The host without its port.
    public static func withoutPort(_ host: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
        guard let colon = portStart(in: host) else { return host }
        return host.slice(0, colon)
    }

    /// Removes the port from `:authority` (`strip_any_host_port`, `strip_matching_host_port`). A CONNECT request keeps
    /// it: its port is where to connect to.
    /// - Parameter only: removes this port alone; nil removes any.
    public static func strip(_ head: inout HeaderBlock, only port: UInt16? = nil) {
        guard let host = head.get(.authority), let colon = portStart(in: host) else { return }
        if let method = head.get(.method), method.equals("CONNECT") { return }
        guard let number = host.slice(colon + 1, host.count).decimal else { return }
        if let port, number != UInt64(port) { return }
        head.set(.authority, host.slice(0, colon))
    }
}
