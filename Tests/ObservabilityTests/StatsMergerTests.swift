import Glibc
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

    @Test("what is written for another program is read back, but for the gauges; what is broken is refused", arguments: 0..<5)
    func wire(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let snapshot = try Self.reader(Self.segment(&generator)).read()
        let bytes = snapshot.encoded
        #expect(try StatsSnapshot(decoding: bytes) == snapshot.withoutGauges)
        for cut in stride(from: 0, to: bytes.count, by: max(1, bytes.count / 97)) {
            #expect(throws: RegionError.self) { try StatsSnapshot(decoding: Array(bytes[..<cut])) }
        }
        for _ in 0..<200 {
            var damaged = bytes
            damaged[Int.random(in: 0..<bytes.count, using: &generator)] ^= UInt8.random(in: 1...255, using: &generator)
            // Refused, or read as something else; never a trap.
            _ = try? StatsSnapshot(decoding: damaged)
        }
    }

    @Test("what another program counts goes on here, and stays when it has ended")
    func inherited() throws {
        let old = try StatsSegment(named: "old")
        let supervisor = try StatsSegment(named: "old-supervisor")
        var before = StatsMerger()
        before.add(0, try Self.reader(Self.counted(3)))
        try before.fold(0)
        before.add(1, try Self.reader(old))
        before.add(-1, try Self.reader(supervisor))
        old.cluster("a")[.upstreamRqTotal].add(10)
        old.cluster("a")[.upstreamCxActive].set(4)
        old.cluster("a")[.membershipTotal].set(9)
        supervisor.server()[.memoryAllocated].set(5)

        var merger = StatsMerger()
        merger.inherit(try StatsSnapshot(decoding: before.ended.encoded))
        for (id, descriptor) in before.regions { merger.inherit(try StatsReader(mapping: dup(descriptor)), isWorker: id >= 0) }
        merger.add(0, try Self.reader(Self.counted(100)))
        #expect(merger.snapshot().stats["cluster.a.upstream_rq_total"] == .counter(113))
        old.cluster("a")[.upstreamRqTotal].add(1)
        #expect(merger.snapshot().stats["cluster.a.upstream_rq_total"] == .counter(114))
        #expect(merger.snapshot().stats["cluster.a.upstream_cx_active"] == .gauge(4))
        #expect(merger.snapshot().stats["cluster.a.membership_total"] == .sharedGauge(0))
        #expect(merger.snapshot().stats["server.memory_allocated"] == nil)
        #expect(merger.foldInherited() == 0)
        #expect(merger.snapshot().stats["cluster.a.upstream_rq_total"] == .counter(114))
        #expect(merger.snapshot().stats["cluster.a.upstream_cx_active"] == .gauge(0))
        // The next program goes on from there.
        #expect(merger.ended["cluster.a.upstream_rq_total"] == .counter(14))
    }

    private static func counted(_ amount: UInt64) throws -> StatsSegment {
        let segment = try StatsSegment(named: "counted")
        segment.cluster("a")[.upstreamRqTotal].add(amount)
        return segment
    }

    @Test("hosts are counted beside the statistics, and their memory serves others when they are gone")
    func hosts() throws {
        let segment = try StatsSegment(named: "hosts")
        let first = segment.host("1.2.3.4:80", of: "web")
        _ = segment.host("1.2.3.4:80", of: "web")
        first[.rqTotal].add(2)
        first[.cxActive].set(1)
        first.countAnswer(500)
        first.countAnswer(404)
        var snapshot = try Self.reader(segment).read()
        let hosts = snapshot.takeHosts()
        #expect(snapshot.groups.isEmpty)
        let counts = hosts.counts(cluster: "web", host: "1.2.3.4:80").map { "\($0.name)=\($0.level)" }
        #expect(
            counts == [
                "cx_active=1", "cx_connect_fail=0", "cx_total=0", "rq_active=0", "rq_error=1", "rq_success=1", "rq_timeout=0", "rq_total=2",
            ])
        #expect(hosts.counts(cluster: "web", host: "5.6.7.8:80").allSatisfy { $0.level == 0 })
        // There are two who know the host; it is gone when both have let go.
        segment.retireHost("1.2.3.4:80", of: "web")
        snapshot = try Self.reader(segment).read()
        #expect(snapshot.takeHosts() == hosts)
        segment.retireHost("1.2.3.4:80", of: "web")
        snapshot = try Self.reader(segment).read()
        #expect(snapshot.takeHosts().counts(cluster: "web", host: "1.2.3.4:80").allSatisfy { $0.level == 0 })
        let size = segment.region.used
        _ = segment.host("9.9.9.9:80", of: "web")
        #expect(segment.region.used == size)
    }
}
