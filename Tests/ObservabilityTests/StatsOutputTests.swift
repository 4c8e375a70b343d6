import Bytes
import Foundation
import Testing

@testable import Observability

struct StatsOutputTests {
    static func sample() throws -> StatsSnapshot {
        let segment = try StatsSegment(named: "test")
        let cluster = segment.cluster("web")
        cluster[.upstreamRqTotal].add(4)
        cluster[.upstreamCxActive].set(-1)
        cluster.codes.add(200)
        cluster.codes.add(503)
        cluster.countClass(200)
        for value in [400, 500, 900, 1000, 3_600_000_001] as [UInt64] { cluster[.upstreamRqTime].record(value) }
        segment.listenerHTTP("0.0.0.0_80", prefix: "in")[.downstreamRq2xx].add(3)
        segment.server()[.live].set(1)
        return try StatsReader(mapping: secondDescriptor(segment.region)).read()
    }

    static func text(_ body: (inout ByteWriter) -> Void) -> String {
        var writer = ByteWriter()
        body(&writer)
        return writer.text
    }

    @Test("text has one sorted line a statistic, distributions last")
    func text() throws {
        let snapshot = try Self.sample()
        let all = Self.text { snapshot.appendText(to: &$0) }.split(separator: "\n")
        let numbers = all.prefix { !$0.contains("P0(") && !$0.contains("No recorded") }
        #expect(numbers == numbers.sorted()[...])
        for line in [
            "cluster.web.upstream_rq_total: 4", "cluster.web.upstream_cx_active: -1", "cluster.web.upstream_rq_200: 1",
            "cluster.web.upstream_rq_503: 1", "cluster.web.upstream_rq_2xx: 1", "server.live: 1",
            "listener.0.0.0.0_80.http.in.downstream_rq_2xx: 3", "cluster.web.upstream_cx_connect_ms: No recorded values",
        ] { #expect(all.contains(Substring(line)), "\(line)") }
        let used = Self.text { snapshot.appendText(to: &$0, filter: StatsFilter(substring: "rq_time", usedOnly: true)) }
        #expect(used.hasPrefix("cluster.web.upstream_rq_time: P0(nan,0.39) P25(nan,0.46) P50(nan,0.92) P75(nan,0.92) P90(nan,"))
    }

    @Test("text readouts come first, in quotes, and are no numbers")
    func texts() throws {
        var snapshot = try Self.sample()
        snapshot.texts = ["control_plane.identifier": "istiod \"1\"\n", "a.version_text": ""]
        let all = Self.text { snapshot.appendText(to: &$0) }
        #expect(all.hasPrefix("a.version_text: \"\"\ncontrol_plane.identifier: \"istiod \"1\"\\n\"\n"), "\(all.prefix(200))")
        let only = StatsFilter(substring: "identifier", selection: .texts)
        #expect(Self.text { snapshot.appendText(to: &$0, filter: only) }.split(separator: "\n").count == 1)
        #expect(!Self.text { snapshot.appendText(to: &$0, filter: StatsFilter(selection: .gauges)) }.contains("identifier"))
        let json = try JSONSerialization.jsonObject(with: Data(Self.text { snapshot.appendJSON(to: &$0) }.utf8)) as? [String: Any]
        let first = (json?["stats"] as? [[String: Any]])?.prefix(2).map { $0["value"] as? String }
        #expect(first == ["", "istiod \"1\"\n"])
        #expect(snapshot.keeping { $0 != "a.version_text" }.texts.keys.sorted() == ["control_plane.identifier"])
        #expect(!Self.text { snapshot.appendPrometheus(to: &$0) }.contains("identifier"))
    }

    private struct Rule: StatTagRule {
        let tag: String
        let start: String
        let length: Int

        func find(in name: String) -> (value: String, removed: Range<Int>)? {
            guard name.hasPrefix(start) else { return nil }
            let end = start.utf8.count
            return (String(name.dropFirst(start.count).prefix(length)), end..<end + length + 1)
        }
    }

    @Test("tags are labels, and what they say is not in the metric's name")
    func tags() throws {
        let snapshot = try Self.sample()
        func lines(_ tags: StatTags) -> Set<Substring> {
            Set(Self.text { snapshot.appendPrometheus(to: &$0, tags: tags) }.split(separator: "\n"))
        }
        var fixed = StatTags()
        fixed.fixed = [("zone", "a\"b")]
        #expect(lines(fixed).contains(#"envoy_cluster_upstream_rq_total{envoy_cluster_name="web",zone="a\"b"} 4"#))
        #expect(lines(fixed).contains(#"envoy_server_live{zone="a\"b"} 1"#))
        var none = StatTags()
        none.defaults = []
        let flat = lines(none)
        #expect(flat.contains("envoy_cluster_web_upstream_rq_total 4"))
        #expect(flat.contains("envoy_cluster_web_upstream_rq_200 1"))
        #expect(flat.contains("envoy_cluster_web_upstream_rq_2xx 1"))
        #expect(flat.contains("envoy_listener_0_0_0_0_80_http_in_downstream_rq_2xx 3"))
        var some = StatTags()
        some.defaults = ["envoy_response_code"]
        #expect(lines(some).contains(#"envoy_cluster_web_upstream_rq{envoy_response_code="503"} 1"#))
        var own = StatTags()
        own.rules = [Rule(tag: "kind", start: "cluster.web.", length: 8)]
        #expect(lines(own).contains(#"envoy_cluster_rq_total{envoy_cluster_name="web",kind="upstream"} 4"#))
        #expect(lines(own).contains(#"envoy_cluster_rq{envoy_response_code="200",envoy_cluster_name="web",kind="upstream"} 1"#))
        #expect(lines(own).contains(#"envoy_cluster_rq_xx{envoy_response_code_class="2",envoy_cluster_name="web",kind="upstream"} 1"#))
        #expect(StatTags.known.isSuperset(of: ["envoy_cluster_name", "envoy_http_conn_manager_prefix", "envoy_response_code_class"]))
    }

    @Test("a selection leaves nothing of what it does not name")
    func keeping() throws {
        let snapshot = try Self.sample().keeping { $0.hasPrefix("server.live") || $0.hasSuffix("rq_503") }
        #expect(Self.text { snapshot.appendText(to: &$0) } == "cluster.web.upstream_rq_503: 1\nserver.live: 1\n")
    }

    @Test("levels that are counted elsewhere take the place of a cluster's own, and new ones come to it")
    func clusterLevels() throws {
        var snapshot = try Self.sample()
        snapshot.setCluster("web", [("circuit_breakers.default.rq_open", 1), ("circuit_breakers.default.remaining_rq", 7)])
        snapshot.setCluster("unknown", [("x", 1)])
        #expect(snapshot["cluster.web.circuit_breakers.default.rq_open"] == .sharedGauge(1))
        #expect(snapshot["cluster.web.circuit_breakers.default.remaining_rq"] == .sharedGauge(7))
        #expect(snapshot["cluster.unknown.x"] == nil)
    }

    @Test(
        "filters choose by name, use and type",
        arguments: [
            (StatsFilter(substring: "web.upstream_rq_200"), ["cluster.web.upstream_rq_200"]),
            (StatsFilter(substring: "server", usedOnly: true), ["server.live"]),
            (StatsFilter(usedOnly: true, selection: .gauges), ["cluster.web.upstream_cx_active", "server.live"]),
            (StatsFilter(usedOnly: true, selection: .histograms), ["cluster.web.upstream_rq_time"]),
            (StatsFilter(substring: "in.down", usedOnly: true, selection: .counters), ["listener.0.0.0.0_80.http.in.downstream_rq_2xx"]),
            (StatsFilter(substring: "nothing"), []),
        ])
    func filters(filter: StatsFilter, expected: [String]) throws {
        let snapshot = try Self.sample()
        let lines = Self.text { snapshot.appendText(to: &$0, filter: filter) }.split(separator: "\n")
        #expect(lines.map { $0.prefix { $0 != ":" } } == expected.map { $0[...] })
    }

    @Test("JSON has Envoy's form")
    func json() throws {
        let snapshot = try Self.sample()
        let text = Self.text { snapshot.appendJSON(to: &$0, filter: StatsFilter(usedOnly: true)) }
        let object = try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
        let stats = try #require(object["stats"] as? [[String: Any]])
        let total = stats.first { $0["name"] as? String == "cluster.web.upstream_rq_total" }
        #expect(total?["value"] as? Int == 4)
        let histograms = try #require(stats.last?["histograms"] as? [String: Any])
        let quantiles = try #require(histograms["supported_quantiles"] as? [Double])
        #expect(quantiles == [0, 25, 50, 75, 90, 95, 99, 99.5, 99.9, 100])
        let computed = try #require(histograms["computed_quantiles"] as? [[String: Any]])
        #expect(computed.map { $0["name"] as? String } == ["cluster.web.upstream_rq_time"])
        #expect((computed[0]["values"] as? [Any])?.count == 10)
    }

    @Test("Prometheus text has Envoy's names and tags")
    func prometheus() throws {
        let snapshot = try Self.sample()
        let lines = Self.text { snapshot.appendPrometheus(to: &$0) }.split(separator: "\n")
        for line in [
            "envoy_cluster_upstream_rq_total{envoy_cluster_name=\"web\"} 4",
            "# TYPE envoy_cluster_upstream_rq_total counter",
            "envoy_cluster_upstream_cx_active{envoy_cluster_name=\"web\"} -1",
            "# TYPE envoy_cluster_upstream_cx_active gauge",
            "envoy_cluster_upstream_rq{envoy_response_code=\"200\",envoy_cluster_name=\"web\"} 1",
            "envoy_cluster_upstream_rq{envoy_response_code=\"503\",envoy_cluster_name=\"web\"} 1",
            "envoy_cluster_upstream_rq_xx{envoy_response_code_class=\"2\",envoy_cluster_name=\"web\"} 1",
            "envoy_listener_http_downstream_rq_xx{envoy_response_code_class=\"2\",envoy_listener_address=\"0.0.0.0_80\",envoy_http_conn_manager_prefix=\"in\"} 3",
            "envoy_server_live 1",
            "# TYPE envoy_cluster_upstream_rq_time histogram",
            "envoy_cluster_upstream_rq_time_bucket{envoy_cluster_name=\"web\",le=\"0.5\"} 2",
            "envoy_cluster_upstream_rq_time_bucket{envoy_cluster_name=\"web\",le=\"1\"} 4",
            "envoy_cluster_upstream_rq_time_bucket{envoy_cluster_name=\"web\",le=\"3600000\"} 4",
            "envoy_cluster_upstream_rq_time_bucket{envoy_cluster_name=\"web\",le=\"+Inf\"} 5",
            "envoy_cluster_upstream_rq_time_sum{envoy_cluster_name=\"web\"} 3600002.801",
            "envoy_cluster_upstream_rq_time_count{envoy_cluster_name=\"web\"} 5",
        ] { #expect(lines.contains(Substring(line)), "\(line)") }
        let types = lines.filter { $0.hasPrefix("# TYPE") }
        #expect(Set(types).count == types.count)
    }

    @Test("no name makes a line, a label or a metric of its own", arguments: ["a\nb 1", "a\"} 1", "a\\", "a{b=\"c\"}", "ü\u{7F}\u{1}", "", " "])
    func hostile(name: String) throws {
        let segment = try StatsSegment(named: "test")
        segment.cluster(name)[.upstreamRqTotal].add(7)
        let snapshot = try StatsReader(mapping: secondDescriptor(segment.region)).read()
        let filter = StatsFilter(usedOnly: true)
        let text = Self.text { snapshot.appendText(to: &$0, filter: filter) }
        #expect(text.split(separator: "\n").count == 1 && text.hasSuffix(".upstream_rq_total: 7\n") || name.isEmpty)
        let lines = Self.text { snapshot.appendPrometheus(to: &$0, filter: filter) }.split(separator: "\n")
        #expect(lines.count == 3)
        #expect(lines.last?.hasPrefix("envoy_cluster_upstream_rq_total") == true && lines.last?.hasSuffix(" 7") == true)
        let json = Self.text { snapshot.appendJSON(to: &$0, filter: filter) }
        #expect(throws: Never.self) { try JSONSerialization.jsonObject(with: Data(json.utf8)) }
    }

    static let promtoolPath = ["/usr/bin/promtool", "/usr/local/bin/promtool"].first { FileManager.default.isExecutableFile(atPath: $0) }

    @Test(
        "promtool reads the metrics and finds fault only with Envoy's own names",
        .enabled(if: StatsOutputTests.promtoolPath != nil, "promtool is not installed"))
    func promtool() throws {
        let segment = try StatsSegment(named: "test")
        for name in ["web", "a\nb\"\\ {}", "ü"] {
            segment.cluster(name)[.upstreamRqTime].record(5)
            segment.cluster(name).codes.add(200)
            _ = segment.clusterHTTP2(name)
        }
        _ = (segment.http(prefix: "a"), segment.listener("0.0.0.0_80"), segment.listenerHTTP("0.0.0.0_80", prefix: "a"))
        _ = (segment.server(), segment.worker(0), segment.lua(prefix: "a", statPrefix: "b"), segment.tcp(prefix: "t"))
        let snapshot = try StatsReader(mapping: secondDescriptor(segment.region)).read()
        let metrics = Self.text { snapshot.appendPrometheus(to: &$0) }
        let directory = TemporaryDirectory()
        let input = directory.path + "/metrics"
        try metrics.write(toFile: input, atomically: false, encoding: .utf8)
        let process = Process()
        process.executableURL = URL(fileURLWithPath: try #require(Self.promtoolPath))
        process.arguments = ["check", "metrics"]
        process.standardInput = FileHandle(forReadingAtPath: input)
        let output = Pipe()
        process.standardError = output
        process.standardOutput = output
        try process.run()
        let complaints = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self).split(separator: "\n")
        process.waitUntilExit()
        // 3 is "parsed, with complaints about style".
        #expect([0, 3].contains(process.terminationStatus))
        let known = [
            "counter metrics should have \"_total\" suffix", "metric names should not contain abbreviated units",
            "use base unit \"seconds\" instead of \"days\"", "non-counter metrics should not have \"_total\" suffix",
            "use base unit \"seconds\" instead of \"ms\"",
        ]
        for complaint in complaints { #expect(known.contains { complaint.contains($0) }, "\(complaint)") }
    }
}

extension StatsFilter {
    /// Names that contain a text.
    fileprivate init(substring: String, usedOnly: Bool = false, selection: Selection = .all) {
        self.init(usedOnly: usedOnly, selection: selection) { $0.contains(substring) }
    }
}
