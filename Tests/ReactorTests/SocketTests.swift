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
            Socket.resetOnClose(server.raw)
            _ = consume server
        }
        #expect(wait(client.raw, POLLIN))
        #expect(receive(client.raw).result == .failed(ECONNRESET))
    }
}
