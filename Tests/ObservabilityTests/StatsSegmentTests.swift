import Testing

@testable import Observability

struct StatsSegmentTests {
    static func read(_ segment: StatsSegment) throws -> StatsSnapshot {
        try StatsReader(mapping: secondDescriptor(segment.region)).read()
    }

    @Test("what a view writes is read under Envoy's name")
    func names() throws {
        let segment = try StatsSegment(named: "test")
        let cluster = segment.cluster("web")
        cluster[.upstreamRqTotal].add()
        cluster[.upstreamRqTotal].add(4)
        cluster[.upstreamCxActive].add(3)
        cluster[.upstreamCxActive].subtract()
        cluster[.circuitBreakersDefaultRqOpen].set(1)
        segment.http(prefix: "ingress")[.downstreamCxHTTP1Total].add(7)
        segment.listener("0.0.0.0_80")[.noFilterChainMatch].add()
        segment.lua(prefix: "ingress", statPrefix: "")[.errors].add()
        segment.lua(prefix: "ingress", statPrefix: "auth")[.executions].add(2)
        segment.server()[.live].set(1)
        let snapshot = try Self.read(segment)
        #expect(snapshot["cluster.web.upstream_rq_total"] == .counter(5))
        #expect(snapshot["cluster.web.upstream_cx_active"] == .gauge(2))
        #expect(snapshot["cluster.web.circuit_breakers.default.rq_open"] == .sharedGauge(1))
        #expect(snapshot["http.ingress.downstream_cx_http1_total"] == .counter(7))
        #expect(snapshot["listener.0.0.0.0_80.no_filter_chain_match"] == .counter(1))
        #expect(snapshot["http.ingress.lua.errors"] == .counter(1))
        #expect(snapshot["http.ingress.lua.auth.executions"] == .counter(2))
        #expect(snapshot["server.live"] == .sharedGauge(1))
        #expect(snapshot["cluster.other.upstream_rq_total"] == nil)
    }

    @Test("the same name gives the same slots, another name others")
    func sameSlots() throws {
        let segment = try StatsSegment(named: "test")
        segment.cluster("a")[.upstreamRqTotal].add()
        segment.cluster("b")[.upstreamRqTotal].add(10)
        segment.cluster("a")[.upstreamRqTotal].add()
        #expect(segment.cluster("a")[.upstreamRqTotal].value == 2)
        #expect(segment.cluster("b")[.upstreamRqTotal].value == 10)
    }

    @Test("every key of every kind has a slot of its own, in the order of the schema")
    func layout() throws {
        let segment = try StatsSegment(named: "test")
        var expected: [String: UInt64] = [:]
        func mark<Key: StatKey>(_ keys: Key.Type, _ add: (Key, UInt64) -> Void) {
            for key in Key.allCases {
                expected[key.rawValue] = UInt64(expected.count + 1)
                add(key, UInt64(expected.count))
            }
        }
        let cluster = segment.cluster("x")
        mark(ClusterStats.Counters.self) { cluster[$0].add($1) }
        mark(ClusterStats.Gauges.self) { cluster[$0].set(Int($1)) }
        let snapshot = try Self.read(segment)
        for (name, value) in expected {
            switch snapshot["cluster.x." + name] {
            case .counter(let found): #expect(found == value, "\(name)")
            case .gauge(let found), .sharedGauge(let found): #expect(found == Int64(value), "\(name)")
            default: Issue.record("\(name) is missing")
            }
        }
    }

    @Test("names within a kind are unique and no kind is used twice")
    func unique() {
        #expect(Set(StatSchema.kinds.map(\.pattern)).count == StatSchema.kinds.count)
        for kind in StatSchema.kinds { #expect(Set(kind.stats.map(\.name)).count == kind.stats.count, "\(kind.pattern)") }
    }

    @Test("responses are counted by class and by status", arguments: [100, 200, 204, 302, 404, 503, 599])
    func statuses(status: Int) throws {
        let segment = try StatsSegment(named: "test")
        let cluster = segment.cluster("a")
        cluster.countClass(status)
        cluster.codes.add(status)
        cluster.codes.add(status)
        segment.http(prefix: "h").countClass(status)
        let snapshot = try Self.read(segment)
        for digit in 1...5 {
            let expected: UInt64 = status / 100 == digit ? 1 : 0
            #expect(snapshot["cluster.a.upstream_rq_\(digit)xx"] == .counter(expected))
            #expect(snapshot["http.h.downstream_rq_\(digit)xx"] == .counter(expected))
        }
        #expect(snapshot["cluster.a.upstream_rq_"] == .codes([status: 2]))
    }

    @Test("statuses that do not exist are not counted", arguments: [0, 99, 600, -1, Int.max])
    func noStatus(status: Int) throws {
        let segment = try StatsSegment(named: "test")
        let cluster = segment.cluster("a")
        cluster.countClass(status)
        cluster.codes.add(status)
        #expect(try Self.read(segment)["cluster.a.upstream_rq_"] == .codes([:]))
    }

    @Test("all five hundred statuses find room")
    func allStatuses() throws {
        let segment = try StatsSegment(named: "test")
        for _ in 0..<2 { for status in 100..<600 { segment.cluster("a").codes.add(status) } }
        let expected = Dictionary(uniqueKeysWithValues: (100..<600).map { ($0, UInt64(2)) })
        #expect(try Self.read(segment)["cluster.a.upstream_rq_"] == .codes(expected))
    }

    @Test("a process that takes a region over finds its groups again")
    func takeOver() throws {
        let segment = try StatsSegment(named: "test")
        segment.cluster("a")[.upstreamRqTotal].add(5)
        segment.cluster("gone")[.upstreamRqTotal].add(5)
        segment.retireCluster("gone")
        let used = segment.region.used
        let next = try StatsSegment(mapping: secondDescriptor(segment.region))
        next.cluster("a")[.upstreamRqTotal].add()
        #expect(segment.cluster("a")[.upstreamRqTotal].value == 6)
        #expect(next.cluster("new")[.upstreamRqTotal].value == 0)
        #expect(segment.region.used == used)
    }

    @Test("a retired group is gone, and its memory serves another name from zero")
    func retire() throws {
        let segment = try StatsSegment(named: "test")
        let old = segment.cluster("old")
        old[.upstreamRqTotal].add(5)
        old[.upstreamRqTime].record(100)
        old.codes.add(200)
        segment.retireCluster("old")
        #expect(try Self.read(segment)["cluster.old.upstream_rq_total"] == nil)
        let used = segment.region.used
        let new = segment.cluster("new")
        new.codes.add(404)
        new[.upstreamRqTime].record(7)
        #expect(segment.region.used == used)
        let snapshot = try Self.read(segment)
        #expect(snapshot["cluster.new.upstream_rq_total"] == .counter(0))
        #expect(snapshot["cluster.new.upstream_rq_"] == .codes([404: 1]))
        guard case .histogram(let counts) = snapshot["cluster.new.upstream_rq_time"] else {
            Issue.record("no histogram")
            return
        }
        #expect(counts.count == 1 && counts.sum == 7)
        #expect(snapshot["cluster.old.upstream_rq_total"] == nil)
    }

    @Test("retiring a listener takes its connection managers' groups along and no other listener's")
    func retireListener() throws {
        let segment = try StatsSegment(named: "test")
        for address in ["a", "ab"] {
            segment.listener(address)[.downstreamCxTotal].add()
            segment.listenerHTTP(address, prefix: "p")[.downstreamRqCompleted].add()
        }
        segment.retireListener("a")
        let snapshot = try Self.read(segment)
        #expect(snapshot["listener.a.downstream_cx_total"] == nil)
        #expect(snapshot["listener.a.http.p.downstream_rq_completed"] == nil)
        #expect(snapshot["listener.ab.downstream_cx_total"] == .counter(1))
        #expect(snapshot["listener.ab.http.p.downstream_rq_completed"] == .counter(1))
    }

    @Test("a full region counts on without being seen, and says so")
    func full() throws {
        let segment = try StatsSegment(named: "test", capacity: 64 * 1024)
        for index in 0..<200 {
            let cluster = segment.cluster("cluster-\(index)")
            cluster[.upstreamRqTotal].add()
            cluster[.upstreamRqTime].record(5)
            cluster.codes.add(200)
            #expect(cluster[.upstreamRqTotal].value == 1)
        }
        #expect(segment.refusedGroups > 0)
        let snapshot = try Self.read(segment)
        #expect(snapshot.groups.count + segment.refusedGroups == 200)
    }

    @Test("a name longer than the bound is cut")
    func longName() throws {
        let segment = try StatsSegment(named: "test")
        segment.cluster(String(repeating: "n", count: 5000))[.upstreamRqTotal].add()
        let names = try Self.read(segment).groups.keys.map(\.name)
        #expect(names == [String(repeating: "n", count: StatsSegment.maximumName)])
    }

    @Test("another program's region cannot be written, but it can be read")
    func otherSchema() throws {
        let kinds = [StatKind(pattern: "x.{l}.", stats: [StatDefinition(name: "n", type: .counter)])]
        let region = try SharedRegion(
            creating: "test", purpose: StatsSegment.purpose, capacity: 8192, schema: StatSchema.encode(kinds))
        #expect(throws: RegionError.schemaMismatch) { try StatsSegment(mapping: secondDescriptor(region)) }
        #expect(try StatsReader(mapping: secondDescriptor(region)).read() == StatsSnapshot())
    }

    @Test("the schema is read as it was written, and a cut one is refused at every byte")
    func schema() throws {
        #expect(try StatSchema.decode(StatSchema.encoded) == StatSchema.kinds)
        let kinds = Array(StatSchema.kinds[9...12])
        let bytes = StatSchema.encode(kinds)
        #expect(try StatSchema.decode(bytes) == kinds)
        for end in 0..<bytes.count { #expect(throws: RegionError.self) { try StatSchema.decode(Array(bytes[..<end])) } }
    }

    @Test("random damage to a region is refused or read, never a crash", arguments: 0..<200)
    func damage(seed: Int) throws {
        let segment = try StatsSegment(named: "test", capacity: 64 * 1024)
        let cluster = segment.cluster("a")
        cluster[.upstreamRqTime].record(5)
        cluster.codes.add(200)
        segment.http(prefix: "h")[.downstreamRqTotal].add()
        let reader = try StatsReader(mapping: secondDescriptor(segment.region))
        var generator = SeededGenerator(seed: UInt64(seed))
        let used = segment.region.used
        let schemaEnd = SharedRegion.headerSize + StatSchema.encoded.count
        for _ in 0..<Int.random(in: 1...40, using: &generator) {
            let isRecord = Bool.random(using: &generator)
            let offset = Int.random(in: isRecord ? schemaEnd..<used : 0..<used, using: &generator)
            poke(segment.region, offset, UInt8.random(in: 0...255, using: &generator))
            var failure: RegionError?
            do throws(RegionError) {
                _ = try reader.read()
            } catch {
                failure = error
            }
            if let failure { #expect(!failure.description.isEmpty) }
        }
        // A reader that comes now, too.
        #expect(throws: Never.self) {
            do { _ = try StatsReader(mapping: secondDescriptor(segment.region)).read() } catch is RegionError {}
        }
    }

    @Test("metrics of scripts leave the statistics room for the proxy's own")
    func metricRoom() throws {
        let segment = try StatsSegment(named: "test")
        let overflow = StatLabels([("overflow", "true")])
        var taken = 0
        for metric in 0..<MetricBook.maximumNames {
            for series in 0..<MetricBook.maximumSeries {
                let labels = StatLabels([("user", "\(series)")])
                if try segment.metrics.labels("latency_\(metric)", .histogram, labels) == labels { taken += 1 }
            }
        }
        #expect(taken > 200)
        #expect(taken * HistogramBuckets.words * 8 <= MetricBook.maximumRoom)
        #expect(try segment.metrics.labels("latency_255", .histogram, StatLabels([("user", "new")])) == overflow)
        #expect(throws: MetricBook.Refusal.kind(.histogram)) { try segment.metrics.labels("latency_255", .counter, StatLabels([])) }
    }

    @Test("labels that are too long count under overflow")
    func longLabels() throws {
        let segment = try StatsSegment(named: "test")
        let most = StatLabels([("a", String(repeating: "x", count: MetricBook.maximumLabels - 2))])
        let more = StatLabels([("a", String(repeating: "x", count: MetricBook.maximumLabels - 1))])
        #expect(try segment.metrics.labels("paths", .counter, most) == most)
        #expect(try segment.metrics.labels("paths", .counter, more) == StatLabels([("overflow", "true")]))
    }
}
