import TestKit
import Testing

extension HostileSuites {
    /// Rows 15 and 17: many requests at once, and upstreams that cannot be trusted.
    @Suite struct Responses {
        private func ask(_ harness: HostileHarness, _ script: String, _ path: String = "/up") -> HostileHarness.Outcome
        {
            let request = "GET \(path) HTTP/1.1\r\nHost: h.test\r\nx-script: \(script)\r\n\r\n"
            return harness.exchange(.plain, [Array(request.utf8)], methods: ["GET"])
        }

        @Test(
            "a hostile response is 502 or breaks off, and its connection is not used again",
            arguments: HostileScripts.responses.keys.sorted())
        func response(script: String) throws {
            let harness = try HostileHarness.heddle.get()
            let outcome = ask(harness, script)
            // A head that went out before the body broke cannot be taken back; only the end of the connection tells.
            let isBrokenOff = outcome.statuses == [200] && outcome.isClosed && !outcome.text.contains("\r\n0\r\n\r\n")
            #expect(outcome.statuses == [502] || isBrokenOff, "\(outcome)")
            let connections = harness.http1.acceptedConnections
            #expect(harness.servesNext(.plain))
            #expect(harness.http1.acceptedConnections == connections + 1)
        }

        @Test("bytes after a response poison nobody", arguments: ["extra", "204-with-body", "304-with-body"])
        func poison(script: String) throws {
            let harness = try HostileHarness.heddle.get()
            let outcome = ask(harness, script)
            #expect(!outcome.text.contains("poison"), "\(outcome)")
            #expect(outcome.statuses.count == 1, "\(outcome)")
            let connections = harness.http1.acceptedConnections
            #expect(harness.servesNext(.plain))
            #expect(harness.http1.acceptedConnections == connections + 1)
        }

        @Test("a response that breaks off is not passed on as whole", arguments: HostileHarness.Door.allCases)
        func brokenOff(door: HostileHarness.Door) throws {
            let harness = try HostileHarness.heddle.get()
            let request = "GET /up HTTP/1.1\r\nHost: h.test\r\nx-script: broken-off\r\n\r\n"
            let outcome = harness.exchange(door, [Array(request.utf8)], methods: ["GET"])
            #expect(outcome.isClosed && !outcome.text.hasSuffix("0\r\n\r\n"), "\(outcome)")
            let client = try #require(harness.connectHTTP2(door))
            let stream = client.request(WireHTTP2Client.get("h.test", "/up", [WireField("x-script", "broken-off")]))
            #expect(client.answer(of: stream).ending.hasPrefix("reset"))
        }

        @Test("an early response ends an HTTP/1 connection whose request is not read to its end")
        func earlyResponse() throws {
            let harness = try HostileHarness.heddle.get()
            let request = "POST /up HTTP/1.1\r\nHost: h.test\r\nx-script: early\r\nContent-Length: 34\r\n\r\nGET /evil"
            let outcome = harness.exchange(.plain, [Array(request.utf8)], methods: ["POST"])
            #expect(outcome.statuses == [200] && outcome.isClosed, "\(outcome)")
            #expect(outcome.forwarded == 0, "\(outcome)")
            #expect(harness.servesNext(.plain))
        }

        @Test(
            "1,000 pipelined requests are answered in order, one in flight at a time",
            arguments: HostileHarness.Door.allCases)
        func pipelined(door: HostileHarness.Door) throws {
            let harness = try HostileHarness.heddle.get()
            _ = harness.http1.take()
            let client = try #require(harness.connect(door))
            let count = 1000
            let bytes = (0..<count).flatMap { Array("GET /\($0) HTTP/1.1\r\nHost: h.test\r\n\r\n".utf8) }
            #expect(client.send(bytes))
            var answers = WireAnswers(methods: [])
            answers.read(client, until: count, Deadline(seconds: 30))
            #expect(answers.messages.map(\.status) == Array(repeating: 200, count: count))
            // A POST of the test before may come late.
            let lines = harness.http1.takeRequests().map(\.startLine).filter { $0.hasPrefix("GET ") }
            #expect(lines == (0..<count).map { "GET /\($0) HTTP/1.1" })
        }

        @Test(
            "a client that sends 10,000 requests and reads nothing is not served ahead",
            arguments: HostileHarness.Door.allCases)
        func halfRead(door: HostileHarness.Door) throws {
            let harness = try HostileHarness.heddle.get()
            let before = harness.proxy.residentBytes
            let client = try #require(harness.connect(door))
            let request = Array("GET /up HTTP/1.1\r\nHost: h.test\r\nx-script: large\r\n\r\n".utf8)
            for _ in 0..<100
            where client.send(Array(repeating: request, count: 100).flatMap { $0 }, deadline: Deadline(seconds: 0.05)) {
            }
            #expect(harness.servesNext(door))
            #expect(harness.proxy.residentBytes - before < 16 << 20)
        }
    }

    /// Rows 33 to 37: time and memory.
    @Suite struct Exhaustion {
        @Test("a head that comes byte by byte is answered with 408 in time", arguments: HostileHarness.Door.allCases)
        func slowHead(door: HostileHarness.Door) throws {
            let harness = try HostileHarness.heddle.get()
            let clients = try (0..<50).map { _ in try #require(harness.connect(door)) }
            let deadline = Deadline(seconds: 8)
            var index = 0
            let head = Array("GET /up HTTP/1.1\r\nHost: h.test\r\nx: ".utf8)
            _ = deadline.polls(every: 100) {
                for client in clients where client.ending == nil {
                    client.send([index < head.count ? head[index] : 97])
                    _ = client.receive(Deadline(seconds: 0))
                }
                index += 1
                return clients.allSatisfy { $0.ending != nil }
            }
            #expect(clients.allSatisfy { $0.ending != nil })
            #expect(clients.allSatisfy { String(decoding: $0.received, as: UTF8.self).hasPrefix("HTTP/1.1 408 ") })
            #expect(harness.servesNext(door))
        }

        @Test("a TLS handshake that does not go on is ended")
        func slowHandshake() throws {
            let harness = try HostileHarness.heddle.get()
            let client = try #require(WireClient(port: harness.port(.tls)))
            client.send([22, 3, 1, 2])
            #expect(client.receiveEnd(Deadline(seconds: 8)) != .nothing)
        }

        @Test("a body that stops coming is answered with 408", arguments: HostileHarness.Door.allCases)
        func slowBody(door: HostileHarness.Door) throws {
            let harness = try HostileHarness.heddle.get()
            let client = try #require(harness.connect(door))
            client.send("POST /up HTTP/1.1\r\nHost: h.test\r\nContent-Length: 5\r\n\r\nab")
            var answers = WireAnswers(methods: ["POST"])
            answers.read(client, until: 1, Deadline(seconds: 8))
            #expect([408, 504].contains(answers.messages.first?.status ?? 0))
            #expect(client.receiveEnd(Deadline(seconds: 3)) != .nothing)
        }

        @Test("a client that does not read is given up", arguments: HostileHarness.Door.allCases)
        func slowReader(door: HostileHarness.Door) throws {
            let harness = try HostileHarness.heddle.get()
            let before = harness.proxy.residentBytes
            let clients = try (0..<8).map { _ in
                try #require(WireClient(port: harness.port(door), tls: HostileHarness.tls(door), receiveBuffer: 4096))
            }
            for client in clients { client.send("GET /up HTTP/1.1\r\nHost: h.test\r\nx-script: large\r\n\r\n") }
            // 64 MiB wait for each; two buffers of 32 KiB and their overshoot are what may be held for one.
            var peak = 0
            _ = Deadline(seconds: 1).polls(every: 20) {
                peak = max(peak, harness.proxy.residentBytes - before)
                return false
            }
            #expect(peak < 8 * 2 << 20, "\(peak) bytes for 8 clients")
            let isGivenUp = Deadline(seconds: 6).polls(every: 50) {
                (try? harness.counter("downstream_rq_active", door)) == 0
            }
            #expect(isGivenUp)
        }

        @Test("10,000 idle connections cost little and the next is served", arguments: HostileHarness.Door.allCases)
        func idleConnections(door: HostileHarness.Door) throws {
            let harness = try HostileHarness.heddle.get()
            guard DescriptorLimit.raise(to: 10_600) else {
                try Test.cancel("the system allows fewer than 10,600 descriptors a process")
            }
            let before = harness.proxy.residentBytes
            var clients: [WireClient] = []
            clients.reserveCapacity(10_000)
            for _ in 0..<10_000 {
                guard let client = harness.connect(door) else { break }
                clients.append(client)
            }
            #expect(clients.count == 10_000)
            #expect(harness.servesNext(.plain))
            #expect(harness.servesNext(.tls))
            let cost = (harness.proxy.residentBytes - before) / 10_000
            // Of a TLS session OpenSSL keeps the most.
            #expect(cost < (door == .tls ? 32_768 : 4096), "\(cost) bytes a connection")
            let last = try #require(clients.last)
            last.send("GET /up HTTP/1.1\r\nHost: h.test\r\n\r\n")
            #expect(last.receive { $0.contains("hello") } == .bytes)
        }
    }
}

extension [UInt8] {
    /// Whether the bytes of a text stand somewhere in these.
    func contains(_ text: String) -> Bool { String(decoding: self, as: UTF8.self).contains(text) }
}
