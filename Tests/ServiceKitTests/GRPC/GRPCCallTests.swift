import Bytes
import Glibc
import Reactor
import SecureTransport
import ServiceKit
import Synchronization
import TestKit
import Testing

/// A clock that stands still until a test moves it.
final class HandClock: LoopClock {
    private let nanoseconds = Atomic<UInt64>(1_000_000_000)

    func monotonic() -> UInt64 { nanoseconds.load(ordering: .relaxed) }
    func wall() -> UInt64 { monotonic() }
    func advance(_ amount: UInt64) { nanoseconds.add(amount, ordering: .relaxed) }
}

/// Keeps what a call tells.
@WorkerActor final class RecordingCallOwner: GRPCCallOwner {
    private(set) var opened = 0
    private(set) var messages: [[UInt8]] = []
    private(set) var ends: [GRPCEnd] = []
    /// Pauses the call after so many messages.
    var pauseAfter = Int.max

    func callOpened(_ call: GRPCCall) { opened += 1 }

    func call(_ call: GRPCCall, received message: [UInt8]) {
        messages.append(message)
        if messages.count >= pauseAfter { call.pause() }
    }

    func call(_ call: GRPCCall, ended end: GRPCEnd) { ends.append(end) }
}

/// A call and its server on a loop of their own, turned by the test.
@WorkerActor struct CallHarness {
    let clock = HandClock()
    let loop: EventLoop
    let server: GRPCTestServer
    let owner = RecordingCallOwner()
    let call: GRPCCall

    init(
        unix: String? = nil, serverTLS: TLSContextConfig? = nil, clientTLS: TLSContextConfig? = nil,
        _ change: (inout GRPCTarget) -> Void = { _ in }
    ) throws {
        loop = EventLoop(poller: try EpollPoller(), clock: clock)
        loop.adopt()
        let address =
            unix.map { SocketAddress(unixPath: $0) } ?? SocketAddress("127.0.0.1:0") ?? SocketAddress(unixPath: "")
        server = try GRPCTestServer(loop: loop, address: address, tls: serverTLS)
        var target = GRPCTarget(address: server.address, authority: "control-plane", path: "/service/Method")
        target.tls = clientTLS
        change(&target)
        call = GRPCCall(loop: loop, target: target, owner: owner)
    }

    /// Turns the loop until it holds, or so long that it never will.
    func until(_ condition: () -> Bool) {
        for _ in 0..<5_000 where !condition() { loop.turn(maximumWait: 1_000_000) }
        #expect(condition())
    }

    /// Lets what is under way arrive.
    func settle() { for _ in 0..<50 { loop.turn(maximumWait: 200_000) } }
}

@Suite("gRPC calls")
struct GRPCCallTests {
    /// Runs a test's body on the thread of the process's loop; the body turns a loop of its own, whose time it moves.
    private func onLoop(_ body: @escaping @WorkerActor @Sendable () throws -> Void) async throws {
        _ = RunningLoop.started
        try await Self.run(body)
    }

    @WorkerActor private static func run(_ body: @WorkerActor () throws -> Void) throws { try body() }

    @Test("messages go both ways in order, whatever their size")
    func messages() async throws {
        try await onLoop {
            let harness = try CallHarness { $0.metadata = [("x-token", "t")] }
            harness.server.answer = { $0.send($1) }
            harness.call.start()
            harness.until { harness.owner.opened == 1 }
            let sizes = [0, 1, 5, 16_384, 65_535, 3 << 20, 7] + Array(repeating: 20, count: 500)
            let messages = sizes.enumerated().map { index, size in [UInt8](repeating: UInt8(index & 0xFF), count: size)
            }
            for message in messages { harness.call.send(message) }
            harness.until { harness.owner.messages.count == messages.count }
            #expect(harness.owner.messages == messages)
            #expect(harness.owner.ends.isEmpty)
            #expect(harness.server.fields[":authority"] == "control-plane")
            #expect(harness.server.fields[":path"] == "/service/Method")
            #expect(harness.server.fields["te"] == "trailers")
            #expect(harness.server.fields["content-type"] == "application/grpc")
            #expect(harness.server.fields["x-token"] == "t")
            harness.call.cancel()
            harness.until { harness.server.wasReset }
            harness.server.close()
        }
    }

    @Test(
        "the end of a call has the server's status",
        arguments: [(0, "", "OK"), (14, "gone%20away", "UNAVAILABLE: gone away"), (99, "", "99")])
    func status(code: Int, message: String, text: String) async throws {
        try await onLoop {
            let harness = try CallHarness()
            harness.server.begin = {
                $0.respond()
                $0.send([1])
                $0.finish(status: code, message: message)
            }
            harness.call.start()
            harness.until { harness.owner.ends.count == 1 }
            #expect(harness.owner.messages == [[1]])
            #expect(harness.owner.ends == [GRPCEnd(code: code == 99 ? 2 : UInt8(code), message: text)])
            harness.settle()
            #expect(harness.owner.ends.count == 1)
            harness.server.close()
        }
    }

    @Test("a call that fails at once has its status in the head")
    func trailersOnly() async throws {
        try await onLoop {
            let harness = try CallHarness()
            harness.server.begin = { $0.respond(endStream: true, [("grpc-status", "7"), ("grpc-message", "no")]) }
            harness.call.start()
            harness.until { harness.owner.ends.count == 1 }
            #expect(harness.owner.ends == [GRPCEnd(code: 7, message: "PERMISSION_DENIED: no")])
            harness.server.close()
        }
    }

    @Test(
        "an answer that is not gRPC's ends the call with the code that stands for it",
        arguments: [(503, 14), (404, 12), (401, 16)])
    func httpError(status: Int, code: UInt8) async throws {
        try await onLoop {
            let harness = try CallHarness()
            harness.server.begin = { $0.respond(status: status, endStream: true) }
            harness.call.start()
            harness.until { harness.owner.ends.count == 1 }
            #expect(harness.owner.ends == [GRPCEnd(code: code, message: "the server answered \(status)")])
            harness.server.close()
        }
    }

    @Test("a stream that is cut in mid-message gives the whole messages before it and one end")
    func cut() async throws {
        try await onLoop {
            let harness = try CallHarness()
            harness.server.begin = {
                $0.respond()
                $0.send([1, 2, 3])
                $0.send([4, 5], announcing: 100)
                $0.cutsWhenSent = true
            }
            harness.call.start()
            harness.until { harness.owner.ends.count == 1 }
            #expect(harness.owner.messages == [[1, 2, 3]])
            #expect(harness.owner.ends == [GRPCEnd(code: 14, message: "the server closed the connection")])
            harness.server.close()
        }
    }

    @Test("nobody listening ends the call, later and once")
    func refused() async throws {
        try await onLoop {
            let harness = try CallHarness()
            harness.server.close()
            harness.call.start()
            #expect(harness.owner.ends.isEmpty)
            harness.until { harness.owner.ends.count == 1 }
            #expect(harness.owner.ends.first?.message.hasSuffix(": Connection refused") == true)
            #expect(harness.owner.opened == 0)
        }
    }

    @Test("a unix socket that is not there ends the call, later and once")
    func noSocket() async throws {
        try await onLoop {
            let harness = try CallHarness { $0.address = SocketAddress(unixPath: "/nonexistent/heddle") }
            harness.call.start()
            #expect(harness.owner.ends.isEmpty)
            harness.clock.advance(10_000_000)
            harness.until { harness.owner.ends.count == 1 }
            #expect(harness.owner.ends.first?.code == 14)
            harness.server.close()
        }
    }

    @Test("a unix socket carries a call")
    func unixSocket() async throws {
        try await onLoop {
            let harness = try CallHarness(unix: "@heddle-grpc-test-\(getpid())")
            harness.server.answer = { $0.send($1) }
            harness.call.start()
            harness.until { harness.owner.opened == 1 }
            harness.call.send([9])
            harness.until { harness.owner.messages == [[9]] }
            harness.call.cancel()
            harness.server.close()
        }
    }

    @Test("a handshake that does not end is given up after connect_timeout")
    func connectTimeout() async throws {
        try await onLoop {
            let harness = try CallHarness(clientTLS: TLSContextConfig(role: .client)) {
                $0.limits.connectTime = 3_000_000_000
            }
            harness.server.reads = false
            harness.call.start()
            harness.settle()
            harness.clock.advance(2_990_000_000)
            harness.settle()
            #expect(harness.owner.ends.isEmpty)
            harness.clock.advance(20_000_000)
            harness.until { harness.owner.ends.count == 1 }
            #expect(harness.owner.ends.first?.message.hasSuffix("no connection within 3000 ms") == true)
            harness.server.close()
        }
    }

    @Test("who is paused gets no message and the server no window; afterwards everything comes")
    func pause() async throws {
        try await onLoop {
            let harness = try CallHarness()
            harness.owner.pauseAfter = 2
            let count = 200
            harness.server.begin = {
                $0.respond()
                for number in 0..<count { $0.send([UInt8](repeating: UInt8(number), count: 64 * 1024)) }
            }
            harness.call.start()
            harness.until { harness.owner.messages.count == 2 }
            harness.settle()
            #expect(harness.owner.messages.count == 2)
            // What the window lets through is far less than there is.
            #expect(harness.server.waiting > 8 << 20)
            harness.owner.pauseAfter = .max
            harness.call.resume()
            harness.until { harness.owner.messages.count == count }
            #expect(harness.owner.messages.map { $0.first } == (0..<count).map { UInt8($0) })
            harness.call.cancel()
            harness.server.close()
        }
    }

    @Test("a message may be as long as the limit says, and not a byte longer", arguments: [0, 1])
    func messageLimit(over: Int) async throws {
        try await onLoop {
            let harness = try CallHarness { $0.limits.messageBytes = 1000 }
            harness.server.begin = {
                $0.respond()
                $0.send([UInt8](repeating: 1, count: 1000 + over))
            }
            harness.call.start()
            harness.until { harness.owner.messages.count + harness.owner.ends.count == 1 }
            #expect(harness.owner.ends.map(\.code) == (over == 0 ? [] : [8]))
            harness.call.cancel()
            harness.server.close()
        }
    }

    @Test("as many bytes may wait to be sent as the limit says, and not one more", arguments: [0, 1])
    func outboundLimit(over: Int) async throws {
        try await onLoop {
            let harness = try CallHarness { $0.limits.outboundBytes = 10_005 }
            harness.call.start()
            harness.until { harness.owner.opened == 1 }
            harness.call.send([UInt8](repeating: 1, count: 10_000 + over))
            #expect(harness.owner.ends.map(\.code) == (over == 0 ? [] : [8]))
            harness.call.cancel()
            harness.server.close()
        }
    }

    @Test("a server that does not answer a PING is given up; one that does is not")
    func ping() async throws {
        try await onLoop {
            let harness = try CallHarness {
                $0.limits.pingInterval = 10_000_000_000
                $0.limits.pingJitterPercent = 0
                $0.limits.pingTime = 5_000_000_000
            }
            harness.call.start()
            harness.until { harness.server.fields[":path"] != nil }
            for _ in 0..<3 {
                harness.clock.advance(10_000_000_000)
                harness.settle()
            }
            #expect(harness.owner.ends.isEmpty)
            harness.server.reads = false
            for _ in 0..<4 {
                harness.clock.advance(10_000_000_000)
                harness.settle()
            }
            #expect(harness.owner.ends == [GRPCEnd(code: 14, message: "the server does not answer a PING")])
            harness.server.close()
        }
    }

    @Test("PINGs are an interval apart, however short the time for an answer is")
    func pingRate() async throws {
        try await onLoop {
            let second: UInt64 = 1_000_000_000
            let harness = try CallHarness {
                $0.limits.pingInterval = 300 * second
                $0.limits.pingJitterPercent = 0
                $0.limits.pingTime = 20 * second
            }
            harness.call.start()
            harness.until { harness.server.fields[":path"] != nil }
            let began = harness.clock.monotonic()
            for _ in 0..<125 {
                harness.clock.advance(10 * second)
                for _ in 0..<5 { harness.loop.turn(maximumWait: 100_000) }
            }
            #expect(harness.server.pings.map { ($0 - began) / second } == [300, 600, 900, 1200])
            #expect(harness.owner.ends.isEmpty)
            harness.call.cancel()
            harness.server.close()
        }
    }

    @Test("after cancel nothing is told any more")
    func cancelled() async throws {
        try await onLoop {
            let harness = try CallHarness()
            harness.server.begin = {
                $0.respond()
                $0.send([1])
            }
            harness.call.start()
            harness.until { harness.owner.opened == 1 }
            harness.call.cancel()
            harness.settle()
            #expect(harness.owner.messages.isEmpty && harness.owner.ends.isEmpty)
            harness.server.close()
        }
    }

    @Test("TLS: the server is held against the authority, the client against its own; the call is on h2")
    func mutualTLS() async throws {
        let serverPair = TestCertificate(commonName: "control-plane")
        let clientPair = TestCertificate(commonName: "proxy")
        let other = TestCertificate(commonName: "other")
        @Sendable func config(_ role: TLSContextConfig.Role, _ own: TestCertificate?, trusts: TestCertificate)
            -> TLSContextConfig
        {
            var config = TLSContextConfig(role: role)
            config.applicationProtocols = ["h2"]
            config.trustedCA = Array(trusts.certificate.utf8)
            if let own {
                config.certificates = [
                    CertificateSource(name: "own", chainPEM: Array(own.certificate.utf8), keyPEM: Array(own.key.utf8))
                ]
            }
            config.clientCertificate = .required
            return config
        }
        try await onLoop {
            let good = try CallHarness(
                serverTLS: config(.server, serverPair, trusts: clientPair),
                clientTLS: config(.client, clientPair, trusts: serverPair)
            ) { $0.serverName = "control-plane" }
            good.server.answer = { $0.send($1) }
            good.call.start()
            good.until { good.owner.opened == 1 }
            let message = [UInt8](repeating: 5, count: 300_000)
            good.call.send(message)
            good.until { good.owner.messages.count == 1 }
            #expect(good.owner.messages == [message])
            #expect(good.server.fields[":scheme"] == "https")
            good.call.cancel()
            good.server.close()

            let wrong = try CallHarness(
                serverTLS: config(.server, serverPair, trusts: clientPair),
                clientTLS: config(.client, clientPair, trusts: other))
            wrong.call.start()
            wrong.until { wrong.owner.ends.count == 1 }
            #expect(wrong.owner.opened == 0)
            #expect(wrong.owner.ends.first?.message.contains("certificate is rejected") == true)
            wrong.server.close()

            let unknown = try CallHarness(
                serverTLS: config(.server, serverPair, trusts: other),
                clientTLS: config(.client, clientPair, trusts: serverPair))
            unknown.call.start()
            unknown.until { unknown.owner.ends.count == 1 }
            unknown.server.close()
        }
    }
}
