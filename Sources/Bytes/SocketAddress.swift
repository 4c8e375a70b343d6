import Glibc

/// Where a socket is: an IPv4 or IPv6 address with a port, or the path of a unix socket.
public struct SocketAddress: Hashable, Sendable, CustomStringConvertible {
    /// An IPv4 or IPv6 address. IPv4 is kept as such, not mapped.
    public struct IP: Hashable, Sendable {
        /// Network byte order read as a big-endian number; for IPv4 the low 32 bits of `low`.
        public var high: UInt64
        public var low: UInt64
        public var isIPv6: Bool

        /// - Parameter v4: the address in host byte order: 127.0.0.1 is 0x7F000001.
        public init(v4: UInt32) {
            high = 0
            low = UInt64(v4)
            isIPv6 = false
        }

        /// An IPv6 address as its upper and lower half, in host byte order; mapped IPv4 stays as it is.
        public init(high: UInt64, low: UInt64) {
            self.high = high
            self.low = low
            isIPv6 = true
        }

        /// Parses a literal such as "10.0.0.1" or "fe80::1".
        public init?(_ text: String) {
            var v4 = in_addr()
            if inet_pton(AF_INET, text, &v4) == 1 {
                self.init(v4: UInt32(bigEndian: v4.s_addr))
                return
            }
            var v6 = in6_addr()
            guard inet_pton(AF_INET6, text, &v6) == 1 else { return nil }
            self = withUnsafeBytes(of: &v6) { IP(networkBytes: $0) }
        }

        /// From the 16 bytes of an IPv6 address; an IPv4-mapped one becomes IPv4.
        public init(networkBytes: UnsafeRawBufferPointer) {
            let high = UInt64(bigEndian: networkBytes.loadUnaligned(fromByteOffset: 0, as: UInt64.self))
            let low = UInt64(bigEndian: networkBytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
            if high == 0, low >> 32 == 0xFFFF {
                self.init(v4: UInt32(truncatingIfNeeded: low))
            } else {
                self.init(high: high, low: low)
            }
        }

        /// 127.0.0.0/8 or ::1.
        public var isLoopback: Bool { isIPv6 ? high == 0 && low == 1 : low >> 24 == 127 }

        /// Private and loopback ranges (RFC 1918, RFC 4193), which Envoy takes for internal.
        public var isInternal: Bool {
            if isLoopback { return true }
            if isIPv6 { return high >> 57 == 0xFC >> 1 }
            return low >> 24 == 10 || low >> 20 == 0xAC1 || low >> 16 == 0xC0A8
        }

        private func appendIPv4(to writer: inout ByteWriter) {
            writer.reserve(16)
            // Safety: four numbers of three digits and three dots need 15 of the 16 bytes.
            let start = writer.memory + writer.count
            var used = 0
            var shift: UInt64 = 32
            while shift > 0 {
                shift &-= 8
                let part = UInt32(truncatingIfNeeded: (low &>> shift) & 255)
                if part >= 100 {
                    start.storeBytes(of: UInt8(truncatingIfNeeded: part / 100) &+ 0x30, toByteOffset: used, as: UInt8.self)
                    used &+= 1
                }
                if part >= 10 {
                    start.storeBytes(of: UInt8(truncatingIfNeeded: part / 10 % 10) &+ 0x30, toByteOffset: used, as: UInt8.self)
                    used &+= 1
                }
                start.storeBytes(of: UInt8(truncatingIfNeeded: part % 10) &+ 0x30, toByteOffset: used, as: UInt8.self)
                used &+= 1
                if shift > 0 {
                    start.storeBytes(of: 0x2E, toByteOffset: used, as: UInt8.self)
                    used &+= 1
                }
            }
            writer.setCount(writer.count + used)
        }

        /// Appends the usual text form.
        public func append(to writer: inout ByteWriter) {
            if !isIPv6 {
                appendIPv4(to: &writer)
                return
            }
            var bytes = in6_addr()
            withUnsafeMutableBytes(of: &bytes) {
                $0.storeBytes(of: high.bigEndian, toByteOffset: 0, as: UInt64.self)
                $0.storeBytes(of: low.bigEndian, toByteOffset: 8, as: UInt64.self)
            }
            writer.appendInPlace(atLeast: Int(INET6_ADDRSTRLEN)) { space in
                guard inet_ntop(AF_INET6, &bytes, space.baseAddress, socklen_t(space.count)) != nil else { return 0 }
                return strnlen(space.baseAddress.unsafelyUnwrapped, space.count)
            }
        }
    }

    /// What tells one address from another.
    public enum Kind: Hashable, Sendable {
        case ip(IP, port: UInt16)
        /// A unix socket; a path that begins with "@" is in the abstract name space.
        case unix(String)
    }

    /// The family with what belongs to it.
    public let kind: Kind

    /// A TCP address.
    public init(_ ip: IP, port: UInt16) { kind = .ip(ip, port: port) }

    /// - Parameter unixPath: an absolute path, or "@name" in the abstract name space.
    public init(unixPath: String) { kind = .unix(unixPath) }

    /// An IP literal and a port; nil when `host` is no literal.
    public init?(host: String, port: UInt16) {
        guard let ip = IP(host) else { return nil }
        self.init(ip, port: port)
    }

    /// Parses "1.2.3.4:80" or "[::1]:80".
    public init?(_ text: String) {
        guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]) else { return nil }
        var host = text[..<colon]
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = host.dropFirst().dropLast()
        } else if host.contains(":") {
            return nil
        }
        self.init(host: String(host), port: port)
    }

    /// The IP address; nil for a unix socket.
    public var ip: IP? {
        if case .ip(let ip, _) = kind { return ip }
        return nil
    }

    /// The TCP port; nil for a unix socket.
    public var port: UInt16? {
        if case .ip(_, let port) = kind { return port }
        return nil
    }

    /// The path of a unix socket.
    public var unixPath: String? {
        if case .unix(let path) = kind { return path }
        return nil
    }

    /// The same address with another port; a unix path stays as it is.
    public func withPort(_ port: UInt16) -> SocketAddress {
        guard case .ip(let ip, _) = kind else { return self }
        return SocketAddress(ip, port: port)
    }

    /// Appends "1.2.3.4:80", "[::1]:80" or the path.
    public func append(to writer: inout ByteWriter) {
        switch kind {
        case .ip(let ip, let port):
            if ip.isIPv6 { writer.append(0x5B) }
            ip.append(to: &writer)
            if ip.isIPv6 { writer.append(0x5D) }
            writer.append(0x3A)
            writer.append(decimal: UInt64(port))
        case .unix(let path):
            writer.append(path)
        }
    }

    /// Appends the address without its port.
    public func appendHost(to writer: inout ByteWriter) {
        switch kind {
        case .ip(let ip, _): ip.append(to: &writer)
        case .unix(let path): writer.append(path)
        }
    }

    public var description: String {
        var writer = ByteWriter(capacity: 64)
        append(to: &writer)
        return writer.text
    }
}
