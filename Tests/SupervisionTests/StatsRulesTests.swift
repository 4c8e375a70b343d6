import Bytes
import Glibc
import Observability
import ProxyModel
import SwiftProtobuf
import Testing
import TrafficPolicy

@testable import Supervision

@Suite("The configuration of statistics")
struct StatsRulesTests {
    private static func rules(_ yaml: String) throws -> StatsRules {
        let source = ConfigSource(text: yaml, file: "stats.yaml", format: .yaml)
        return try StatsRules(try ConfigDecoder.decode(Envoy_Config_Metrics_V3_StatsConfig.self, from: [source]).message)
    }

    private static func sample() throws -> StatsSnapshot {
        let segment = try StatsSegment(named: "rules")
        segment.cluster("a")[.upstreamRqTotal].add(1)
        segment.cluster("b")[.upstreamRqTotal].add(2)
        segment.server()[.live].set(1)
        return try StatsReader(mapping: dup(segment.region.descriptor)).read()
    }

    @Test(
        "stats_matcher chooses what is shown",
        arguments: [
            ("{}", [true, true, true]), ("{ stats_matcher: { reject_all: true } }", [false, false, false]),
            ("{ stats_matcher: { reject_all: false } }", [true, true, true]),
            ("{ stats_matcher: { inclusion_list: { patterns: [{ prefix: cluster.a. }, { exact: server.live }] } } }", [true, false, true]),
            ("{ stats_matcher: { exclusion_list: { patterns: [{ safe_regex: { regex: 'cluster\\.a\\..*' } }] } } }", [false, true, true]),
        ])
    func matcher(yaml: String, expected: [Bool]) throws {
        let shown = try Self.rules(yaml).select(try Self.sample())
        #expect(["cluster.a.upstream_rq_total", "cluster.b.upstream_rq_total", "server.live"].map { shown[$0] != nil } == expected)
    }

    private static func prometheus(_ yaml: String) throws -> String {
        let rules = try Self.rules(yaml)
        var writer = ByteWriter()
        rules.select(try sample()).appendPrometheus(to: &writer, tags: rules.tags)
        return writer.text
    }

    @Test(
        "tags come from values, from expressions and from Envoy's own list",
        arguments: [
            ("{ stats_tags: [{ tag_name: zone, fixed_value: z1 }] }", #"envoy_cluster_upstream_rq_total{envoy_cluster_name="a",zone="z1"} 1"#),
            (
                "{ stats_tags: [{ tag_name: kind, regex: '^cluster\\..*\\.((up|down)stream_)' }] }",
                #"envoy_cluster_rq_total{envoy_cluster_name="a",kind="up"} 1"#
            ),
            (
                "{ stats_tags: [{ tag_name: kind, regex: '(upstream)' }], use_all_default_tags: true }",
                #"envoy_cluster_rq_total{envoy_cluster_name="a",kind="upstream"} 1"#
            ),
            ("{ use_all_default_tags: false }", "envoy_cluster_a_upstream_rq_total 1"),
            (
                "{ use_all_default_tags: false, stats_tags: [{ tag_name: envoy.cluster_name }] }",
                #"envoy_cluster_upstream_rq_total{envoy_cluster_name="a"} 1"#
            ),
        ])
    func tags(yaml: String, expected: String) throws {
        #expect(try Self.prometheus(yaml).contains(expected + "\n"))
    }

    @Test(
        "what cannot be done is refused with its place",
        arguments: [
            ("{ stats_tags: [{ tag_name: x, regex: '[' }] }", "stats_tags[0].regex: "),
            ("{ stats_tags: [{ tag_name: x, regex: 'abc' }] }", "stats_tags[0].regex: expected a group"),
            ("{ stats_tags: [{ tag_name: a, fixed_value: b }, { tag_name: x }] }", "stats_tags[1].tag_name: \"x\" is no default tag"),
            ("{ stats_matcher: { inclusion_list: { patterns: [{ safe_regex: { regex: '(' } }] } } }", "stats_matcher.inclusion_list.patterns[0]: "),
        ])
    func refused(yaml: String, message: String) {
        #expect { try Self.rules(yaml) } throws: { "\($0)".hasPrefix(message) }
    }

    @Test("circuit breakers show whether they are open, and what is left where that is asked for")
    func limits() throws {
        let memory = LimitMemory()
        let source = ConfigSource(
            text: "{ thresholds: [{ max_requests: 2, track_remaining: true }, { priority: HIGH, max_connections: 0 }] }", file: "f", format: .yaml)
        let message = try ConfigDecoder.decode(Envoy_Config_Cluster_V3_CircuitBreakers.self, from: [source]).message
        let counters = memory.region.counters(group: 0, slot: 0)
        func levels() -> [String: Int] {
            Dictionary(ClusterLimitLevels(message, counters).levels.map { ($0.stat, $0.level) }) { first, _ in first }
        }
        #expect(levels()["circuit_breakers.default.remaining_rq"] == 2)
        #expect(levels()["circuit_breakers.default.remaining_cx"] == 1024)
        #expect(levels()["circuit_breakers.default.rq_open"] == 0)
        #expect(levels()["circuit_breakers.high.cx_open"] == 1)
        #expect(levels()["circuit_breakers.high.remaining_rq"] == nil)
        let breaker = CircuitBreaker(counters: counters)
        #expect(breaker.tryAcquire(.request) && breaker.tryAcquire(.request))
        #expect(levels()["circuit_breakers.default.remaining_rq"] == 0)
        #expect(levels()["circuit_breakers.default.rq_open"] == 1)
        withExtendedLifetime(memory) {}
    }
}
