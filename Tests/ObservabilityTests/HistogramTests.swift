import Testing

@testable import Observability

struct HistogramTests {
    @Test("every value lies in the bucket whose edges hold it")
    func edges() {
        var generator = SeededGenerator(seed: 1)
        var values: [UInt64] = Array(0...2000)
        for _ in 0..<20_000 { values.append(UInt64.random(in: 0...(1 << UInt64.random(in: 0...34, using: &generator)), using: &generator)) }
        for index in 0..<(HistogramBuckets.count - 1) {
            let upper = HistogramBuckets.upperBound(index) ?? 0
            values += [upper, upper + 1]
        }
        for value in values {
            let index = HistogramBuckets.index(of: value)
            let upper = HistogramBuckets.upperBound(index) ?? .max
            let below = index == 0 ? nil : HistogramBuckets.upperBound(index - 1)
            #expect(value <= upper && (below.map { value > $0 } ?? true), "\(value) in bucket \(index)")
        }
    }

    @Test("values beyond the last edge share one bucket", arguments: [10_000_000_001, UInt64.max])
    func overflow(value: UInt64) {
        #expect(HistogramBuckets.index(of: value) == HistogramBuckets.count - 1)
        #expect(HistogramBuckets.index(of: 10_000_000_000) == HistogramBuckets.count - 2)
    }

    @Test("the value that stands for a bucket is within 10 % of all in it, up to an hour in microseconds")
    func error() {
        for index in 1..<(HistogramBuckets.count - 1) {
            let lowest = Double((HistogramBuckets.upperBound(index - 1) ?? 0) + 1)
            let highest = Double(HistogramBuckets.upperBound(index) ?? 0)
            let middle = HistogramBuckets.representative(index)
            #expect(abs(middle - lowest) <= 0.1 * lowest && abs(middle - highest) <= 0.1 * highest, "bucket \(index)")
        }
        #expect((HistogramBuckets.upperBound(HistogramBuckets.count - 2) ?? 0) >= 3_600_000_000)
    }

    @Test("Envoy's boundaries are edges of buckets, in milliseconds and in plain numbers", arguments: StatsSnapshot.bounds)
    func boundaries(bound: Double) {
        #expect(HistogramBuckets.upperBound(HistogramBuckets.index(of: UInt64(bound * 1000))) == UInt64(bound * 1000))
        #expect(HistogramBuckets.upperBound(HistogramBuckets.index(of: UInt64(bound))) == UInt64(bound))
    }

    @Test("recording, quantiles and counts below a bound agree with the values")
    func quantiles() throws {
        let segment = try StatsSegment(named: "test")
        let histogram = segment.cluster("a")[.upstreamRqTime]
        var generator = SeededGenerator(seed: 2)
        let values = (0..<5000).map { _ in UInt64.random(in: 1...2_000_000, using: &generator) }.sorted()
        for value in values.shuffled(using: &generator) { histogram.record(value) }
        let snapshot = try StatsReader(mapping: secondDescriptor(segment.region)).read()
        guard case .histogram(let counts) = snapshot["cluster.a.upstream_rq_time"] else {
            Issue.record("no histogram")
            return
        }
        #expect(counts.count == 5000)
        #expect(counts.sum == values.reduce(0, +))
        for fraction in StatsSnapshot.quantiles {
            let exact = Double(values[max(0, Int((fraction * 5000).rounded(.up)) - 1)])
            let found = try #require(counts.quantile(fraction))
            #expect(abs(found - exact) <= 0.1 * exact, "quantile \(fraction)")
        }
        for bound in StatsSnapshot.bounds {
            let limit = UInt64(bound * 1000)
            #expect(counts.count(atMost: limit) == UInt64(values.filter { $0 <= limit }.count))
        }
    }

    @Test("an empty distribution has no quantile and counts nothing")
    func empty() {
        #expect(HistogramCounts().quantile(0.5) == nil)
        #expect(HistogramCounts().count(atMost: 1000) == 0)
    }
}
