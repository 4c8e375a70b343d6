import Foundation
import TestKit
import Testing

extension HostileSuites {
    /// Rows 29 to 32, 39, 41 and 42: endings, bodies, expressions, logs and names.
    @Suite struct Contents {
        @Test("row 29: frames after the end of a session do no harm", arguments: HostileHarness.Door.allCases)
        func framesAfterTheEnd(door: HostileHarness.Door) throws {
            let harness = try HostileHarness.heddle.get()
            let client = try #require(harness.connectHTTP2(door))
            // DATA on stream 0 ends the session; ALTSVC, PRIORITY_UPDATE, ORIGIN and an unknown type follow at once.
            var bytes = HTTP2Frame(.data, stream: 0, [1]).bytes
            for type: UInt8 in [0x0A, 0x10, 0x0C, 0x77] {
                bytes += [0, 0, 4, type, 0, 0, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF]
            }
            client.wire.send(bytes)
            #expect(client.reads(Deadline(seconds: 3)) { $0.goAway != nil })
            #expect(client.goAway == 1)
            #expect(harness.servesNext(door))
        }

        @Test(
            "row 30: a reset with NO_ERROR after a whole response leaves it whole",
            arguments: HostileHarness.Door.allCases)
        func resetAfterResponse(door: HostileHarness.Door) throws {
            let harness = try HostileHarness.heddle.get()
            let client = try #require(harness.connectHTTP2(door))
            let stream = client.takeStream()
            var fields = WireHTTP2Client.get("h.test", "/two", [WireField("x-script", "early-end")])
            fields[0] = WireField(":method", "POST")
            client.send(
                HTTP2Frame(.headers, flags: HTTP2Frame.endHeaders, stream: stream, FieldBlockCodec.encode(fields)))
            client.send(HTTP2Frame(.data, stream: stream, Array("unfinished".utf8)))
            let answer = client.answer(of: stream)
            #expect(answer.status == 200)
            #expect(answer.body == Array("early".utf8))
            #expect(answer.ending == "ended" || answer.ending == "reset 0")
        }

        @Test("row 31: data for a stream that was answered is dropped", arguments: HostileHarness.Door.allCases)
        func dataAfterAnswer(door: HostileHarness.Door) throws {
            let harness = try HostileHarness.heddle.get()
            let client = try #require(harness.connectHTTP2(door))
            var fields = WireHTTP2Client.get("h.test", "/direct")
            fields[0] = WireField(":method", "POST")
            for _ in 0..<20 {
                let stream = client.takeStream()
                client.send(
                    HTTP2Frame(.headers, flags: HTTP2Frame.endHeaders, stream: stream, FieldBlockCodec.encode(fields)))
                #expect(client.answer(of: stream).status == 200)
                client.send(
                    HTTP2Frame(.data, stream: stream, [1, 2, 3]), HTTP2Frame(.data, flags: 1, stream: stream, [4]))
            }
            let next = client.request(WireHTTP2Client.get("h.test", "/up"))
            #expect(client.answer(of: next).body == Array("hello".utf8))
        }

        @Test("row 32: a body that looks like frames is a body", arguments: HostileHarness.Door.allCases)
        func framedBody(door: HostileHarness.Door) throws {
            let harness = try HostileHarness.heddle.get()
            let client = try #require(harness.connectHTTP2(door))
            let stream = client.request(WireHTTP2Client.get("h.test", "/up", [WireField("x-script", "framed")]))
            #expect(
                client.answer(of: stream).body == HTTP2Frame(.goAway, HTTP2Frame.word(0) + HTTP2Frame.word(0)).bytes)
            #expect(client.goAway == nil)
        }

        @Test("row 39: an expression that backtracks elsewhere is matched in linear time")
        func regex() throws {
            let harness = try HostileHarness.heddle.get()
            let client = try #require(harness.connect(.plain))
            client.send("GET /regex/\(String(repeating: "a", count: 50_000)) HTTP/1.1\r\nHost: h.test\r\n\r\n")
            var answers = WireAnswers(methods: ["GET"])
            answers.read(client, until: 1, Deadline(seconds: 2))
            #expect(answers.messages.first?.body == Array("hello".utf8), "the route with the expression does not match")
        }

        @Test("row 41: what a client writes cannot leave its place in the log")
        func log() throws {
            let harness = try HostileHarness.heddle.get()
            let agent = "\\\",\"path\":\"/forged\",\"x\":\"\u{e9}\t{}"
            for (door, path) in [(HostileHarness.Door.plain, "/log%0a%0d%22forged"), (.tls, "/log?\"}{\"a\":1")] {
                let client = try #require(harness.connect(door))
                client.send(
                    ("GET \(path) HTTP/1.1\r\nHost: log.test\r\nuser-agent: \(agent)\r\n\r\n").unicodeScalars.map {
                        UInt8($0.value)
                    })
                var answers = WireAnswers(methods: ["GET"])
                answers.read(client, until: 1, Deadline(seconds: 3))
                #expect(answers.messages.first?.status == 200)
                var found: [String: Any]?
                let isLogged = try Deadline(seconds: 5).polls(every: 20) {
                    for line in try Data(contentsOf: URL(fileURLWithPath: harness.logPath)).split(separator: 10) {
                        let entry = try JSONSerialization.jsonObject(with: line) as? [String: Any]
                        if entry?["host"] as? String == "log.test", entry?["path"] as? String == path { found = entry }
                    }
                    return found != nil
                }
                #expect(isLogged)
                #expect(found?.count == 3)
                #expect((found?["agent"] as? String)?.contains("\"path\":\"/forged\"") == true)
            }
        }

        @Test("row 42: no name of a counter is made of what a client says")
        func names() throws {
            let harness = try HostileHarness.heddle.get()
            #expect(harness.servesNext(.plain))
            let before = Set(try AdminClient.counters(port: harness.adminPort).keys)
            for index in 0..<200 {
                let client = try #require(harness.connect(.plain))
                client.send(
                    "GET /\(index)/x HTTP/1.1\r\nHost: host-\(index).test\r\nuser-agent: agent-\(index)\r\n\r\n")
                client.receive { $0.contains("hello") }
            }
            let after = Set(try AdminClient.counters(port: harness.adminPort).keys)
            #expect(after.subtracting(before).filter { !$0.contains("upstream_rq_") } == [])
        }
    }

    @Suite struct Expressions {
        @Test("row 39: an expression that needs too large a program is refused before anything listens")
        func largeProgram() {
            let port = Loopback.freePort()
            let config = HostileBootstrap(
                plain: port, tls: Loopback.freePort(), admin: Loopback.freePort(), http1: 1, http2: 1,
                logPath: "/dev/null"
            )
            .text.replacingOccurrences(of: "/regex/(a+)+b", with: "/(((a{9}){99}){99})")
            let refusal = #expect(throws: ProxyProcess.NotReady.self) {
                _ = try ProxyProcess(.heddle, config: config, ports: [port])
            }
            #expect(refusal?.description.contains("regex") == true, "\(refusal?.description ?? "")")
        }
    }
}
