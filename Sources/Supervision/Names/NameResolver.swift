import Bytes
import CAres
import CLinux
import Glibc
import Reactor

/// One address that a name has.
struct ResolvedAddress: Equatable, Sendable {
    var ip: SocketAddress.IP
    /// Seconds; 0 when unknown, as from a hosts file.
    var ttl: Int
}

/// Why a name has no address.
struct NameFailure: Error, Equatable, CustomStringConvertible {
    let code: Int32
    /// The server answered that there is none; otherwise nobody could be asked.
    var isAnswer: Bool { code == ARES_ENOTFOUND || code == ARES_ENODATA }
    var description: String { String(cString: ares_strerror(code)) }
}

/// Asks for names with c-ares on the process's loop.
@WorkerActor final class NameResolver: EventHandler {
    typealias Completion = @WorkerActor (Result<[ResolvedAddress], NameFailure>) -> Void

    /// How c-ares asks; its own defaults where nil.
    struct Settings: Equatable, Sendable {
        /// `host:port`, in order; empty for those of the system.
        var servers: [String] = []
        /// The servers serve only where the system names none.
        var serversAreFallback = false
        var usesTCP = false
        var noSearchDomain = false
        var timeoutSeconds: UInt64?
        var tries: UInt32?
    }

    private final class Question {
        let completion: Completion

        init(_ completion: @escaping Completion) { self.completion = completion }
    }

    private let loop: EventLoop
    // Safety: made in `init`, used on the loop only, destroyed in `deinit`.
    nonisolated(unsafe) private var channel: ares_channel?
    private var watched: Set<Int32> = []
    private var timer: LoopTimer?

    init(loop: EventLoop, settings: Settings = Settings()) throws(NameFailure) {
        self.loop = loop
        let library = ares_library_init(ARES_LIB_INIT_ALL)
        guard library == 0 else { throw NameFailure(code: library) }
        var options = ares_options()
        var mask = Int32(ARES_OPT_SOCK_STATE_CB)
        options.sock_state_cb = { context, socket, readable, writable in
            // Safety: the context is the resolver, which destroys the channel before it goes.
            let resolver = Unmanaged<NameResolver>.fromOpaque(context.unsafelyUnwrapped).takeUnretainedValue()
            WorkerActor.enter { resolver.socketChanged(socket, readable != 0, writable != 0) }
        }
        options.sock_state_cb_data = Unmanaged.passUnretained(self).toOpaque()
        var flags: Int32 = 0
        if settings.usesTCP { flags |= Int32(ARES_FLAG_USEVC) }
        if settings.noSearchDomain { flags |= Int32(ARES_FLAG_NOSEARCH) }
        if flags != 0 {
            options.flags = flags
            mask |= Int32(ARES_OPT_FLAGS)
        }
        if let seconds = settings.timeoutSeconds {
            options.timeout = Int32(clamping: seconds * 1000)
            mask |= Int32(ARES_OPT_TIMEOUTMS)
        }
        if let tries = settings.tries {
            options.tries = Int32(clamping: tries)
            mask |= Int32(ARES_OPT_TRIES)
        }
        let status = ares_init_options(&channel, &options, mask)
        guard status == 0 else { throw NameFailure(code: status) }
        if !settings.servers.isEmpty, !settings.serversAreFallback || !systemNamesServers {
            let set = ares_set_servers_ports_csv(channel, settings.servers.joined(separator: ","))
            guard set == 0 else { throw NameFailure(code: set) }
        }
        timer = LoopTimer(loop: loop) { [unowned self] in self.process(-1, -1) }
    }

    /// Whether the system says whom to ask (`/etc/resolv.conf`); c-ares takes 127.0.0.1 where it does not.
    private var systemNamesServers: Bool { servers != ["127.0.0.1"] }

    /// The addresses of the servers that are asked.
    var servers: [String] {
        var first: UnsafeMutablePointer<ares_addr_port_node>?
        guard let channel, ares_get_servers_ports(channel, &first) == 0 else { return [] }
        defer { ares_free_data(first) }
        var result: [String] = []
        var next = first
        while let node = next {
            var text = [CChar](repeating: 0, count: 64)
            // Safety: the union begins with the address, which is as long as its family says.
            withUnsafeBytes(of: node.pointee.addr) { _ = inet_ntop(node.pointee.family, $0.baseAddress, &text, socklen_t(text.count)) }
            result.append(String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self))
            next = node.pointee.next
        }
        return result
    }

    deinit {
        if let channel { ares_destroy(channel) }
    }

    /// Asks for the addresses of a family (AF_INET, AF_INET6, AF_UNSPEC). The completion is called once, maybe at once.
    func resolve(_ name: String, family: Int32, _ completion: @escaping Completion) {
        var hints = ares_addrinfo_hints()
        hints.ai_family = family
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        // The load balancer chooses, and sorting would open sockets.
        hints.ai_flags = Int32(ARES_AI_NOSORT)
        let question = Unmanaged.passRetained(Question(completion)).toOpaque()
        ares_getaddrinfo(
            channel, name, nil, &hints,
            { context, status, _, result in
                // Safety: retained above; c-ares calls back exactly once.
                let question = Unmanaged<Question>.fromOpaque(context.unsafelyUnwrapped).takeRetainedValue()
                let addresses = NameResolver.addresses(result)
                if let result { ares_freeaddrinfo(result) }
                // A resolver that goes away answers nobody.
                guard status != ARES_EDESTRUCTION else { return }
                WorkerActor.enter {
                    question.completion(status == 0 ? .success(addresses) : .failure(NameFailure(code: status)))
                }
            }, question)
        arm()
    }

    func ready(_ readiness: Readiness) {
        // Which of the sockets it was does not matter: c-ares looks at those that are named, and each is non-blocking.
        for socket in watched { process(socket, socket) }
    }

    private func process(_ readable: Int32, _ writable: Int32) {
        // An answer may make that nobody needs this resolver any more.
        withExtendedLifetime(self) {
            ares_process_fd(channel, readable, writable)
            arm()
        }
    }

    private func arm() {
        var longest = timeval(tv_sec: 3600, tv_usec: 0)
        var time = timeval()
        guard let next = ares_timeout(channel, &longest, &time) else { return }
        let microseconds = UInt64(max(0, next.pointee.tv_sec)) * 1_000_000 + UInt64(max(0, next.pointee.tv_usec))
        timer?.schedule(after: microseconds * 1000 + 1_000_000)
    }

    private func socketChanged(_ socket: Int32, _ readable: Bool, _ writable: Bool) {
        if watched.remove(socket) != nil { loop.unwatch(socket) }
        guard readable || writable else { return }
        var interest: Readiness = []
        if readable { interest.insert(.readable) }
        if writable { interest.insert(.writable) }
        do throws(SystemError) {
            try loop.watch(socket, interest, self)
            watched.insert(socket)
        } catch {
            // The question runs into its timeout and fails.
        }
    }

    private nonisolated static func addresses(_ result: UnsafeMutablePointer<ares_addrinfo>?) -> [ResolvedAddress] {
        var addresses: [ResolvedAddress] = []
        var node = result?.pointee.nodes
        while let current = node {
            let ttl = Int(current.pointee.ai_ttl)
            if let address = current.pointee.ai_addr {
                let raw = UnsafeRawPointer(address)
                switch Int32(address.pointee.sa_family) {
                case AF_INET:
                    let v4 = raw.loadUnaligned(as: sockaddr_in.self)
                    addresses.append(ResolvedAddress(ip: .init(v4: UInt32(bigEndian: v4.sin_addr.s_addr)), ttl: ttl))
                case AF_INET6:
                    var v6 = raw.loadUnaligned(as: sockaddr_in6.self)
                    let ip = withUnsafeBytes(of: &v6.sin6_addr) { SocketAddress.IP(networkBytes: $0) }
                    addresses.append(ResolvedAddress(ip: ip, ttl: ttl))
                default: break
                }
            }
            node = current.pointee.ai_next
        }
        return addresses
    }
}
