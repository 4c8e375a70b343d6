public import Bytes
public import CLinux
import Glibc

/// A file descriptor that is closed when its owner goes.
public struct Descriptor: ~Copyable {
    public let raw: Int32

    /// Takes over a descriptor that nobody else closes.
    public init(_ raw: Int32) { self.raw = raw }

    deinit {
        close(raw)
    }

    /// Gives the number away; nobody closes it but the new owner.
    public consuming func release() -> Int32 {
        let raw = raw
        discard self
        return raw
    }
}

/// What a read or a write of a non-blocking descriptor came to.
public enum IOResult: Equatable, Sendable {
    /// So many bytes, at least one.
    case bytes(Int)
    /// Nothing now; the poller says when.
    case wouldBlock
    /// The peer ended its direction (reads only).
    case endOfFile
    /// The value of `errno`.
    case failed(Int32)
}

/// A socket option by its numbers, as a configuration names one that has no field of its own.
public struct SocketOption: Hashable, Sendable {
    /// When an option is set.
    public enum State: Hashable, Sendable { case prebind, bound, listening }

    /// As in setsockopt(2).
    public var level: Int32
    /// As in setsockopt(2).
    public var name: Int32
    /// As the kernel takes it.
    public var value: [UInt8]
    public var state: State

    /// An option whose value is an integer.
    public init(level: Int32, name: Int32, value: Int32, state: State = .prebind) {
        self.init(level: level, name: name, value: withUnsafeBytes(of: value) { Array($0) }, state: state)
    }

    /// An option whose value is a structure or a text.
    public init(level: Int32, name: Int32, value: [UInt8], state: State = .prebind) {
        self.level = level
        self.name = name
        self.value = value
        self.state = state
    }
}

/// The system calls on sockets; all sockets are non-blocking and close-on-exec.
public enum Socket {
    private static let flags = Int32(SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
    private static let stream = Int32(SOCK_STREAM.rawValue)

    /// Options of a listening socket.
    public struct ListenOptions: Sendable {
        public var backlog: Int32 = 4096
        public var reusePort = false
        /// An IPv6 socket on `::` takes IPv4 too.
        public var dualStack = false
        public var freebind = false
        /// Addresses of other hosts can be bound and accepted for (needs CAP_NET_ADMIN).
        public var transparent = false
        /// Options beyond these, in the order in which they are set.
        public var options: [SocketOption] = []
        /// Mode of a unix socket's file; nil leaves what the umask gives.
        public var mode: UInt32?

        public init() {}
    }

    /// Binds and listens.
    public static func listen(_ address: SocketAddress, _ options: ListenOptions = .init()) throws(SystemError) -> Descriptor {
        let descriptor = try open(address)
        try set(descriptor.raw, SOL_SOCKET, SO_REUSEADDR, 1)
        if options.reusePort { try set(descriptor.raw, SOL_SOCKET, SO_REUSEPORT, 1) }
        if address.ip?.isIPv6 == true {
            try set(descriptor.raw, Int32(IPPROTO_IPV6), IPV6_V6ONLY, options.dualStack ? 0 : 1)
        }
        if options.freebind { try set(descriptor.raw, Int32(IPPROTO_IP), IP_FREEBIND, 1) }
        if options.transparent { try setTransparent(descriptor.raw, isIPv6: address.ip?.isIPv6 == true) }
        try set(descriptor.raw, options.options, at: .prebind)
        let bound = withSockaddr(address) { bind(descriptor.raw, $0, $1) }
        guard bound == 0 else { throw SystemError("bind") }
        if case .unix(let path) = address.kind, let mode = options.mode, !path.hasPrefix("@") {
            guard chmod(path, mode) == 0 else { throw SystemError("chmod") }
        }
        try set(descriptor.raw, options.options, at: .bound)
        guard Glibc.listen(descriptor.raw, options.backlog) == 0 else { throw SystemError("listen") }
        try set(descriptor.raw, options.options, at: .listening)
        return descriptor
    }

    /// Begins to connect; the descriptor becomes writable when it has succeeded or failed (see ``connectError(_:)``).
    public static func connect(to address: SocketAddress, from source: SocketAddress? = nil) throws(SystemError) -> Descriptor {
        let descriptor = try open(address)
        if case .ip = address.kind { setNoDelay(descriptor.raw) }
        if let source {
            let bound = withSockaddr(source) { bind(descriptor.raw, $0, $1) }
            guard bound == 0 else { throw SystemError("bind") }
        }
        let result = withSockaddr(address) { Glibc.connect(descriptor.raw, $0, $1) }
        guard result == 0 || errno == EINPROGRESS else { throw SystemError("connect") }
        return descriptor
    }

    /// The outcome of a connect: nil when it succeeded, else the value of `errno`.
    public static func connectError(_ descriptor: Int32) -> Int32? {
        var code: Int32 = 0
        var size = socklen_t(MemoryLayout<Int32>.size)
        guard getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &code, &size) == 0 else { return errno }
        return code == 0 ? nil : code
    }

    /// What accepting came to.
    public enum Accepted: ~Copyable {
        case connection(Descriptor, SocketAddress)
        case wouldBlock
        /// A connection that was gone before it was accepted, or a passing want of memory: try the next.
        case passing
        /// Out of descriptors (EMFILE, ENFILE): stop accepting for a while.
        case exhausted
        case failed(SystemError)
    }

    /// Accepts one connection.
    public static func accept(_ listener: Int32) -> Accepted {
        var storage = sockaddr_storage()
        var size = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let raw = withUnsafeMutablePointer(to: &storage) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { heddle_accept4(listener, $0, &size, flags) }
        }
        if raw >= 0 {
            return .connection(Descriptor(raw), address(from: storage, size: size))
        }
        switch errno {
        case EAGAIN: return .wouldBlock
        case EMFILE, ENFILE: return .exhausted
        case ECONNABORTED, EINTR, EPERM, ENOBUFS, ENOMEM, EPROTO, ENETDOWN, ENOPROTOOPT, EHOSTDOWN, ENONET, EHOSTUNREACH,
            ENETUNREACH:
            return .passing
        default: return .failed(SystemError("accept4"))
        }
    }

    /// Another number for the same socket.
    public static func duplicate(_ descriptor: Int32) throws(SystemError) -> Descriptor {
        let copy = fcntl(descriptor, F_DUPFD_CLOEXEC, 0)
        guard copy >= 0 else { throw SystemError("fcntl") }
        return Descriptor(copy)
    }

    /// Sends small writes at once (TCP_NODELAY): the proxy gathers its output itself.
    public static func setNoDelay(_ descriptor: Int32) {
        // A unix socket has no such option, and needs none.
        var one: Int32 = 1
        _ = setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &one, socklen_t(MemoryLayout<Int32>.size))
    }

    /// TCP keepalive (RFC 9293 section 3.8.4): probes, seconds of idleness before the first, seconds between two.
    public static func setKeepalive(_ descriptor: Int32, probes: Int32?, time: Int32?, interval: Int32?) throws(SystemError) {
        try set(descriptor, SOL_SOCKET, SO_KEEPALIVE, 1)
        let tcp = Int32(IPPROTO_TCP)
        if let probes { try set(descriptor, tcp, TCP_KEEPCNT, probes) }
        if let time { try set(descriptor, tcp, TCP_KEEPIDLE, time) }
        if let interval { try set(descriptor, tcp, TCP_KEEPINTVL, interval) }
    }

    /// The address of our end; nil when the socket is not bound or gone.
    public static func localAddress(_ descriptor: Int32) -> SocketAddress? {
        named(descriptor, getsockname)
    }

    /// The address of the other end; nil when the socket is not connected.
    public static func peerAddress(_ descriptor: Int32) -> SocketAddress? {
        named(descriptor, getpeername)
    }

    /// Where a connection was going before the kernel redirected it (SO_ORIGINAL_DST of netfilter).
    public static func originalDestination(_ descriptor: Int32) -> SocketAddress? {
        let isV6 = localAddress(descriptor)?.ip?.isIPv6 ?? false
        var storage = sockaddr_storage()
        var size = socklen_t(MemoryLayout<sockaddr_storage>.size)
        // SO_ORIGINAL_DST and IP6T_SO_ORIGINAL_DST are both 80 (linux/netfilter_ipv4.h, linux/netfilter_ipv6/ip6_tables.h).
        let level = Int32(isV6 ? IPPROTO_IPV6 : IPPROTO_IP)
        guard getsockopt(descriptor, level, 80, &storage, &size) == 0 else { return nil }
        return address(from: storage, size: size)
    }

    // MARK: Bytes

    /// Reads what has arrived, at most as much as fits.
    public static func receive(_ descriptor: Int32, into buffer: UnsafeMutableRawBufferPointer) -> IOResult {
        result(recv(descriptor, buffer.baseAddress, buffer.count, 0), endOfFile: buffer.count > 0)
    }

    /// Looks at bytes and leaves them in the socket.
    public static func peek(_ descriptor: Int32, into buffer: UnsafeMutableRawBufferPointer) -> IOResult {
        result(recv(descriptor, buffer.baseAddress, buffer.count, Int32(MSG_PEEK)), endOfFile: buffer.count > 0)
    }

    /// Writes as much as the socket takes.
    public static func send(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer) -> IOResult {
        result(Glibc.send(descriptor, bytes.baseAddress, bytes.count, Int32(MSG_NOSIGNAL)), endOfFile: false)
    }

    /// Writes the first `count` vectors in one call, as much of them as the socket takes.
    public static func send(_ descriptor: Int32, vectors: UnsafeMutableBufferPointer<iovec>, count: Int) -> IOResult {
        var message = msghdr()
        message.msg_iov = vectors.baseAddress
        message.msg_iovlen = count
        return result(sendmsg(descriptor, &message, Int32(MSG_NOSIGNAL)), endOfFile: false)
    }

    /// Ends our direction of a connection.
    public static func shutdownWrite(_ descriptor: Int32) {
        _ = shutdown(descriptor, Int32(SHUT_WR))
    }

    /// Ends a connection at once with RST and nothing before it, for a FIN would say that all was sent. The descriptor
    /// stays its owner's.
    public static func reset(_ descriptor: Int32) {
        var nowhere = sockaddr()
        nowhere.sa_family = sa_family_t(AF_UNSPEC)
        if Glibc.connect(descriptor, &nowhere, socklen_t(MemoryLayout<sockaddr>.size)) == 0 { return }
        // A unix socket knows no reset.
        _ = shutdown(descriptor, Int32(SHUT_RDWR))
    }

    private static func result(_ count: Int, endOfFile: Bool) -> IOResult {
        if count > 0 { return .bytes(count) }
        if count == 0 { return endOfFile ? .endOfFile : .wouldBlock }
        return errno == EAGAIN || errno == EINTR ? .wouldBlock : .failed(errno)
    }

    // MARK: Addresses

    /// Calls `body` with the kernel's form of `address`.
    public static func withSockaddr<Result>(
        _ address: SocketAddress, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result
    ) -> Result {
        var storage = sockaddr_storage()
        let size = withUnsafeMutableBytes(of: &storage) { fill($0, address) }
        return withUnsafePointer(to: &storage) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, size) }
        }
    }

    /// The longest path of a unix socket, in bytes.
    public static let maximumUnixPath = 107

    private static func fill(_ bytes: UnsafeMutableRawBufferPointer, _ address: SocketAddress) -> socklen_t {
        switch address.kind {
        case .ip(let ip, let port) where !ip.isIPv6:
            var v4 = sockaddr_in()
            v4.sin_family = sa_family_t(AF_INET)
            v4.sin_port = port.bigEndian
            v4.sin_addr.s_addr = UInt32(truncatingIfNeeded: ip.low).bigEndian
            bytes.storeBytes(of: v4, as: sockaddr_in.self)
            return socklen_t(MemoryLayout<sockaddr_in>.size)
        case .ip(let ip, let port):
            var v6 = sockaddr_in6()
            v6.sin6_family = sa_family_t(AF_INET6)
            v6.sin6_port = port.bigEndian
            withUnsafeMutableBytes(of: &v6.sin6_addr) {
                $0.storeBytes(of: ip.high.bigEndian, toByteOffset: 0, as: UInt64.self)
                $0.storeBytes(of: ip.low.bigEndian, toByteOffset: 8, as: UInt64.self)
            }
            bytes.storeBytes(of: v6, as: sockaddr_in6.self)
            return socklen_t(MemoryLayout<sockaddr_in6>.size)
        case .unix(let path):
            bytes.storeBytes(of: sa_family_t(AF_UNIX), as: sa_family_t.self)
            let name = Array(path.utf8.prefix(maximumUnixPath))
            let offset = MemoryLayout<sa_family_t>.size
            for (index, byte) in name.enumerated() { bytes[offset + index] = byte }
            if path.hasPrefix("@") {
                bytes[offset] = 0
                return socklen_t(offset + name.count)
            }
            return socklen_t(offset + name.count + 1)
        }
    }

    /// - Parameter size: how much of it the kernel has filled.
    private static func address(from storage: sockaddr_storage, size: socklen_t) -> SocketAddress {
        let family = Int32(storage.ss_family)
        return withUnsafeBytes(of: storage) { bytes in
            switch family {
            case AF_INET:
                let v4 = bytes.load(as: sockaddr_in.self)
                return SocketAddress(.init(v4: UInt32(bigEndian: v4.sin_addr.s_addr)), port: UInt16(bigEndian: v4.sin_port))
            case AF_INET6:
                var v6 = bytes.load(as: sockaddr_in6.self)
                let ip = withUnsafeBytes(of: &v6.sin6_addr) { SocketAddress.IP(networkBytes: $0) }
                return SocketAddress(ip, port: UInt16(bigEndian: v6.sin6_port))
            default:
                let name = bytes.prefix(Int(size)).dropFirst(MemoryLayout<sa_family_t>.size)
                // An abstract name begins with a zero and goes to the end of the address; a path ends with one.
                let path = name.first == 0 ? name.map { $0 == 0 ? UInt8(ascii: "@") : $0 } : Array(name.prefix { $0 != 0 })
                return SocketAddress(unixPath: String(decoding: path, as: UTF8.self))
            }
        }
    }

    private static func named(
        _ descriptor: Int32, _ call: (Int32, UnsafeMutablePointer<sockaddr>, UnsafeMutablePointer<socklen_t>) -> Int32
    ) -> SocketAddress? {
        var storage = sockaddr_storage()
        var size = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let status = withUnsafeMutablePointer(to: &storage) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { call(descriptor, $0, &size) }
        }
        return status == 0 ? address(from: storage, size: size) : nil
    }

    private static func open(_ address: SocketAddress) throws(SystemError) -> Descriptor {
        let family: Int32
        switch address.kind {
        case .ip(let ip, _): family = ip.isIPv6 ? AF_INET6 : AF_INET
        case .unix(let path):
            guard path.utf8.count <= maximumUnixPath else { throw SystemError("bind", code: ENAMETOOLONG) }
            family = AF_UNIX
        }
        let raw = socket(family, stream | flags, 0)
        guard raw >= 0 else { throw SystemError("socket") }
        return Descriptor(raw)
    }

    /// Sets those options that belong to a state of the socket.
    public static func set(_ descriptor: Int32, _ options: [SocketOption], at state: SocketOption.State) throws(SystemError) {
        for option in options where option.state == state {
            let status = option.value.withUnsafeBytes {
                setsockopt(descriptor, option.level, option.name, $0.baseAddress, socklen_t($0.count))
            }
            guard status == 0 else { throw SystemError("setsockopt") }
        }
    }

    private static func setTransparent(_ descriptor: Int32, isIPv6: Bool) throws(SystemError) {
        // 19 is IP_TRANSPARENT (linux/in.h), 75 IPV6_TRANSPARENT (linux/in6.h).
        try set(descriptor, Int32(isIPv6 ? IPPROTO_IPV6 : IPPROTO_IP), isIPv6 ? 75 : 19, 1)
    }

    /// Gives a socket that listens already what can still be given to it.
    public static func apply(_ options: ListenOptions, to descriptor: Int32, _ address: SocketAddress) throws(SystemError) {
        if options.transparent { try setTransparent(descriptor, isIPv6: address.ip?.isIPv6 == true) }
        for state in [SocketOption.State.prebind, .bound, .listening] { try set(descriptor, options.options, at: state) }
        try setBacklog(descriptor, options.backlog)
    }

    /// Gives a listening socket another bound on the clients that wait.
    public static func setBacklog(_ descriptor: Int32, _ backlog: Int32) throws(SystemError) {
        guard Glibc.listen(descriptor, backlog) == 0 else { throw SystemError("listen") }
    }

    /// Sets an integer socket option.
    public static func set(_ descriptor: Int32, _ level: Int32, _ option: Int32, _ value: Int32) throws(SystemError) {
        var value = value
        guard setsockopt(descriptor, level, option, &value, socklen_t(MemoryLayout<Int32>.size)) == 0 else {
            throw SystemError("setsockopt")
        }
    }
}
