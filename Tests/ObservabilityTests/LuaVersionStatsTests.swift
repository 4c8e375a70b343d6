import Glibc
import Observability
import Testing

@Suite("Statistics of versions of a Lua filter")
struct LuaVersionStatsTests {
    @Test("what two workers count of a version is summed, and readers that want no more read no more")
    func merged() throws {
        var merger = StatsMerger()
        var segments: [StatsSegment] = []
        for worker in 0..<2 {
            let segment = try StatsSegment(named: "versions-\(worker)")
            let stats = segment.luaVersion(prefix: "in", statPrefix: "", version: "1.2")
            stats[.requests].add(10)
            stats[.failed].add(3)
            stats[.errors].add(2)
            stats[.kills].add(1)
            stats[.holdTime].record(nanoseconds: UInt64(worker + 1) * 1_000_000)
            segment.lua(prefix: "in", statPrefix: "")[.detached].set(1)
            segment.lua(prefix: "in", statPrefix: "")[.detachedTime].set(100 + worker)
            segment.cluster("web")[.upstreamRqTotal].add()
            merger.add(worker, try StatsReader(mapping: dup(segment.region.descriptor)))
            segments.append(segment)
        }
        let all = merger.snapshot().stats
        let some = merger.snapshot(StatsSnapshot.isOfLuaFilter).stats
        #expect(all["cluster.web.upstream_rq_total"] == .counter(2))
        #expect(some["cluster.web.upstream_rq_total"] == nil)
        for snapshot in [all, some] {
            let counts = snapshot.luaVersion(prefix: "in", statPrefix: "", version: "1.2")
            #expect(counts.requests == 20 && counts.failed == 6 && counts.errors == 4 && counts.kills == 2)
            #expect(counts.holdTime.count == 2)
            #expect(counts.holdTime.count(above: 1500) == 1)
            #expect(snapshot.lua(prefix: "in", statPrefix: "", "detached") == 2)
            #expect(snapshot.lua(prefix: "in", statPrefix: "", "detached_time_seconds") == 101)
            #expect(snapshot.lua(prefix: "out", statPrefix: "", "detached") == 0)
        }
        #expect(all["http.in.lua.version.1.2.requests"] == .counter(20))
    }

    @Test("what was counted since then is the difference, of distributions too")
    func since() {
        var before = LuaVersionCounts(requests: 5, failed: 1, errors: 1, kills: 1)
        var after = LuaVersionCounts(requests: 9, failed: 3, errors: 1, kills: 2)
        after.holdTime.record(100, times: 3)
        #expect(after.since(before).holdTime == after.holdTime)
        before.holdTime.record(100)
        let rest = after.since(before)
        #expect(rest.requests == 4 && rest.failed == 2 && rest.errors == 0 && rest.kills == 1)
        #expect(rest.holdTime.count == 2 && rest.holdTime.sum == 200)
    }
}
