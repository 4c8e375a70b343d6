import Foundation
import Glibc
import TestKit
import Testing

@Suite("Versions of a Lua filter on several workers", .serialized, .enabled(if: SupervisedProxy.program != nil, "no heddle-proxy is built"))
struct LuaRolloutTests {
    private let upstream = RecordingUpstream { _ in .reply(200, body: "hello") }

    /// The item of `http_filters`, in flow style, with version 2 beside version 1.
    private func filter(_ candidate: String, percent: Int, more: String = "") -> String {
        """
        {name: greeter, typed_config: {"@type": type.googleapis.com/heddle.filters.http.lua.v1.LuaFilter, on_error: FAIL_CLOSED, version: "1", \
        lua: {stat_prefix: g, inline_code: "function envoy_on_response(h) h:headers():add('x-version', '1') end"}, \
        candidate: {version: "2", percent: \(percent), source_code: {inline_string: "function envoy_on_response(h) \(candidate) end"}\(more)}}},
        """
    }

    private func counter(_ proxy: SupervisedProxy, _ version: Int, _ name: String) throws -> Int {
        try proxy.counter("http.in.lua.g.version.\(version).\(name)")
    }

    private func reload(_ proxy: SupervisedProxy, filters: String, until line: String) throws {
        proxy.filters = filters
        try proxy.write(proxy.config(route: "up"))
        kill(proxy.id, SIGHUP)
        #expect(Deadline(seconds: 20).polls(every: 10) { proxy.log.contains(line) }, "\(proxy.log)")
    }

    @Test("a candidate that fails is rolled back on all workers by itself, and only its share of the requests sees it", arguments: [
        ("error('x')", "of its requests failed"), ("while true do end", "of its runs were ended"),
    ])
    func rolledBack(_ statement: String, _ reason: String) throws {
        let proxy = try SupervisedProxy(workers: 2, upstream: upstream.port, filters: filter(statement, percent: 20))
        let load = SteadyLoad(port: proxy.port, clients: 4)
        #expect(Deadline(seconds: 20).polls(every: 10) { proxy.log.contains("version 2 is rolled back") }, "\(proxy.log)")
        // What was under way when the workers heard of it ends; after that no request is the candidate's.
        #expect(load.waits(forMore: 20))
        let served = try counter(proxy, 2, "requests")
        #expect(load.waits(forMore: 200))
        #expect(try counter(proxy, 2, "requests") == served)
        // Not on a worker that starts later either.
        let victim = try #require(proxy.workerIDs.first)
        kill(victim, SIGKILL)
        #expect(Deadline(seconds: 10).polls { proxy.workerIDs.count == 2 && !proxy.workerIDs.contains(victim) })
        #expect(load.waits(forMore: 200))
        load.stop()
        #expect(try counter(proxy, 2, "requests") == served)
        let failures = load.failures.filter { $0.contains(" 500 ") }
        #expect(failures.count == (try counter(proxy, 2, "failed")))
        #expect(load.failures.count - failures.count <= 4, "\(load.failures)")
        let all = Double(served) + Double(try counter(proxy, 1, "requests"))
        #expect(Double(served) < all * 0.2 + 4 * (all * 0.16).squareRoot())
        // It is said once in the log, in the statistics and by admin, with figures.
        #expect(proxy.log.components(separatedBy: "is rolled back").count == 2, "\(proxy.log)")
        #expect(proxy.log.contains("filter greeter: version 2 is rolled back, version 1 takes all requests: "))
        #expect(proxy.log.contains(reason))
        #expect(!proxy.log.contains("taken out of the chain"))
        #expect(try counter(proxy, 2, "rolled_back") == 1)
        let page = try proxy.get("/lua")
        #expect(page.contains(#/\n  1 +in force +100.0 % /#), "\(page)")
        #expect(page.contains(#/\n  2 +rolled back +0.0 % /#), "\(page)")
        #expect(page.contains(reason))
        // Another configuration of it is another candidate.
        try reload(proxy, filters: filter(statement, percent: 50), until: "takes 50.0 % of the requests")
        #expect(try proxy.get("/lua").contains(#/\n  2 +candidate +50.0 % /#))
    }

    @Test("a good one gets its percentage and stays, and a change of the percentage holds for new requests")
    func good() throws {
        let proxy = try SupervisedProxy(
            workers: 2, upstream: upstream.port, filters: filter("h:headers():add('x-version', '2')", percent: 30, more: ", min_requests: 50"))
        let load = SteadyLoad(port: proxy.port, clients: 4)
        #expect(load.waits(forMore: 1000))
        #expect(Deadline(seconds: 20).polls(every: 20) { (try? proxy.get("/lua").contains("no worse")) ?? false })
        load.stop()
        #expect(load.failures == [])
        let second = Double(try counter(proxy, 2, "requests"))
        let all = second + Double(try counter(proxy, 1, "requests"))
        #expect(abs(second - all * 0.3) < 4 * (all * 0.21).squareRoot(), "\(second) of \(all)")
        let data = Data(try proxy.get("/lua?format=json").utf8)
        let filters = try #require(JSONSerialization.jsonObject(with: data) as? [String: [[String: Any]]])["filters"]
        let versions = try #require(filters?.first?["versions"] as? [[String: Any]])
        #expect(versions.map { $0["version"] as? String } == ["1", "2"])
        #expect(versions.map { $0["state"] as? String } == ["in force", "candidate"])
        #expect(versions.map { $0["share_percent"] as? Double } == [70, 30])
        #expect(versions.reduce(0) { $0 + ($1["requests"] as? Int ?? 0) } == Int(all))
        #expect(versions.allSatisfy { ($0["sha256"] as? String)?.count == 64 })
        try reload(proxy, filters: filter("h:headers():add('x-version', '2')", percent: 0), until: "takes 0.0 % of the requests")
        let before = try counter(proxy, 2, "requests")
        let more = SteadyLoad(port: proxy.port, clients: 2)
        #expect(more.waits(forMore: 100))
        more.stop()
        #expect(try counter(proxy, 2, "requests") == before)
        #expect(!proxy.log.contains("is rolled back"))
    }

    @Test("a candidate whose cases fail is refused with the case and what differs, and what is in force stays")
    func cases() throws {
        let folder = NSTemporaryDirectory() + "heddle-cases-\(getpid())"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        func write(_ expected: String) throws {
            try "cases:\n  - { name: has a version, expect: { headers: { x-version: \(expected) } } }\n"
                .write(toFile: folder + "/cases.yaml", atomically: true, encoding: .utf8)
        }
        let proxy = try SupervisedProxy(workers: 2, upstream: upstream.port, filters: filter("h:headers():add('x-version', '0')", percent: 0))
        let load = SteadyLoad(port: proxy.port, clients: 2)
        try write("3")
        let candidate = filter("h:headers():add('x-version', '2')", percent: 100, more: ", cases: \(folder)")
        try reload(proxy, filters: candidate, until: "the old one stays")
        #expect(
            proxy.log.contains(
                "lds \"in\": filter_chains[0].filters[0].typed_config.http_filters[0].typed_config.candidate.cases: filter greeter version 2: case \"has a version\" (\(folder)/cases.yaml:2): response x-version is \"2\"; expected \"3\""), "\(proxy.log)")
        #expect(load.waits(forMore: 50))
        #expect(try counter(proxy, 2, "requests") == 0)
        try write("2")
        try reload(proxy, filters: candidate, until: "configuration 2 is in force")
        #expect(load.waits(forMore: 50))
        #expect(Deadline(seconds: 10).polls { ((try? counter(proxy, 2, "requests")) ?? 0) > 0 })
        load.stop()
        #expect(load.failures == [])
        // A process that cannot say anything refuses, too: here the file is gone.
        try FileManager.default.removeItem(atPath: folder + "/cases.yaml")
        try reload(
            proxy, filters: filter("h:headers():add('x-version', '2')", percent: 50, more: ", cases: \(folder)"), until: "has no cases")
        #expect(try proxy.get("/lua").contains(#/\n  2 +candidate +100.0 % /#))
    }

    @Test("admin says which filter was taken out of the chain, on how many workers, since when and why")
    func detached() throws {
        let proxy = try SupervisedProxy(
            workers: 1, upstream: upstream.port,
            filters: """
                {name: endless, typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua, stat_prefix: e, \
                inline_code: "function envoy_on_request(h) while true do end end"}},
                """)
        #expect(try proxy.get("/lua").contains("endless (listener in, http.in.lua.e)\n"))
        let load = SteadyLoad(port: proxy.port, clients: 1)
        #expect(load.waits(forMore: 5))
        load.stop()
        let page = try proxy.get("/lua")
        #expect(page.contains(#/taken out of the chain on 1 worker, since its scripts were ended again and again at 20\d\d-/#), "\(page)")
        #expect(page.contains(#/\n  - +taken out of the chain +100.0 % +- +- +3 +3 /#), "\(page)")
        let json = try proxy.get("/lua?format=json")
        #expect(json.contains(#""taken_out_of_chain":{"workers":1,"since":"20"#))
        // Requests are counted for versions alone; a hook that ran is no request.
        #expect(json.contains(#""executions":3,"#) && !json.contains(#""requests""#), "\(json)")
    }
}
