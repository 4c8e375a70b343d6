import Reactor

private let requestHTTP1 = Array(
    """
    GET /items/1234?page=2 HTTP/1.1\r
    host: shop.example.com\r
    user-agent: micro/1.0\r
    accept: */*\r
    accept-encoding: gzip, br\r
    cookie: session=0f8fad5b-d9cb-469f-a165-70867728950e; theme=dark\r
    x-tenant: tenant-0042\r
    \r\n
    """.utf8)
private let responseHTTP1 = Array(
    "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 1024\r\n\r\n".utf8) + [UInt8](repeating: 0x61, count: 1024)

private func header(_ type: String) -> String { "\"@type\": type.googleapis.com/envoy.extensions.filters.http.\(type)" }

private let luaFilter =
    "{name: lua, typed_config: {\(header("lua.v3.Lua")), default_source_code: {inline_string: "
    + "'function envoy_on_request(h) h:headers():add(\"x-lua\", h:headers():get(\":authority\")) end'}}}, "
private let emptyLuaFilter =
    "{name: lua, typed_config: {\(header("lua.v3.Lua")), default_source_code: {inline_string: 'function envoy_on_request(h) end'}}}, "

/// Filters that change nothing: what a place in the chain costs.
private func idleFilters(_ count: Int) -> String {
    (0..<count).map { "{name: m\($0), typed_config: {\(header("header_mutation.v3.HeaderMutation"))}}, " }.joined()
}

/// Requests of one connection through all of the proxy, both its sockets included.
@inline(never)
@WorkerActor private func measureRequests(_ proxy: LocalProxy, _ count: Int) -> Int {
    var sum = 0
    for _ in 0..<count {
        proxy.clientSends(requestHTTP1)
        sum &+= proxy.serveUntilHostReads()
        proxy.hostSends(responseHTTP1)
        sum &+= proxy.serveUntilClientReads()
    }
    return sum
}

/// Requests that the proxy answers itself.
@inline(never)
@WorkerActor private func measureAnswers(_ proxy: LocalProxy, _ count: Int) -> Int {
    var sum = 0
    for _ in 0..<count {
        proxy.clientSends(requestHTTP1)
        sum &+= proxy.serveUntilClientReads()
    }
    return sum
}

/// Requests over HTTP/2 on both sides, with frames of the client and the host that need no compression state.
@inline(never)
@WorkerActor private func measureHTTP2(_ proxy: LocalProxy, _ requests: [[UInt8]], _ responses: [[UInt8]]) -> Int {
    var sum = 0
    for index in requests.indices {
        proxy.clientSends(requests[index])
        sum &+= proxy.serveUntilHostReads()
        proxy.hostSends(responses[index])
        sum &+= proxy.serveUntilClientReads()
    }
    return sum
}

private func run(_ body: @WorkerActor () throws -> Int) -> Int {
    EventLoop.process.adopt()
    do {
        return try WorkerActor.enter(body)
    } catch {
        preconditionFailure("\(error)")
    }
}

let requestBenchmarks: [Benchmark] = [
    Benchmark("request-http1") { count in
        run { measureRequests(try LocalProxy(), count) }
    },
    Benchmark("request-http1-8-filters") { count in
        run { measureRequests(try LocalProxy(filters: idleFilters(8)), count) }
    },
    Benchmark("request-http1-lua-empty") { count in run { measureRequests(try LocalProxy(filters: emptyLuaFilter), count) } },
    Benchmark("request-http1-lua") { count in run { measureRequests(try LocalProxy(filters: luaFilter), count) } },
    Benchmark("answer-http1") { count in
        let route = "{match: {prefix: /items}, direct_response: {status: 200, body: {inline_string: hello}}}, "
        return run { measureAnswers(try LocalProxy(routes: route), count) }
    },
    Benchmark("request-http2") { count in
        run {
            let proxy = try LocalProxy(options: HTTP2Peers.clusterOptions)
            let peers = HTTP2Peers()
            proxy.clientSends(peers.clientPreface)
            _ = proxy.serveUntilClientReads()
            proxy.clientSends(peers.nextRequest())
            _ = proxy.serveUntilHostReads()
            proxy.hostSends(peers.hostPreface)
            proxy.hostSends(peers.nextResponse())
            _ = proxy.serveUntilClientReads()
            return measureHTTP2(
                proxy, (0..<count).map { _ in peers.nextRequest() }, (0..<count).map { _ in peers.nextResponse() })
        }
    },
]
