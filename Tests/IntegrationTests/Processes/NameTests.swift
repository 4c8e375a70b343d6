import Foundation
import Glibc
import TestKit
import Testing

/// Clusters whose hosts are names, against a DNS server of the test.
@Suite("Names", .serialized, .enabled(if: SupervisedProxy.program != nil, "no heddle-proxy is built"))
struct NameTests {
    private let here: RecordingUpstream
    /// At another address and the same port.
    private let there: RecordingUpstream
    private let server = NameServer(["up.test": .init([Loopback.address])])

    init() {
        here = RecordingUpstream { _ in .reply(200, body: "hello") }
        there = RecordingUpstream(host: Loopback.otherAddress, port: here.port) { _ in .reply(200, body: "hello") }
    }

    private static func resolver(_ port: UInt16) -> String {
        "typed_dns_resolver_config: {name: cares, typed_config: {"
            + "\"@type\": type.googleapis.com/envoy.extensions.network.dns_resolver.cares.v3.CaresDnsResolverConfig, "
            + "resolvers: [{socket_address: {address: \(Loopback.address), port_value: \(port)}}], query_timeout_seconds: 1, query_tries: 1}}"
    }

    private func cluster(_ type: String, _ more: String, name: String = "up.test") -> String {
        "type: \(type), dns_lookup_family: V4_ONLY, \(more), \(SupervisedProxy.assignment([(name, here.port)]))"
    }

    private func proxy(workers: Int = 2, _ cluster: String, others: [String] = []) throws -> SupervisedProxy {
        var parts = SupervisedProxy.Parts()
        parts.top = Self.resolver(server.port)
        parts.cluster = cluster
        parts.others = others
        return try SupervisedProxy(workers: workers, upstream: 0, parts: parts)
    }

    /// Waits until all of `count` answers in a row came from one of the two.
    private func comes(_ load: SteadyLoad, from upstream: RecordingUpstream, not other: RecordingUpstream) -> Bool {
        Deadline(seconds: 15).polls {
            _ = other.take()
            _ = upstream.take()
            guard load.waits(forMore: 20) else { return false }
            return other.takeRequests().isEmpty && upstream.takeRequests().count >= 19
        }
    }

    /// The status of one request.
    private func ask(_ proxy: SupervisedProxy) -> Int? {
        guard let client = WireClient(port: proxy.port) else { return nil }
        client.send("GET / HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n")
        _ = client.receiveEnd()
        return (try? WireMessage.parse(client.received[...], answering: "GET", isEnded: true))?.status
    }

    @Test("a name is asked for once, not by each worker, nor by one that starts later")
    func once() throws {
        let proxy = try proxy(workers: 4, cluster("STRICT_DNS", "dns_refresh_rate: 3600s"))
        let load = SteadyLoad(port: proxy.port, clients: 8)
        #expect(load.waits(forMore: 40))
        let victim = try #require(proxy.workerIDs.first)
        load.stop()
        #expect(load.failures == [])
        kill(victim, SIGKILL)
        #expect(Deadline(seconds: 10).polls { proxy.workerIDs.count == 4 && !proxy.workerIDs.contains(victim) })
        let again = SteadyLoad(port: proxy.port, clients: 8)
        #expect(again.waits(forMore: 40))
        again.stop()
        #expect(again.failures == [])
        #expect(server.questions(for: "up.test").count == 1)
    }

    @Test("a change of the address moves the traffic and costs no request", arguments: ["STRICT_DNS", "LOGICAL_DNS"])
    func change(type: String) throws {
        let proxy = try proxy(cluster(type, "dns_refresh_rate: 0.05s"))
        let load = SteadyLoad(port: proxy.port, clients: 4)
        #expect(comes(load, from: here, not: there))
        server.set("up.test", .init([Loopback.otherAddress]))
        #expect(comes(load, from: there, not: here))
        server.set("up.test", .init([Loopback.address]))
        #expect(comes(load, from: here, not: there))
        load.stop()
        #expect(load.failures == [])
    }

    @Test("the time to live says when a name is asked for again, if respect_dns_ttl does")
    func timeToLive() throws {
        server.set("short.test", .init([Loopback.address], ttl: 1))
        server.set("clock.test", .init([Loopback.address], ttl: 3600))
        let proxy = try proxy(
            cluster("STRICT_DNS", "respect_dns_ttl: true, dns_refresh_rate: 0.01s"),
            others: [
                "{name: short, \(cluster("STRICT_DNS", "respect_dns_ttl: true, dns_refresh_rate: 3600s", name: "short.test"))}",
                "{name: clock, \(cluster("STRICT_DNS", "dns_refresh_rate: 0.02s", name: "clock.test"))}",
            ])
        #expect(ask(proxy) == 200)
        #expect(Deadline(seconds: 15).polls { server.questions(for: "short.test").count >= 3 })
        let times = server.questions(for: "short.test").map(\.time)
        for (earlier, later) in zip(times, times.dropFirst()) { #expect(later - earlier >= 990) }
        // Meanwhile the refresh rate would have asked many times for the first, whose time to live is an hour.
        #expect(server.questions(for: "clock.test").count >= 10)
        #expect(server.questions(for: "up.test").count == 1)
    }

    @Test(
        "an outage of the server leaves the last good answer, also to new workers and through a reload",
        arguments: [NameServer.Behaviour.fails, .silent], ["STRICT_DNS", "LOGICAL_DNS"])
    func outage(behaviour: NameServer.Behaviour, type: String) throws {
        let rates = "dns_failure_refresh_rate: {base_interval: 0.05s, max_interval: 0.05s}"
        let proxy = try proxy(cluster(type, "dns_refresh_rate: 0.05s, \(rates)"))
        let load = SteadyLoad(port: proxy.port, clients: 4)
        #expect(load.waits(forMore: 20))
        server.behave(behaviour)
        let before = try proxy.counter("cluster.up.update_failure")
        #expect(Deadline(seconds: 15).polls { (try? proxy.counter("cluster.up.update_failure")) ?? 0 >= before + 2 })
        #expect(load.waits(forMore: 20))
        proxy.parts.cluster = cluster(type, "dns_refresh_rate: 0.06s, \(rates)")
        try proxy.write(proxy.config(route: "up", prefix: "second"))
        kill(proxy.id, SIGHUP)
        #expect(Deadline(seconds: 15).polls { proxy.log.contains("configuration 2 is in force") })
        #expect(load.waits(forMore: 20))
        load.stop()
        #expect(load.failures == [])
        let victims = proxy.workerIDs
        for victim in victims { kill(victim, SIGKILL) }
        #expect(Deadline(seconds: 10).polls { proxy.workerIDs.count == 2 && Set(victims).isDisjoint(with: proxy.workerIDs) })
        #expect(ask(proxy) == 200)
        // The first good answer afterwards counts again.
        server.set("up.test", .init([Loopback.otherAddress]))
        server.behave(.answers)
        let after = SteadyLoad(port: proxy.port, clients: 4)
        #expect(comes(after, from: there, not: here))
        after.stop()
        #expect(after.failures == [])
    }

    @Test("that a name does not exist is an answer, kept until the next refresh; a logical cluster keeps its host")
    func negative() throws {
        server.set("up.test", nil)
        server.set("logical.test", .init([Loopback.address]))
        let proxy = try proxy(
            cluster("STRICT_DNS", "dns_refresh_rate: 3600s"),
            others: [
                "{name: strict, \(cluster("STRICT_DNS", "dns_refresh_rate: 0.05s", name: "strict.test"))}",
                "{name: logical, \(cluster("LOGICAL_DNS", "dns_refresh_rate: 0.05s", name: "logical.test"))}",
            ])
        for _ in 0..<20 { #expect(ask(proxy) == 503) }
        #expect(server.questions(for: "up.test").count == 1)
        let hosts = { (cluster: String) in (try? self.hosts(proxy, cluster)) ?? [] }
        #expect(hosts("strict") == [])
        server.set("strict.test", .init([Loopback.address, Loopback.otherAddress]))
        #expect(Deadline(seconds: 10).polls { hosts("strict") == [Loopback.address, Loopback.otherAddress].sorted() })
        server.set("strict.test", nil)
        #expect(Deadline(seconds: 10).polls { hosts("strict") == [] })
        #expect(hosts("logical") == [Loopback.address])
        server.set("logical.test", nil)
        let failures = try proxy.counter("cluster.logical.update_failure")
        #expect(Deadline(seconds: 10).polls { (try? proxy.counter("cluster.logical.update_failure")) ?? 0 >= failures + 3 })
        #expect(hosts("logical") == [Loopback.address])
    }

    @Test(
        "the family says which addresses are wanted and asked for",
        arguments: [
            ("AUTO", ["::1"], [28]), ("V4_ONLY", ["127.0.0.9"], [1]), ("V6_ONLY", ["::1"], [28]), ("V4_PREFERRED", ["127.0.0.9"], [1]),
            ("ALL", ["127.0.0.9", "::1"], [1, 28]),
        ] as [(String, [String], [UInt16])])
    func family(family: String, addresses: [String], types: [UInt16]) throws {
        server.set("up.test", .init(["127.0.0.9"], ipv6: ["::1"]))
        server.set("four.test", .init(["127.0.0.9"]))
        let fields = "type: STRICT_DNS, dns_lookup_family: \(family), dns_refresh_rate: 3600s"
        let proxy = try proxy(
            workers: 1, "\(fields), \(SupervisedProxy.assignment([("up.test", 80)]))",
            others: ["{name: four, \(fields), \(SupervisedProxy.assignment([("four.test", 80)]))}"])
        #expect(try hosts(proxy, "up") == addresses)
        #expect(server.questions(for: "up.test").map(\.type).sorted() == types)
        #expect(try hosts(proxy, "four") == (family == "V6_ONLY" ? [] : ["127.0.0.9"]))
    }

    @Test("a cluster asks the servers that it names itself")
    func ownServers() throws {
        let own = NameServer(["up.test": .init([Loopback.otherAddress])])
        let proxy = try proxy(cluster("STRICT_DNS", "dns_refresh_rate: 3600s, \(Self.resolver(own.port))"))
        #expect(try hosts(proxy, "up") == [Loopback.otherAddress])
        #expect(own.questions(for: "up.test").count == 1)
        #expect(server.questions(for: "up.test") == [])
    }

    /// The addresses that admin shows, without their ports, in order.
    private func hosts(_ proxy: SupervisedProxy, _ cluster: String) throws -> [String] {
        try proxy.get("/clusters").split(separator: "\n").compactMap { line in
            guard line.hasPrefix("\(cluster)::"), line.contains("::priority::") else { return nil }
            let address = line.dropFirst(cluster.count + 2).components(separatedBy: "::priority::")[0]
            return address.prefix(upTo: address.lastIndex(of: ":") ?? address.endIndex).trimmingCharacters(in: ["[", "]"])
        }.sorted()
    }
}
