import Bytes
import HTTPModel
import TrafficPolicy

/// A table with `count` prefix routes, of which the last matches `/service-x/...`.
private func makeTable(routes count: Int, headers: Int = 0) throws(PolicyError) -> RouteTable {
    var routes: [RouteMatchConfig] = []
    for index in 1..<count { routes.append(RouteMatchConfig(.prefix("/service-\(index)/"))) }
    for index in 0..<headers {
        routes.append(
            RouteMatchConfig(
                .prefix("/"), headers: [try HeaderMatcher(name: "x-version", .string(.exact("v\(index)")))]))
    }
    routes.append(RouteMatchConfig(.prefix("/service-x/")))
    return try RouteTable([VirtualHostConfig(name: "all", domains: ["*"], routes: routes)])
}

private func makeHead() -> HeaderBlock {
    var head = HeaderBlock()
    head.append(":method", "GET")
    head.append(":path", "/service-x/items/1234?page=2")
    head.append(":authority", "shop.example.com")
    head.append(":scheme", "http")
    for index in 0..<9 { head.append("x-header-\(index)", "some value of a header") }
    head.append("x-version", "v9")
    return head
}

@inline(never)
private func measureRouteMatch(_ table: RouteTable, _ head: borrowing HeaderBlock, _ count: Int) -> Int {
    var sum = 0
    for index in 0..<count { sum &+= table.match(head, random: UInt64(index))?.route ?? -1 }
    return sum
}

private func run(_ make: () throws(PolicyError) -> RouteTable, _ count: Int) -> Int {
    do {
        return measureRouteMatch(try make(), makeHead(), count)
    } catch {
        preconditionFailure("\(error)")
    }
}

/// A thousand virtual hosts, exact and by suffix; the request's is one of the latter.
private func makeDomains() throws(PolicyError) -> RouteTable {
    var hosts: [VirtualHostConfig] = []
    for index in 0..<500 {
        let routes = [RouteMatchConfig(.prefix("/"))]
        hosts.append(VirtualHostConfig(name: "e\(index)", domains: ["shop-\(index).example.com"], routes: routes))
        hosts.append(VirtualHostConfig(name: "s\(index)", domains: ["*.shop-\(index).example.com"], routes: routes))
    }
    hosts.append(
        VirtualHostConfig(name: "shop", domains: ["*.example.com"], routes: [RouteMatchConfig(.prefix("/"))]))
    return try RouteTable(hosts)
}

let routeBenchmarks: [Benchmark] = [
    Benchmark("route-match-1") { count in run({ () throws(PolicyError) in try makeTable(routes: 1) }, count) },
    Benchmark("route-match-1000") { count in run({ () throws(PolicyError) in try makeTable(routes: 1000) }, count) },
    Benchmark("route-match-10-headers") { count in
        run({ () throws(PolicyError) in try makeTable(routes: 1, headers: 10) }, count)
    },
    Benchmark("route-match-1000-domains") { count in run({ () throws(PolicyError) in try makeDomains() }, count) },
]
