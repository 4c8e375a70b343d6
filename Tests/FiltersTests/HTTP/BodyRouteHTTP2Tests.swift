import TestKit
import Testing

/// `body_route` where the client speaks HTTP/2, as every gRPC client does.
@Suite("body_route over HTTP/2")
struct BodyRouteHTTP2Tests {
    private static let fields = """
        { json_pointer: /model, header: x-model }, { form_field: model, header: x-model }, { grpc_field: "3.1", header: x-model }
        """

    /// Requests whose `x-model` is `large` go to one cluster and all others to another, both over HTTP/2.
    private static func start(_ large: RecordingUpstream, _ small: RecordingUpstream, _ more: String = "") async throws -> TestProxy {
        func cluster(_ name: String, _ port: UInt16) -> String {
            """
            - name: \(name)
              typed_extension_protocol_options:
                envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
                  "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
                  explicit_http_config: { http2_protocol_options: {} }
              connect_timeout: 60s
              load_assignment: { cluster_name: \(name), endpoints: [{ lb_endpoints: [{ endpoint: { address: { socket_address: { address: \(Loopback.address), port_value: \(port) } } } }] }] }
            """
        }
        return try await TestProxy.start(
            bootstrap: """
                static_resources:
                  listeners:
                  - name: main
                    address: { socket_address: { address: 127.0.0.1, port_value: 1 } }
                    filter_chains:
                    - filters:
                      - name: http
                        typed_config:
                          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
                          stat_prefix: test
                          route_config:
                            virtual_hosts:
                            - name: all
                              domains: ["*"]
                              routes:
                              - { match: { prefix: /, headers: [{ name: x-model, string_match: { exact: large } }] }, route: { cluster: large } }
                              - { match: { prefix: / }, route: { cluster: small } }
                          http_filters:
                          - name: body_route
                            typed_config:
                              "@type": type.googleapis.com/heddle.filters.http.body_route.v1.BodyRoute
                              fields: [\(fields)]
                \(more.indented(14))
                          - name: router
                            typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router }
                  clusters:
                \(cluster("large", large.port).indented(2))
                \(cluster("small", small.port).indented(2))
                """)
    }

    private static func upstream(_ name: String) -> RecordingUpstream {
        RecordingUpstream(http2: true) { _ in .reply(200, [WireField("x-from", name)], body: name) }
    }

    private static func head(_ type: String, _ more: [WireField] = []) -> [UInt8] {
        let fields = [
            WireField(":method", "POST"), WireField(":scheme", "http"), WireField(":authority", "test"),
            WireField(":path", "/shop.Checkout/Place"), WireField("content-type", type), WireField("x-model", "forged"),
        ]
        return FieldBlockCodec.encode(fields + more)
    }

    /// Sends the head, and the body in DATA frames of `piece` bytes each in a write of its own.
    private static func send(_ client: WireHTTP2Client, _ head: [UInt8], _ body: [UInt8], piece: Int, trailers: [WireField] = []) -> UInt32 {
        let stream = client.takeStream()
        client.send(HTTP2Frame(.headers, flags: HTTP2Frame.endHeaders, stream: stream, head))
        for start in stride(from: 0, to: body.count, by: piece) {
            let end = min(start + piece, body.count)
            let isLast = end == body.count && trailers.isEmpty
            client.send(HTTP2Frame(.data, flags: isLast ? HTTP2Frame.endStream : 0, stream: stream, Array(body[start..<end])))
        }
        if !trailers.isEmpty {
            let flags = HTTP2Frame.endHeaders | HTTP2Frame.endStream
            client.send(HTTP2Frame(.headers, flags: flags, stream: stream, FieldBlockCodec.encode(trailers)))
        }
        return stream
    }

    /// A gRPC message `{3: {1: model}}`.
    private static func message(_ model: String) -> [UInt8] {
        let inner: [UInt8] = [0x0A, UInt8(model.utf8.count)] + Array(model.utf8)
        let outer: [UInt8] = [0x1A, UInt8(inner.count)] + inner
        return [0, 0, 0, 0, UInt8(outer.count)] + outer
    }

    @Test("finds fields of each format however a body is cut into frames, with trailers behind it or none", arguments: [
        ("application/json", Array(#"{"id": 7, "model": "large"}"#.utf8)), ("application/x-www-form-urlencoded", Array("id=7&model=la%72ge".utf8)),
        ("application/grpc", message("large")), ("application/grpc+proto", message("large") + message("tiny")),
    ])
    func formats(_ type: String, _ body: [UInt8]) async throws {
        let (large, small) = (Self.upstream("large"), Self.upstream("small"))
        let proxy = try await Self.start(large, small)
        let port = proxy.port
        let answers = await onThread { () -> [String] in
            guard let client = WireHTTP2Client(port: port, host: "127.0.0.1") else { return ["no connection"] }
            return [1, 7, body.count].flatMap { piece in
                [[], [WireField("x-end", "1")]].map { trailers in
                    let stream = Self.send(client, Self.head(type), body, piece: piece, trailers: trailers)
                    let answer = client.answer(of: stream)
                    return "\(answer.status) \(String(decoding: answer.body, as: UTF8.self)) \(answer.ending)"
                }
            }
        }
        #expect(answers == Array(repeating: "200 large ended", count: 6))
        let requests = large.takeRequests()
        #expect(requests.map { $0.values("x-model") } == Array(repeating: ["large"], count: 6))
        #expect(requests.allSatisfy { $0.body == body && $0.isComplete })
        #expect(small.takeRequests().isEmpty)
        await proxy.stop()
    }

    @Test("streams of one connection are read each for itself, their frames mixed")
    func mixed() async throws {
        let (large, small) = (Self.upstream("large"), Self.upstream("small"))
        let proxy = try await Self.start(large, small)
        let port = proxy.port
        let answers = await onThread { () -> [String] in
            guard let client = WireHTTP2Client(port: port, host: "127.0.0.1") else { return ["no connection"] }
            let bodies = ["large", "tiny", "large", "none"].map(Self.message)
            let streams = bodies.map { _ in client.takeStream() }
            for stream in streams {
                client.send(HTTP2Frame(.headers, flags: HTTP2Frame.endHeaders, stream: stream, Self.head("application/grpc")))
            }
            for index in 0..<(bodies.map(\.count).max() ?? 0) {
                for (stream, body) in zip(streams, bodies) where index < body.count {
                    let flags = index == body.count - 1 ? HTTP2Frame.endStream : 0
                    client.send(HTTP2Frame(.data, flags: flags, stream: stream, [body[index]]))
                }
            }
            return streams.map { String(decoding: client.answer(of: $0).body, as: UTF8.self) }
        }
        #expect(answers == ["large", "small", "large", "small"])
        await proxy.stop()
    }

    @Test("a gRPC stream goes on with its first message, and all that follows passes both ways")
    func stream() async throws {
        var echo = UpstreamScript.reply(200, [WireField("content-type", "application/grpc")])
        echo.echoes = true
        echo.trailers = [WireField("grpc-status", "0")]
        let large = RecordingUpstream(http2: true) { [echo] _ in echo }
        let small = Self.upstream("small")
        let proxy = try await Self.start(large, small)
        let port = proxy.port
        let (first, all) = (Self.message("large"), Self.message("large") + Self.message("tiny") + [0, 0, 0, 0, 0])
        let seen = await onThread { () -> WireHTTP2Client.Answer? in
            guard let client = WireHTTP2Client(port: port, host: "127.0.0.1") else { return nil }
            let stream = client.takeStream()
            client.send(
                HTTP2Frame(.headers, flags: HTTP2Frame.endHeaders, stream: stream, Self.head("application/grpc")),
                HTTP2Frame(.data, stream: stream, first))
            // Its answer comes before the client has said anything more.
            guard client.reads(Deadline(seconds: 30), until: { $0.sofar(stream).body == first }) else { return client.sofar(stream) }
            client.send(HTTP2Frame(.data, stream: stream, Array(all[first.count...])))
            guard client.reads(Deadline(seconds: 30), until: { $0.sofar(stream).body == all }) else { return client.sofar(stream) }
            client.send(HTTP2Frame(.data, flags: HTTP2Frame.endStream, stream: stream))
            return client.answer(of: stream)
        }
        #expect(seen?.status == 200)
        #expect(seen?.body == all)
        #expect(seen?.trailers == [WireField("grpc-status", "0")])
        #expect(seen?.ending == "ended")
        #expect(large.takeRequests().first?.values("x-model") == ["large"])
        await proxy.stop()
    }

    @Test("a body over the limit goes on before its end has come, and all of it arrives", arguments: [("", "small"), ("on_overflow: USE_FOUND", "large")])
    func overflow(_ policy: String, _ expected: String) async throws {
        @Sendable func script(_ name: String) -> UpstreamScript {
            var script = UpstreamScript.reply(200, [WireField("x-from", name)])
            script.echoes = true
            script.trailers = [WireField("x-end", "1")]
            return script
        }
        let (large, small) = (RecordingUpstream(http2: true) { _ in script("large") }, RecordingUpstream(http2: true) { _ in script("small") })
        let proxy = try await Self.start(large, small, "scan_limit_bytes: 1000\n\(policy)")
        let port = proxy.port
        let body = Array(#"{"model": "large", "x": ""#.utf8) + [UInt8](repeating: 0x78, count: 30_000) + Array("\"}".utf8)
        let seen = await onThread { () -> WireHTTP2Client.Answer? in
            guard let client = WireHTTP2Client(port: port, host: "127.0.0.1") else { return nil }
            let stream = client.takeStream()
            client.send(
                HTTP2Frame(.headers, flags: HTTP2Frame.endHeaders, stream: stream, Self.head("application/json")),
                HTTP2Frame(.data, stream: stream, Array(body[..<1001])))
            guard client.reads(Deadline(seconds: 30), until: { $0.sofar(stream).body.count == 1001 }) else { return client.sofar(stream) }
            client.send(HTTP2Frame(.data, stream: stream, Array(body[1001..<15_000])))
            client.send(HTTP2Frame(.data, flags: HTTP2Frame.endStream, stream: stream, Array(body[15_000...])))
            return client.answer(of: stream)
        }
        #expect(seen?.fields.first { $0.name == "x-from" }?.value == expected)
        #expect(seen?.body == body)
        #expect(seen?.ending == "ended")
        await proxy.stop()
    }

    @Test("a refusal is an answer on its stream, in gRPC's form for gRPC, and the connection stays")
    func refusals() async throws {
        let (large, small) = (Self.upstream("large"), Self.upstream("small"))
        let proxy = try await Self.start(large, small, "on_overflow: PAYLOAD_TOO_LARGE\nscan_limit_bytes: 100")
        let port = proxy.port
        let answers = await onThread { () -> [WireHTTP2Client.Answer] in
            guard let client = WireHTTP2Client(port: port, host: "127.0.0.1") else { return [] }
            let twice: [UInt8] = [0, 0, 0, 0, 10, 0x1A, 3, 0x0A, 1, 0x61, 0x1A, 3, 0x0A, 1, 0x62]
            return [
                client.answer(of: Self.send(client, Self.head("application/json"), Array(#"{"model": 1, "model": 2}"#.utf8), piece: 5)),
                client.answer(of: Self.send(client, Self.head("application/grpc"), twice, piece: 5)),
                client.answer(of: Self.send(client, Self.head("application/json"), [UInt8](repeating: 0x20, count: 101), piece: 50)),
                client.answer(of: Self.send(client, Self.head("application/grpc"), Self.message("large"), piece: 5)),
            ]
        }
        #expect(answers.map(\.status) == [400, 200, 413, 200])
        #expect(answers.map(\.ending) == ["ended", "ended", "ended", "ended"])
        let grpc = answers.dropFirst().first?.fields ?? []
        #expect(grpc.first { $0.name == "grpc-status" }?.value == "13")
        #expect(grpc.first { $0.name == "grpc-message" }?.value.hasPrefix("a field to route by is there more than once") == true)
        #expect(large.takeRequests().count == 1)
        #expect(small.takeRequests().isEmpty)
        await proxy.stop()
    }
}
