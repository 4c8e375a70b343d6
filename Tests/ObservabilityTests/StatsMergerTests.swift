import Testing

@testable import Observability

struct StatsMergerTests {
    /// A process that counted something at random.
    static func segment(_ generator: inout SeededGenerator) throws -> StatsSegment {
        let segment = try StatsSegment(named: "test", capacity: 256 * 1024)
        for name in ["a", "b", "c"] where Bool.random(using: &generator) {
            let cluster = segment.cluster(name)
            for counter in ClusterStats.Counters.allCases.shuffled(using: &generator).prefix(5) {
                cluster[counter].add(UInt64.random(in: 0...1000, using: &generator))
            }
            cluster[.upstreamCxActive].set(Int.random(in: 0...50, using: &generator))
            cluster[.membershipTotal].set(Int.random(in: 0...50, using: &generator))
            for _ in 0..<20 {
                cluster[.upstreamRqTime].record(UInt64.random(in: 0...1_000_000, using: &generator))
                cluster.codes.add(Int.random(in: 200...210, using: &generator))
            }
        }
        return segment
    }

    static func reader(_ segment: StatsSegment) throws -> StatsReader {
        try StatsReader(mapping: secondDescriptor(segment.region))
    }

    @Test("merging is associative and commutative", arguments: 0..<20)
    func monoid(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let (a, b, c) = (
            try Self.reader(Self.segment(&generator)).read(), try Self.reader(Self.segment(&generator)).read(),
            try Self.reader(Self.segment(&generator)).read()
        )
        var left = a
        left.merge(b)
        left.merge(c)
        var right = b
        right.merge(c)
        var whole = a
        whole.merge(right)
        #expect(left == whole)
        var turned = c
        turned.merge(b)
        turned.merge(a)
        #expect(left == turned)
        var unit = StatsSnapshot()
        unit.merge(a)
        #expect(unit == a)
    }

    @Test("counters, distributions and statuses are added, gauges too, of shared gauges the largest stays")
    func sums() throws {
        var merger = StatsMerger()
        for (id, amount) in [(0, 3), (1, 5)] {
            let segment = try StatsSegment(named: "test")
            let cluster = segment.cluster("a")
            cluster[.upstreamRqTotal].add(UInt64(amount))
            cluster[.upstreamCxActive].set(amount)
            cluster[.membershipTotal].set(amount)
            cluster[.upstreamRqTime].record(UInt64(amount))
            cluster.codes.add(200 + id)
            cluster.codes.add(204)
            merger.add(id, try Self.reader(segment))
        }
        let (stats, failures) = merger.snapshot()
        #expect(failures.isEmpty)
        #expect(stats["cluster.a.upstream_rq_total"] == .counter(8))
        #expect(stats["cluster.a.upstream_cx_active"] == .gauge(8))
        #expect(stats["cluster.a.membership_total"] == .sharedGauge(5))
        #expect(stats["cluster.a.upstream_rq_"] == .codes([200: 1, 201: 1, 204: 2]))
    }

    @Test("no counter goes backwards when workers end and start, whatever the order", arguments: 0..<20)
    func fold(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        var merger = StatsMerger()
        var live: [Int: StatsSegment] = [:]
        var expected: UInt64 = 0
        var active = 0
        for id in 0..<30 {
            let segment = try StatsSegment(named: "test", capacity: 64 * 1024)
            live[id] = segment
            merger.add(id, try Self.reader(segment))
            for segment in live.values {
                let amount = UInt64.random(in: 0...100, using: &generator)
                segment.cluster("a")[.upstreamRqTotal].add(amount)
                segment.cluster("a")[.upstreamRqTime].record(amount)
                segment.cluster("a")[.upstreamRqActive].set(3)
                expected += amount
            }
            while live.count > 3, let victim = live.keys.sorted().randomElement(using: &generator) {
                live[victim] = nil
                try merger.fold(victim)
            }
            active = live.count * 3
            let stats = merger.snapshot().stats
            #expect(stats["cluster.a.upstream_rq_total"] == .counter(expected))
            #expect(stats["cluster.a.upstream_rq_active"] == .gauge(Int64(active)))
            guard case .histogram(let counts) = stats["cluster.a.upstream_rq_time"] else {
                Issue.record("no histogram")
                return
            }
            #expect(counts.sum == expected)
        }
    }

    @Test("with all workers gone the counters stay and the gauges do not")
    func allGone() throws {
        let segment = try StatsSegment(named: "test")
        segment.cluster("a")[.upstreamRqTotal].add(9)
        segment.cluster("a")[.upstreamCxActive].set(4)
        var merger = StatsMerger()
        merger.add(0, try Self.reader(segment))
        try merger.fold(0)
        try merger.fold(0)
        let stats = merger.snapshot().stats
        #expect(stats["cluster.a.upstream_rq_total"] == .counter(9))
        #expect(stats["cluster.a.upstream_cx_active"] == nil)
    }

    @Test("what is no longer configured is forgotten, and only that")
    func forget() throws {
        let segment = try StatsSegment(named: "test")
        for name in ["a", "ab"] {
            segment.cluster(name)[.upstreamRqTotal].add()
            segment.clusterHTTP2(name)[.rxReset].add()
            segment.listener(name)[.downstreamCxTotal].add()
            segment.listenerHTTP(name, prefix: "p")[.downstreamRqCompleted].add()
        }
        var merger = StatsMerger()
        merger.add(0, try Self.reader(segment))
        try merger.fold(0)
        merger.forgetCluster("a")
        merger.forgetListener("a")
        #expect(Set(merger.snapshot().stats.groups.keys.map(\.name)) == ["ab", "ab\0p"])
        #expect(merger.snapshot().stats["cluster.ab.http2.rx_reset"] == .counter(1))
    }

    @Test("a region that broke is named, and the others are still counted")
    func broken() throws {
        let (good, bad) = (try StatsSegment(named: "test"), try StatsSegment(named: "test"))
        good.cluster("a")[.upstreamRqTotal].add()
        var merger = StatsMerger()
        merger.add(1, try Self.reader(good))
        merger.add(2, try Self.reader(bad))
        poke(bad.region, 41, 0xFF)
        poke(bad.region, 47, 0xFF)
        let (stats, failures) = merger.snapshot()
        #expect(stats["cluster.a.upstream_rq_total"] == .counter(1))
        #expect(failures.keys.sorted() == [2])
        #expect(throws: RegionError.self) { try merger.fold(2) }
        #expect(merger.snapshot().failures.isEmpty)
    }

    @Test("groups of two versions are matched by name")
    func versions() {
        let key = StatsSnapshot.GroupKey(pattern: "x.", name: "")
        func snapshot(_ stats: [(String, UInt64)]) -> StatsSnapshot {
            StatsSnapshot(groups: [
                key: StatsSnapshot.Group(
                    stats: stats.map { StatDefinition(name: $0.0, type: .counter) }, values: stats.map { .counter($0.1) })
            ])
        }
        var old = snapshot([("a", 1), ("b", 2)])
        old.merge(snapshot([("b", 10), ("c", 20)]))
        #expect(old["x.a"] == .counter(1))
        #expect(old["x.b"] == .counter(12))
        #expect(old["x.c"] == .counter(20))
    }
}
