import TestKit
import Testing

extension HostileSuites {
    @Suite struct HTTP2 {
        private func exchange(_ harness: HostileHarness, _ door: HostileHarness.Door, _ one: HostileHTTP2Row) throws
            -> (answer: WireHTTP2Client.Answer, outcome: HostileHarness.Outcome)
        {
            _ = (harness.http1.take(), harness.http2.take())
            let client = try #require(harness.connectHTTP2(door))
            let stream = client.request(one.fields, body: one.body.map { Array($0.utf8) }, trailers: one.trailers)
            let answer = client.answer(of: stream, deadline: Deadline(seconds: 3))
            var outcome = HostileHarness.Outcome()
            harness.gather(&outcome)
            return (answer, outcome)
        }

        @Test(
            "rows 20 and 21: what HTTP/2 forbids never reaches an upstream", arguments: HostileHTTP2Row.refused,
            HostileHarness.Door.allCases)
        func refused(one: HostileHTTP2Row, door: HostileHarness.Door) throws {
            let harness = try HostileHarness.heddle.get()
            let (answer, outcome) = try exchange(harness, door, one)
            #expect(outcome.forwarded == 0 && outcome.malformed == [], "\(outcome)")
            let isRefused =
                answer.ending.hasPrefix("reset") || answer.ending.hasPrefix("gone") || answer.status / 100 == 4
            #expect(isRefused, "\(answer)")
            #expect(harness.servesNext(door))
        }

        @Test(
            "nothing that Envoy rejects is forwarded",
            .enabled(if: ProxyProcess.Kind.envoy.program != nil, "\(ProxyProcess.Kind.envoy.whyMissing)"),
            arguments: HostileHTTP2Row.refused)
        func differential(one: HostileHTTP2Row) throws {
            let envoy = try exchange(try HostileHarness.envoy.get(), .plain, one).outcome
            let heddle = try exchange(try HostileHarness.heddle.get(), .plain, one).outcome
            #expect(heddle.forwarded <= envoy.forwarded, "Envoy: \(envoy)\nHeddle: \(heddle)")
        }

        @Test("row 21: a Host that is not the authority is not forwarded", arguments: HostileHarness.Door.allCases)
        func twoHosts(door: HostileHarness.Door) throws {
            let row = HostileHTTP2Row(
                21, "Host", WireHTTP2Client.get("h.test", "/up", [WireField("host", "evil.test")]))
            let (answer, outcome) = try exchange(try HostileHarness.heddle.get(), door, row)
            #expect(answer.status == 200)
            #expect(outcome.requests.first?.values("host") == ["h.test"])
        }

        /// Rows 22 to 28: each sends its frames until the proxy ends the connection, and no more than `most`.
        struct Flood: Sendable, CustomTestStringConvertible {
            let row: Int
            let name: String
            let most: Int
            /// The frames of one round.
            let frames: @Sendable (_ round: Int) -> [HTTP2Frame]

            var testDescription: String { "row \(row), \(name)" }

            static func stream(_ round: Int) -> UInt32 { UInt32(2 * round + 1) }

            static func headers(_ stream: UInt32, ends: Bool, path: String = "/up", script: String = "silent")
                -> HTTP2Frame
            {
                let block = FieldBlockCodec.encode(WireHTTP2Client.get("h.test", path, [WireField("x-script", script)]))
                return HTTP2Frame(.headers, flags: HTTP2Frame.endHeaders | (ends ? 1 : 0), stream: stream, block)
            }

            static let all: [Flood] = [
                Flood(row: 22, name: "rapid reset", most: 5000) {
                    [headers(stream($0), ends: true), HTTP2Frame(.reset, stream: stream($0), HTTP2Frame.word(8))]
                },
                Flood(row: 23, name: "window update of zero", most: 5000) {
                    [
                        headers(stream($0), ends: true),
                        HTTP2Frame(.windowUpdate, stream: stream($0), HTTP2Frame.word(0)),
                    ]
                },
                Flood(row: 23, name: "window overflow", most: 5000) {
                    [
                        headers(stream($0), ends: true),
                        HTTP2Frame(.windowUpdate, stream: stream($0), HTTP2Frame.word(0x7FFF_FFFF)),
                    ]
                },
                Flood(row: 23, name: "data after the end", most: 5000) {
                    [headers(stream($0), ends: true), HTTP2Frame(.data, stream: stream($0), [1, 2, 3])]
                },
                Flood(row: 23, name: "priority on itself", most: 5000) {
                    [
                        headers(stream($0), ends: true),
                        HTTP2Frame(.priority, stream: stream($0), HTTP2Frame.word(stream($0)) + [1]),
                    ]
                },
                Flood(row: 24, name: "continuations without data", most: 5000) { round in
                    round == 0
                        ? [
                            HTTP2Frame(
                                .headers, stream: 1, FieldBlockCodec.encode(WireHTTP2Client.get("h.test", "/up")))
                        ]
                        : [HTTP2Frame(.continuation, stream: 1)]
                },
                Flood(row: 24, name: "continuations", most: 5000) { round in
                    round == 0
                        ? [
                            HTTP2Frame(
                                .headers, stream: 1, FieldBlockCodec.encode(WireHTTP2Client.get("h.test", "/up")))
                        ]
                        : [HTTP2Frame(.continuation, stream: 1, FieldBlockCodec.encode([WireField("x", "y")]))]
                },
                Flood(row: 25, name: "settings", most: 50000) { _ in [HTTP2Frame(.settings, [0, 3, 0, 0, 0, 100])] },
                Flood(row: 25, name: "empty settings", most: 50000) { _ in [HTTP2Frame(.settings)] },
                Flood(row: 25, name: "pings", most: 50000) { _ in [HTTP2Frame(.ping, [0, 0, 0, 0, 0, 0, 0, 0])] },
                Flood(row: 26, name: "priorities", most: 50000) { _ in
                    [HTTP2Frame(.priority, stream: 1, [0, 0, 0, 0, 1])]
                },
                Flood(row: 26, name: "window updates", most: 50000) { round in
                    round == 0 ? [headers(1, ends: true)] : [HTTP2Frame(.windowUpdate, HTTP2Frame.word(1))]
                },
                Flood(row: 26, name: "empty data", most: 50000) { round in
                    round == 0 ? [headers(1, ends: false)] : [HTTP2Frame(.data, stream: 1)]
                },
                Flood(row: 26, name: "empty headers", most: 5000) { round in
                    [HTTP2Frame(.headers, flags: HTTP2Frame.endHeaders, stream: stream(round))]
                },
            ]
        }

        @Test(
            "rows 22 to 26: a flood ends its connection within bounds, and memory stays", arguments: Flood.all,
            HostileHarness.Door.allCases)
        func flood(_ flood: Flood, door: HostileHarness.Door) throws {
            let harness = try HostileHarness.heddle.get()
            let before = harness.proxy.residentBytes
            let client = try #require(harness.connectHTTP2(door))
            var sent = 0
            while sent < flood.most, client.wire.ending == nil, client.goAway == nil {
                let bytes = (sent..<min(sent + 50, flood.most)).flatMap { flood.frames($0) }.flatMap(\.bytes)
                sent += 50
                guard client.wire.send(bytes) else { break }
                client.reads(Deadline(seconds: 0)) { _ in false }
            }
            client.reads(Deadline(seconds: 3)) { $0.goAway != nil }
            #expect(client.goAway != nil || client.wire.ending != nil, "still open after \(sent) rounds")
            if flood.name == "rapid reset" {
                #expect(try harness.counter("downstream_rq_too_many_premature_resets", door) >= 1)
            }
            #expect(harness.proxy.residentBytes - before < 16 << 20)
            #expect(harness.servesNext(door))
        }

        @Test(
            "row 27: a client that gives no window is given up, and little is held for it",
            arguments: HostileHarness.Door.allCases)
        func noWindow(door: HostileHarness.Door) throws {
            let harness = try HostileHarness.heddle.get()
            // Whatever a proxy needs only once shall not count.
            #expect(harness.servesNext(door))
            let first = try #require(harness.connectHTTP2(door))
            #expect(first.answer(of: first.request(WireHTTP2Client.get("h.test", "/up"))).status == 200)
            let before = harness.proxy.residentBytes
            let client = try #require(harness.connectHTTP2(door, settings: [(4, 0)], opensWindows: false))
            let streams = (0..<50).map { _ in
                client.request(WireHTTP2Client.get("h.test", "/up", [WireField("x-script", "large")]))
            }
            var peak = 0
            _ = Deadline(seconds: 1).polls(every: 20) {
                peak = max(peak, harness.proxy.residentBytes - before)
                return false
            }
            // Two limits of 32 KiB a stream on either side, and what the allocator keeps around them.
            #expect(peak < 50 * 160 << 10, "\(peak) bytes for 50 streams")
            let deadline = Deadline(seconds: 8)
            let endings = streams.map { client.answer(of: $0, deadline: deadline).ending }
            #expect(endings.count { $0.hasPrefix("reset") } == endings.count, "\(endings)")
            #expect(harness.servesNext(door))
        }

        @Test(
            "row 27: an answer that is complete waits for window only so long", arguments: HostileHarness.Door.allCases)
        func noWindowForTheRest(door: HostileHarness.Door) throws {
            let harness = try HostileHarness.heddle.get()
            let count = { try AdminClient.counters(port: harness.adminPort)["http2.tx_flush_timeout"] ?? 0 }
            let before = try count()
            let client = try #require(harness.connectHTTP2(door, settings: [(4, 0)], opensWindows: false))
            let streams = ["/direct", "/up", "/two", "/direct"].map { client.request(WireHTTP2Client.get("h.test", $0)) }
            // The third is given its window, and ends as it should.
            client.send(HTTP2Frame(.windowUpdate, stream: streams[2], HTTP2Frame.word(100)))
            let deadline = Deadline(seconds: 8)
            let answers = streams.map { client.answer(of: $0, deadline: deadline) }
            #expect(answers.map(\.status) == [200, 200, 200, 200])
            #expect(answers.map(\.ending) == ["reset 2", "reset 2", "ended", "reset 2"])
            #expect(try Deadline(seconds: 3).polls { try count() == before + 3 })
            #expect(harness.servesNext(door))
        }

        /// Row 28: many fields from few bytes, by references to one entry of the dynamic table.
        @Test("row 28: a header bomb is refused at little cost", arguments: [4000, 1, 0], HostileHarness.Door.allCases)
        func bomb(size: Int, door: HostileHarness.Door) throws {
            let harness = try HostileHarness.heddle.get()
            let before = harness.proxy.residentBytes
            let client = try #require(harness.connectHTTP2(door, settings: [(4, 0)]))
            let name = Array(size == 0 ? "cookie".utf8 : "x".utf8)
            let entry: [UInt8] =
                [0x40] + FieldBlockCodec.string(name)
                + FieldBlockCodec.string(Array(repeating: 97, count: max(1, size)))
            let head = FieldBlockCodec.encode(WireHTTP2Client.get("h.test", "/up"))
            let block = head + entry + Array(repeating: 0xBE, count: 10_000)
            var streams: [UInt32] = []
            for _ in 0..<50 {
                let stream = client.takeStream()
                streams.append(stream)
                client.send(HTTP2Frame(.headers, flags: HTTP2Frame.endHeaders | 1, stream: stream, block))
            }
            let deadline = Deadline(seconds: 5)
            for stream in streams {
                let answer = client.answer(of: stream, deadline: deadline)
                #expect(answer.ending != "open" && answer.status != 200, "\(answer)")
            }
            #expect(harness.proxy.residentBytes - before < 32 << 20)
            #expect(harness.servesNext(door))
        }
    }
}
