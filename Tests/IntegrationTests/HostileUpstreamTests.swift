import TestKit
import Testing

extension HostileSuites {
    /// Row 17 for every pair of client and upstream: by plaintext and TLS, over HTTP/1 and HTTP/2.
    @Suite struct Upstreams {
        private static let refusals: Set<Int> = [502, 503, 504]

        private func ask(_ harness: HostileHarness, _ door: HostileHarness.Door, _ script: String, method: String = "GET")
            -> HostileHarness.Outcome
        {
            let path = script.hasPrefix("h2 ") ? "/two" : "/up"
            let request = "\(method) \(path) HTTP/1.1\r\nHost: h.test\r\nx-script: \(script)\r\n\r\n"
            return harness.exchange(door, [Array(request.utf8)], methods: [method])
        }

        private func ask2(_ harness: HostileHarness, _ door: HostileHarness.Door, _ script: String, method: String = "GET") throws
            -> WireHTTP2Client.Answer
        {
            let client = try #require(harness.connectHTTP2(door))
            var fields = WireHTTP2Client.get(
                "h.test", script.hasPrefix("h2 ") ? "/two" : "/up", [WireField("x-script", script)])
            fields[0] = WireField(":method", method)
            return client.answer(of: client.request(fields))
        }

        private func isServedAfterwards(_ harness: HostileHarness, _ door: HostileHarness.Door) -> Bool {
            harness.servesNext(door) && harness.servesNext(door, "/two/next") && harness.proxy.isAlive
        }

        @Test(
            "an HTTP/1 client never has a hostile response for whole",
            arguments: (HostileScripts.responses.merging(HostileScripts.http2Responses) { old, _ in old }).keys.sorted(),
            HostileHarness.Door.allCases)
        func http1Client(script: String, door: HostileHarness.Door) throws {
            let harness = try HostileHarness.heddle.get()
            let outcome = ask(harness, door, script)
            let isBrokenOff = outcome.statuses == [200] && outcome.isClosed && !outcome.text.contains("\r\n0\r\n\r\n")
            let isRefused = outcome.statuses.count == 1 && Self.refusals.contains(outcome.statuses.first ?? 0)
            #expect(isRefused || isBrokenOff, "\(outcome)")
            #expect(!outcome.text.contains("poison"), "\(outcome)")
            #expect(isServedAfterwards(harness, door))
        }

        @Test(
            "an HTTP/2 client never has a hostile response for whole",
            arguments: (HostileScripts.responses.merging(HostileScripts.http2Responses) { old, _ in old }).keys.sorted(),
            HostileHarness.Door.allCases)
        func http2Client(script: String, door: HostileHarness.Door) throws {
            let harness = try HostileHarness.heddle.get()
            let answer = try ask2(harness, door, script)
            let isRefused = answer.ending == "ended" && Self.refusals.contains(answer.status)
            #expect(isRefused || answer.ending.hasPrefix("reset"), "\(answer)")
            let said = answer.fields.map(\.value) + answer.trailers.map(\.value) + [String(decoding: answer.body, as: UTF8.self)]
            #expect(!said.contains { $0.contains("poison") }, "\(answer)")
            #expect(isServedAfterwards(harness, door))
        }

        @Test(
            "what comes behind an answer without a body is nobody's answer",
            arguments: [
                ("extra", "GET"), ("204-with-body", "GET"), ("304-with-body", "GET"), ("h2 204 with a body", "GET"),
                ("h2 304 with a body", "GET"), ("h2 body", "HEAD"), ("h2 204 with a body", "HEAD"),
            ], HostileHarness.Door.allCases)
        func bodyless(one: (script: String, method: String), door: HostileHarness.Door) throws {
            let harness = try HostileHarness.heddle.get()
            let outcome = ask(harness, door, one.script, method: one.method)
            #expect(!outcome.text.contains("poison"), "\(outcome)")
            #expect(outcome.statuses.count == 1, "\(outcome)")
            let answer = try ask2(harness, door, one.script, method: one.method)
            #expect(!String(decoding: answer.body, as: UTF8.self).contains("poison"), "\(answer)")
            #expect(answer.ending != "open", "\(answer)")
            #expect(isServedAfterwards(harness, door))
        }

        @Test(
            "an early response to an HTTP/2 client is whole, and the rest of its request goes nowhere",
            arguments: ["/up", "/two"], HostileHarness.Door.allCases)
        func earlyResponse(path: String, door: HostileHarness.Door) throws {
            let harness = try HostileHarness.heddle.get()
            let client = try #require(harness.connectHTTP2(door))
            let stream = client.takeStream()
            var fields = WireHTTP2Client.get("h.test", path, [WireField("x-script", "early")])
            fields[0] = WireField(":method", "POST")
            client.send(
                HTTP2Frame(.headers, flags: HTTP2Frame.endHeaders, stream: stream, FieldBlockCodec.encode(fields)),
                HTTP2Frame(.data, stream: stream, Array("GET /evil HTTP/1.1\r\nHost: h.test\r\n\r\n".utf8)))
            let answer = client.answer(of: stream)
            #expect(answer.status == 200 && answer.body == Array("early".utf8), "\(answer)")
            client.send(HTTP2Frame(.data, flags: 1, stream: stream, Array("rest".utf8)))
            #expect(client.answer(of: client.request(WireHTTP2Client.get("h.test", path))).status == 200)
            #expect(!(harness.http1.takeRequests() + harness.http2.takeRequests()).contains { $0.startLine.contains("evil") })
            #expect(isServedAfterwards(harness, door))
        }
    }

    /// Row 18: upgrades that are configured.
    @Suite struct Upgrades {
        private static let early = "GET /evil HTTP/1.1\r\nHost: h.test\r\n\r\n"

        private func upgrade(_ script: String, method: String = "GET", more: String = "") -> String {
            "\(method) /ws HTTP/1.1\r\nHost: h.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nx-script: \(script)\r\n\(more)\r\n"
        }

        @Test(
            "bytes that come before the answer to an upgrade are never a request of their own",
            arguments: ["plain answer", "refused", "silent"], HostileHarness.Door.allCases)
        func early(script: String, door: HostileHarness.Door) throws {
            let harness = try HostileHarness.heddle.get()
            let outcome = harness.exchange(door, [Array((upgrade(script) + Self.early).utf8)], methods: ["GET"])
            #expect(outcome.isClosed, "\(outcome)")
            #expect(!outcome.requests.contains { $0.startLine.contains("evil") }, "\(outcome)")
            #expect(outcome.malformed == [], "\(outcome)")
            #expect(!outcome.text.contains("101 "), "\(outcome)")
            #expect(harness.servesNext(door))
        }

        @Test("bytes that come before 101 go through the tunnel, behind it", arguments: HostileHarness.Door.allCases)
        func tunnel(door: HostileHarness.Door) throws {
            let harness = try HostileHarness.heddle.get()
            _ = harness.http1.take()
            let client = try #require(harness.connect(door))
            client.send(upgrade("websocket") + Self.early)
            #expect(client.receive { $0.contains("\r\n\r\n" + Self.early) } == .bytes)
            #expect(String(decoding: client.received, as: UTF8.self).hasPrefix("HTTP/1.1 101 "))
            client.send("more")
            #expect(client.receive { $0.contains("more") } == .bytes)
            #expect(harness.http1.takeRequests().map(\.startLine) == ["GET /ws HTTP/1.1"])
        }

        private func extendedConnect(_ harness: HostileHarness, _ door: HostileHarness.Door, _ script: String) throws
            -> (client: WireHTTP2Client, stream: UInt32)
        {
            let client = try #require(harness.connectHTTP2(door))
            // Whoever may say :protocol is told so by SETTINGS.
            client.reads(Deadline(seconds: 3)) { $0.counts[4] != nil }
            let stream = client.takeStream()
            let fields = [
                WireField(":method", "CONNECT"), WireField(":protocol", "websocket"), WireField(":scheme", "http"),
                WireField(":authority", "h.test"), WireField(":path", "/ws"), WireField("x-script", script),
            ]
            client.send(
                HTTP2Frame(.headers, flags: HTTP2Frame.endHeaders, stream: stream, FieldBlockCodec.encode(fields)),
                HTTP2Frame(.data, stream: stream, Array(Self.early.utf8)))
            return (client, stream)
        }

        @Test(
            "an HTTP/2 client cannot put a request behind an upgrade either", arguments: ["plain answer", "refused", "silent"],
            HostileHarness.Door.allCases)
        func earlyHTTP2(script: String, door: HostileHarness.Door) throws {
            let harness = try HostileHarness.heddle.get()
            _ = harness.http1.take()
            let (client, stream) = try extendedConnect(harness, door, script)
            let answer = client.answer(of: stream, deadline: Deadline(seconds: script == "silent" ? 1 : 5))
            #expect(script == "silent" || answer.status == (script == "refused" ? 403 : 200), "\(answer)")
            if script == "silent" { client.send(HTTP2Frame(.reset, stream: stream, HTTP2Frame.word(8))) }
            #expect(client.answer(of: client.request(WireHTTP2Client.get("h.test", "/up"))).status == 200)
            var outcome = HostileHarness.Outcome()
            harness.gather(&outcome)
            #expect(!outcome.requests.contains { $0.startLine.contains("evil") } && outcome.malformed == [], "\(outcome)")
            #expect(harness.servesNext(door))
        }

        @Test("what an HTTP/2 client sends early goes through the tunnel once it is there", arguments: HostileHarness.Door.allCases)
        func tunnelHTTP2(door: HostileHarness.Door) throws {
            let harness = try HostileHarness.heddle.get()
            _ = harness.http1.take()
            let (client, stream) = try extendedConnect(harness, door, "websocket")
            #expect(client.reads(Deadline(seconds: 5)) { $0.sofar(stream).body == Array(Self.early.utf8) })
            #expect(client.sofar(stream).status == 200)
            client.send(HTTP2Frame(.data, stream: stream, Array("more".utf8)))
            #expect(client.reads(Deadline(seconds: 5)) { $0.sofar(stream).body == Array((Self.early + "more").utf8) })
            #expect(harness.http1.takeRequests().map(\.startLine) == ["GET /ws HTTP/1.1"])
        }

        @Test(
            "an upgrade with a body is refused, whatever its method", arguments: ["GET", "POST", "PUT"],
            ["Content-Length: 34", "Transfer-Encoding: chunked"])
        func body(method: String, framing: String) throws {
            let harness = try HostileHarness.heddle.get()
            for door in HostileHarness.Door.allCases {
                let bytes = upgrade("websocket", method: method, more: framing + "\r\n") + Self.early
                let outcome = harness.exchange(door, [Array(bytes.utf8)], methods: [method])
                #expect(outcome.isClosed && !outcome.text.contains("HTTP/1.1 101 "), "\(outcome)")
                #expect(!outcome.requests.contains { $0.startLine.contains("evil") }, "\(outcome)")
                #expect(harness.servesNext(door))
            }
        }

        @Test("a WebSocket POST is a tunnel or no request at all", arguments: ["websocket", "plain answer"], HostileHarness.Door.allCases)
        func post(script: String, door: HostileHarness.Door) throws {
            let harness = try HostileHarness.heddle.get()
            let outcome = harness.exchange(door, [Array((upgrade(script, method: "POST") + Self.early).utf8)], methods: ["POST"])
            #expect(!outcome.requests.contains { $0.startLine.contains("evil") }, "\(outcome)")
            #expect(outcome.malformed == [], "\(outcome)")
            #expect(harness.servesNext(door))
        }
    }
}
