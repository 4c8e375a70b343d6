import Testing
import TrafficPolicy

struct BackOffTests {
    @Test("each wait lies below an interval that doubles up to the maximum")
    func intervals() {
        var longest = [UInt64](repeating: 0, count: 7)
        for seed in 0..<2000 as Range<UInt64> {
            var random = FastRandom(seed: seed)
            var backOff = BackOff(base: 25, maximum: 250)
            for index in longest.indices { longest[index] = max(longest[index], backOff.next(random: &random)) }
        }
        #expect(longest == [24, 49, 99, 199, 249, 249, 249])
    }

    @Test("neither a base of 0 nor the largest numbers overflow", arguments: [(0, 0), (1, .max), (.max, .max), (.max, 1)] as [(UInt64, UInt64)])
    func extremes(base: UInt64, maximum: UInt64) {
        var random = FastRandom(seed: 1)
        var backOff = BackOff(base: base, maximum: maximum)
        for _ in 0..<100 { _ = backOff.next(random: &random) }
        #expect(backOff.next(random: &random) <= max(base, maximum))
    }
}
