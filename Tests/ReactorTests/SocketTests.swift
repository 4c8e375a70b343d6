import Bytes
import Glibc
import Reactor
import Testing

struct SocketTests {
    /// What accepting came to, for a connection that is known to be there.
    private func accept(_ listener: Int32) -> (descriptor: Int32, peer: SocketAddress)? {
        guard wait(listener, POLLIN) else { return nil }
        switch Socket.accept(listener) {
        case .connection(let descriptor, let peer): return (descriptor.release(), peer)
        default: return nil
        }
    }

    private func wait(_ descriptor: Int32, _ events: Int32) -> Bool {
        var entry = pollfd(fd: descriptor, events: Int16(events), revents: 0)
        return poll(&entry, 1, 5_000) == 1
    }

    private func send(_ text: StaticString, _ descriptor: Int32) -> IOResult {
        Socket.send(descriptor, UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    private func receive(_ descriptor: Int32, peeking: Bool = false) -> (result: IOResult, text: String) {
        var bytes = [UInt8](repeating: 0, count: 64)
        let result = bytes.withUnsafeMutableBytes {
            peeking ? Socket.peek(descriptor, into: $0) : Socket.receive(descriptor, into: $0)
        }
        guard case .bytes(let count) = result else { return (result, "") }
        return (result, String(decoding: bytes[..<count], as: UTF8.self))
    }

    /// Connects, accepts, and sends a word each way.
    private func exchange(_ address: SocketAddress, _ options: Socket.ListenOptions = .init()) throws -> SocketAddress {
        let listener = try Socket.listen(address, options)
        // Only a port is chosen by the kernel; a unix socket is where it was asked to be.
        let target = address.port == nil ? address : try #require(Socket.localAddress(listener.raw))
        let client = try Socket.connect(to: target)
        #expect(wait(client.raw, POLLOUT))
        #expect(Socket.connectError(client.raw) == nil)
        let accepted = try #require(accept(listener.raw))
        let server = Descriptor(accepted.descriptor)
        #expect(send("ping", client.raw) == .bytes(4))
        #expect(wait(server.raw, POLLIN))
        #expect(receive(server.raw, peeking: true).text == "ping")
        #expect(receive(server.raw).text == "ping")
        #expect(receive(server.raw).result == .wouldBlock)
        #expect(send("pong!", server.raw) == .bytes(5))
        Socket.shutdownWrite(server.raw)
        #expect(wait(client.raw, POLLIN))
        #expect(receive(client.raw).text == "pong!")
        #expect(receive(client.raw).result == .endOfFile)
        return accepted.peer
    }

    @Test("TCP over IPv4 and IPv6", arguments: ["127.0.0.1:0", "[::1]:0"])
    func tcp(address: String) throws {
        let address = try #require(SocketAddress(address))
        let peer = try exchange(address)
        #expect(peer.ip == address.ip)
        #expect((peer.port ?? 0) > 0)
    }

    @Test("an IPv6 socket takes IPv4 only where it may, and says IPv4 then")
    func dualStack() throws {
        var options = Socket.ListenOptions()
        options.dualStack = true
        let both = try Socket.listen(try #require(SocketAddress("[::]:0")), options)
        let port = try #require(Socket.localAddress(both.raw)?.port)
        let target = try #require(SocketAddress(host: "127.0.0.1", port: port))
        let client = try Socket.connect(to: target)
        let accepted = try #require(accept(both.raw))
        let server = Descriptor(accepted.descriptor)
        #expect(accepted.peer.ip == SocketAddress.IP("127.0.0.1"))
        #expect(Socket.localAddress(server.raw) == target)
        #expect(Socket.peerAddress(client.raw) == target)

        // The port's other half is taken without listening: no other test is given it meanwhile.
        var only6 = try Socket.listen(try #require(SocketAddress("[::]:0")))
        var port6 = try #require(Socket.localAddress(only6.raw)?.port)
        let silent = Descriptor(socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0))
        while !bindLoopback(silent.raw, port6) {
            only6 = try Socket.listen(try #require(SocketAddress("[::]:0")))
            port6 = try #require(Socket.localAddress(only6.raw)?.port)
        }
        let refused = try Socket.connect(to: try #require(SocketAddress(host: "127.0.0.1", port: port6)))
        #expect(wait(refused.raw, POLLOUT))
        #expect(Socket.connectError(refused.raw) == ECONNREFUSED)
    }

    /// - Returns: whether the port was free.
    private func bindLoopback(_ descriptor: Int32, _ port: UInt16) -> Bool {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        return withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
    }

    @Test("a unix socket in a folder, with its mode")
    func unixPath() throws {
        var template = Array("/tmp/heddle-socket-XXXXXX".utf8CString)
        let folder = try #require(mkdtemp(&template).map { String(cString: $0) })
        let path = folder + "/s"
        defer {
            unlink(path)
            rmdir(folder)
        }
        var options = Socket.ListenOptions()
        options.mode = 0o600
        _ = try exchange(SocketAddress(unixPath: path), options)
        var status = stat()
        #expect(stat(path, &status) == 0)
        #expect(status.st_mode & 0o777 == 0o600)
    }

    @Test("a unix socket in the abstract name space")
    func abstract() throws {
        _ = try exchange(SocketAddress(unixPath: "@heddle-test-\(getpid())"))
    }

    @Test("a unix path at the limit is taken, one byte more is refused")
    func pathLength() throws {
        let name = "@" + String(repeating: "n", count: Socket.maximumUnixPath - 1)
        let listener = try Socket.listen(SocketAddress(unixPath: name))
        #expect(listener.raw >= 0)
        #expect(throws: SystemError("bind", code: ENAMETOOLONG)) {
            _ = try Socket.listen(SocketAddress(unixPath: name + "n"))
        }
    }

    @Test("a listener without a connection waiting says so; an address in use is refused")
    func nothingWaits() throws {
        let listener = try Socket.listen(try #require(SocketAddress("127.0.0.1:0")))
        var wouldBlock = false
        if case .wouldBlock = Socket.accept(listener.raw) { wouldBlock = true }
        #expect(wouldBlock)
        let address = try #require(Socket.localAddress(listener.raw))
        #expect(throws: SystemError("bind", code: EADDRINUSE)) { _ = try Socket.listen(address) }
    }

    @Test("a reset is seen by the peer as a failure")
    func reset() throws {
        let listener = try Socket.listen(try #require(SocketAddress("127.0.0.1:0")))
        let client = try Socket.connect(to: try #require(Socket.localAddress(listener.raw)))
        let accepted = try #require(accept(listener.raw))
        do {
            let server = Descriptor(accepted.descriptor)
            Socket.reset(server.raw)
            _ = consume server
        }
        #expect(wait(client.raw, POLLIN))
        #expect(receive(client.raw).result == .failed(ECONNRESET))
    }

    private func option(_ descriptor: Int32, _ level: Int32, _ name: Int32) -> Int32? {
        var value: Int32 = 0
        var size = socklen_t(MemoryLayout<Int32>.size)
        return getsockopt(descriptor, level, name, &value, &size) == 0 ? value : nil
    }

    @Test("options by number are set on the socket, each in its state")
    func optionsByNumber() throws {
        let loopback = try #require(SocketAddress(host: "127.0.0.1", port: 0))
        var options = Socket.ListenOptions()
        options.reusePort = true
        options.options = [
            SocketOption(level: SOL_SOCKET, name: SO_KEEPALIVE, value: 1, state: .prebind),
            SocketOption(level: Int32(IPPROTO_TCP), name: TCP_KEEPIDLE, value: 77, state: .bound),
            SocketOption(level: Int32(IPPROTO_TCP), name: TCP_DEFER_ACCEPT, value: 1, state: .listening),
            SocketOption(level: Int32(IPPROTO_TCP), name: TCP_CONGESTION, value: Array("reno".utf8), state: .listening),
        ]
        let listener = try Socket.listen(loopback, options)
        #expect(option(listener.raw, SOL_SOCKET, SO_REUSEPORT) == 1)
        #expect(option(listener.raw, SOL_SOCKET, SO_KEEPALIVE) == 1)
        #expect(option(listener.raw, Int32(IPPROTO_TCP), TCP_KEEPIDLE) == 77)
        #expect(option(listener.raw, Int32(IPPROTO_TCP), TCP_DEFER_ACCEPT) == 1)
        let address = try #require(Socket.localAddress(listener.raw))
        let second = try Socket.listen(address, options)
        #expect(Socket.localAddress(second.raw) == address)
        // Another listener without the option cannot have the port.
        #expect(throws: SystemError("bind", code: EADDRINUSE)) { _ = try Socket.listen(address) }
        options.options.append(SocketOption(level: SOL_SOCKET, name: 9999, value: 1, state: .listening))
        #expect(throws: SystemError("setsockopt", code: ENOPROTOOPT)) { _ = try Socket.listen(loopback, options) }
    }

    @Test("a transparent socket is one, or the kernel's refusal is told")
    func transparent() throws {
        let loopback = try #require(SocketAddress(host: "127.0.0.1", port: 0))
        var options = Socket.ListenOptions()
        options.transparent = true
        do {
            let listener = try Socket.listen(loopback, options)
            // 19 is IP_TRANSPARENT.
            #expect(option(listener.raw, Int32(IPPROTO_IP), 19) == 1)
        } catch {
            #expect(error.code == EPERM)
        }
    }

    @Test("a socket that listens already takes options and another backlog")
    func appliedLater() throws {
        let loopback = try #require(SocketAddress(host: "127.0.0.1", port: 0))
        let listener = try Socket.listen(loopback)
        var options = Socket.ListenOptions()
        options.backlog = 3
        options.options = [SocketOption(level: Int32(IPPROTO_TCP), name: TCP_KEEPIDLE, value: 55, state: .prebind)]
        try Socket.apply(options, to: listener.raw, loopback)
        #expect(option(listener.raw, Int32(IPPROTO_TCP), TCP_KEEPIDLE) == 55)
    }

    @Test("an abstract unix socket is known by its name with an @")
    func abstractName() throws {
        let address = SocketAddress(unixPath: "@heddle-name-\(getpid())")
        let listener = try Socket.listen(address)
        #expect(Socket.localAddress(listener.raw) == address)
        let client = try Socket.connect(to: address)
        #expect(Socket.peerAddress(client.raw) == address)
        // A client that has no name has none.
        #expect(Socket.localAddress(client.raw) == SocketAddress(unixPath: ""))
        let accepted = try #require(accept(listener.raw))
        close(accepted.descriptor)
        #expect(accepted.peer == SocketAddress(unixPath: ""))
    }
}
