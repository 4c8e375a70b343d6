import CLinux
import Glibc

/// A service that is not of the shop, for the comparison: where it is, and what is asked of it.
package struct OwnService: Sendable, Equatable {
    /// Its address in numbers, which is what the configurations have.
    package let host: String
    package let port: Int
    package let path: String
    /// Host and port as they were written, which is the Host that is asked for.
    package let authority: String

    /// Reads `http://host:port/path`; a name is looked up. Nil for anything else and for a name that nobody knows.
    package init?(url: String) {
        let scheme = "http://"
        guard url.hasPrefix(scheme) else { return nil }
        let rest = url.dropFirst(scheme.count)
        let place = rest.prefix { $0 != "/" }
        let parts = place.split(separator: ":", omittingEmptySubsequences: false)
        guard let name = parts.first, !name.isEmpty, parts.count <= 2 else { return nil }
        let port = parts.count == 2 ? Int(parts[1]) : 80
        guard let port, (1...65_535).contains(port), let host = Self.address(of: String(name)) else { return nil }
        self.host = host
        self.port = port
        authority = String(place)
        path = rest.count == place.count ? "/" : String(rest.dropFirst(place.count))
    }

    /// The first IPv4 address of a name.
    private static func address(of name: String) -> String? {
        var hints = addrinfo()
        hints.ai_family = AF_INET
        var list: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(name, nil, &hints, &list) == 0, let first = list else { return nil }
        defer { freeaddrinfo(list) }
        var text = [CChar](repeating: 0, count: Int(NI_MAXHOST))
        let length = socklen_t(text.count)
        guard getnameinfo(first.pointee.ai_addr, first.pointee.ai_addrlen, &text, length, nil, 0, NI_NUMERICHOST) == 0 else { return nil }
        return text.withUnsafeBufferPointer { $0.baseAddress.map { String(cString: $0) } }
    }
}
