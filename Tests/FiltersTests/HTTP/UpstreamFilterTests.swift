import Observability
import Synchronization
import Testing

/// HTTP filters of a cluster: what they see, in which order, and what becomes of what they do.
@Suite("A cluster's HTTP filters")
struct UpstreamFilterTests {
    private static func tracing(_ name: String) -> String {
        """
        function envoy_on_request(h) h:headers():add('x-trace', '\(name)') end
        function envoy_on_response(h) h:headers():add('x-trace', '\(name)') end
        """.asLuaFilter(named: name)
    }

    @Test("stand between the router and the host, in order for a request and in reverse for a response")
    func order() async throws {
        let upstream = TestUpstream()
        let proxy = try await UpstreamFilterProxy.start(
            Self.tracing("up-one") + "\n" + Self.tracing("up-two"), downstream: Self.tracing("down"), port: upstream.port)
        let answer = await proxy.get()
        #expect(upstream.requests.first?["x-trace"] == "down,up-one,up-two")
        #expect(answer?["x-trace"] == "up-two,up-one,down")
        await proxy.stop()
    }

    @Test("see a request as the router has made it, and a response before the router has seen it")
    func view() async throws {
        let upstream = TestUpstream()
        let script = """
            function envoy_on_request(h)
              local all = h:headers():get(':path') .. ' ' .. h:headers():get('x-route') .. ' ' .. h:streamInfo():virtualClusterName()
              h:headers():add('x-seen', all .. ' ' .. (h:headers():get('x-envoy-expected-rq-timeout-ms') or 'nil'))
            end
            function envoy_on_response(h)
              h:headers():add('x-early', (h:headers():get('x-envoy-upstream-service-time') or 'nil') .. (h:headers():get('x-route') or 'nil'))
            end
            """
        let proxy = try await UpstreamFilterProxy.start(
            script.asLuaFilter,
            routes: """
                - match: { prefix: /old }
                  route: { cluster: main, prefix_rewrite: /new }
                  request_headers_to_add: [{ header: { key: x-route, value: added } }]
                  response_headers_to_add: [{ header: { key: x-route, value: answered } }]
                """, port: upstream.port)
        let answer = await proxy.get("/old/1")
        #expect(upstream.requests.first?["x-seen"] == "/new/1 added named 15000")
        #expect(answer?["x-early"] == "nilnil")
        #expect(answer?["x-route"] == "answered")
        #expect(answer?["x-envoy-upstream-service-time"] != nil)
        await proxy.stop()
    }

    @Test("decide what the router counts: a status that they write is the host's answer")
    func status() async throws {
        let upstream = TestUpstream()
        let proxy = try await UpstreamFilterProxy.start(
            "function envoy_on_response(h) h:headers():replace(':status', '404') end".asLuaFilter, port: upstream.port)
        #expect(await proxy.get()?.status == 404)
        #expect(await proxy.cluster("main", .upstreamRq4xx) == 1)
        #expect(await proxy.cluster("main", .upstreamRq2xx) == 0)
        await proxy.stop()
    }

    @Test("mutate headers with the facts of the attempt")
    func mutation() async throws {
        let upstream = TestUpstream()
        let proxy = try await UpstreamFilterProxy.start(
            """
            - name: mutation
              typed_config:
                "@type": type.googleapis.com/envoy.extensions.filters.http.header_mutation.v3.HeaderMutation
                mutations:
                  request_mutations: [{ append: { header: { key: x-host, value: "%UPSTREAM_HOST% %UPSTREAM_CLUSTER%" } } }]
                  response_mutations: [{ append: { header: { key: x-from, value: "%UPSTREAM_REMOTE_PORT%" } } }]
            """, port: upstream.port)
        #expect(await proxy.get()?["x-from"] == "\(upstream.port)")
        #expect(upstream.requests.first?["x-host"] == "127.0.0.1:\(upstream.port) main")
        await proxy.stop()
    }

    @Test("run once more when the request is sent once more, on the head that the first run left")
    func attempts() async throws {
        let count = Mutex(0)
        let upstream = TestUpstream { _ in
            // The connection closes under its second request.
            count.withLock { $0 += 1; return $0 == 2 } ? "" : TestUpstream.ok("hello")
        }
        let proxy = try await UpstreamFilterProxy.start(
            """
            function envoy_on_request(h) h:headers():add('x-run', '1') end
            function envoy_on_response(h) h:headers():add('x-run', '1') end
            """.asLuaFilter, port: upstream.port)
        #expect(await proxy.get()?.text == "hello")
        #expect(await proxy.get()?["x-run"] == "1")
        #expect(upstream.requests.map { $0["x-run"] } == ["1", "1", "1,1"])
        #expect(await proxy.cluster("main", .upstreamRqRetry) == 1)
        await proxy.stop()
    }

    // MARK: Answers in the host's place

    private static let refusing = """
        function envoy_on_request(h) if h:headers():get('x-refuse') then h:respond({[':status'] = '403', ['x-a'] = 'b'}, 'no') end end
        function envoy_on_response(h) h:headers():add('x-upstream-hook', '1') end
        """

    @Test("may answer: the connection manager's filters see it, no host is asked, and its place is given back", arguments: [0, 5])
    func respond(_ length: Int) async throws {
        let upstream = TestUpstream()
        let proxy = try await UpstreamFilterProxy.start(
            Self.refusing.asLuaFilter,
            downstream: "function envoy_on_response(h) h:headers():add('x-downstream-hook', h:headers():get(':status')) end".asLuaFilter,
            cluster: "circuit_breakers: { thresholds: [{ max_requests: 1 }] }", port: upstream.port)
        for _ in 0..<3 {
            let refused = await proxy.post(String(repeating: "x", count: length), to: "/", "x-refuse: 1")
            #expect(refused?.status == 403 && refused?.text == "no" && refused?["x-a"] == "b")
            #expect(refused?["x-downstream-hook"] == "403" && refused?["x-upstream-hook"] == nil)
        }
        #expect(upstream.requests.isEmpty)
        let answer = await proxy.get()
        #expect(answer?.text == "hello" && answer?["x-upstream-hook"] == "1")
        #expect(try await proxy.statistics().contains("cluster.main.upstream_rq_active: 0\n"))
        await proxy.stop()
    }

    @Test("may put another response in the place of the host's, which the connection manager's filters see")
    func replaceResponse() async throws {
        let upstream = TestUpstream { _ in TestUpstream.ok(String(repeating: "secret", count: 2000)) }
        let proxy = try await UpstreamFilterProxy.start(
            "function envoy_on_response(h) h:respond({[':status'] = '502'}, 'censored') end".asLuaFilter,
            downstream: "function envoy_on_response(h) h:headers():add('x-downstream-hook', h:headers():get(':status')) end".asLuaFilter,
            port: upstream.port)
        for _ in 0..<2 {
            let answer = await proxy.get()
            #expect(answer?.status == 502 && answer?.text == "censored" && answer?["x-downstream-hook"] == "502")
        }
        await proxy.stop()
    }

    // MARK: Bodies

    @Test("read and replace bodies of both directions, however they come", arguments: [1, 3, 1000], [false, true])
    func bodies(_ pieces: Int, _ isChunked: Bool) async throws {
        let upstream = TestUpstream { TestUpstream.ok("answer to " + $0.text) }
        let proxy = try await UpstreamFilterProxy.start(
            """
            function envoy_on_request(h) local b = h:body() b:setBytes('<' .. b:getBytes(0, b:length()) .. '>') end
            function envoy_on_response(h) local b = h:body() b:setBytes('[' .. b:getBytes(0, b:length()) .. ']') end
            """.asLuaFilter, port: upstream.port)
        let head = "POST / HTTP/1.1\r\nhost: test\r\n"
        let request =
            isChunked
            ? head + "transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n" : head + "content-length: 11\r\n\r\nhello world"
        let answer = await proxy.ask(Array(request.utf8), pieces: pieces)
        #expect(answer?.text == "[answer to <hello world>]", "\(proxy.log)")
        #expect(upstream.requests.first?.text == "<hello world>")
        await proxy.stop()
    }

    @Test("see chunks and trailers pass")
    func chunks() async throws {
        let upstream = TestUpstream { _ in
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\nx-t: 1\r\n\r\n"
        }
        let script = """
            local function all(h) local n = 0 for c in h:bodyChunks() do n = n + c:length() end h:trailers():add('x-length', n) end
            function envoy_on_request(h) all(h) end
            function envoy_on_response(h) all(h) end
            """
        let proxy = try await UpstreamFilterProxy.start(script.asLuaFilter, port: upstream.port)
        let answer = await proxy.ask(
            "POST / HTTP/1.1\r\nhost: test\r\ntransfer-encoding: chunked\r\n\r\n4\r\nfour\r\n0\r\nx-t: 2\r\n\r\n")
        #expect(answer?.text == "abcde" && answer?.trailers.map(\.value) == ["1", "5"], "\(proxy.log)")
        #expect(upstream.requests.first?.trailers.map(\.value) == ["2", "4"])
        await proxy.stop()
    }

    @Test("keep no more of a body than the connection's limit", arguments: [("request", 413), ("response", 500)])
    func limits(_ direction: String, _ status: Int) async throws {
        let upstream = TestUpstream { _ in TestUpstream.ok(String(repeating: "x", count: 5000)) }
        let proxy = try await UpstreamFilterProxy.start(
            "function envoy_on_\(direction)(h) h:body() end".asLuaFilter, bufferLimit: 1024, port: upstream.port)
        #expect(await proxy.post(String(repeating: "y", count: direction == "request" ? 5000 : 5))?.status == status)
        #expect(upstream.requests.count == (direction == "request" ? 0 : 1))
        await proxy.stop()
    }

    // MARK: Waiting

    private static let calling = """
        local function call(h) h:httpCall('other', {[':method'] = 'GET', [':path'] = '/', [':authority'] = 'o'}, nil, 5000) end
        function envoy_on_request(h) call(h) h:headers():add('x-called', '1') end
        function envoy_on_response(h) call(h) h:headers():add('x-called', '1') end
        """

    @Test("wait for other services in either direction, while the body comes")
    func calls() async throws {
        let upstream = TestUpstream { TestUpstream.ok("answer to " + $0.text) }
        let other = TestUpstream()
        let proxy = try await UpstreamFilterProxy.start(Self.calling.asLuaFilter, port: upstream.port, other: other.port)
        for length in [0, 5, 30000] {
            let body = String(repeating: "x", count: length)
            let answer = await proxy.post(body)
            #expect(answer?.text == "answer to " + body && answer?["x-called"] == "1", "\(proxy.log)")
        }
        #expect(upstream.requests.allSatisfy { $0["x-called"] == "1" } && other.requests.count == 6)
        await proxy.stop()
    }

    @Test("that wait too long with the response do not hold up the request's timeout")
    func timeout() async throws {
        let upstream = TestUpstream()
        let gate = Gate()
        let other = TestUpstream { _ in
            gate.wait()
            return TestUpstream.ok("late")
        }
        let proxy = try await UpstreamFilterProxy.start(
            Self.calling.replacing("function envoy_on_request(h) call(h)", with: "function envoy_on_request(h)").asLuaFilter,
            routes: "- { match: { prefix: / }, route: { cluster: main, timeout: 3s } }", port: upstream.port, other: other.port)
        #expect(await proxy.get()?.status == 504)
        #expect(await proxy.cluster("main", .upstreamRqTimeout) == 1)
        gate.open()
        #expect(upstream.requests.count == 1)
        await proxy.stop()
    }

    @Test("may lose their client while they wait")
    func disconnect() async throws {
        let upstream = TestUpstream()
        let gate = Gate()
        let other = TestUpstream { _ in
            gate.wait()
            return TestUpstream.ok("late")
        }
        let proxy = try await UpstreamFilterProxy.start(
            Self.calling.asLuaFilter, cluster: "circuit_breakers: { thresholds: [{ max_requests: 1 }] }", port: upstream.port, other: other.port)
        var client = await proxy.connect()
        client?.send("GET / HTTP/1.1\r\nhost: test\r\n\r\n")
        #expect(await eventually { !other.requests.isEmpty })
        client = nil
        #expect(await eventually { (try? await proxy.statistics().contains("cluster.main.upstream_rq_active: 0\n")) == true })
        for _ in 0..<3 { gate.open() }
        #expect(await proxy.get()?.text == "hello")
        await proxy.stop()
    }
}
