import Testing
import TrafficPolicy

struct WeightedChoiceTests {
    @Test("each value falls to the weight that covers it", arguments: [
        ([1], [0, 0, 0]), ([1, 2], [0, 1, 1, 0, 1, 1]), ([0, 1, 0, 2, 0], [1, 3, 3, 1]), ([2, 0, 1], [0, 0, 2, 0]),
    ] as [([UInt32], [Int])])
    func pick(weights: [UInt32], expected: [Int]) throws {
        let choice = try WeightedChoice(weights: weights)
        #expect(expected.indices.map { choice.pick(UInt64($0)) } == expected)
    }

    @Test("weights may sum to 32 bits, and no further")
    func total() throws {
        let choice = try WeightedChoice(weights: [.max - 1, 1])
        #expect(choice.total == UInt64(UInt32.max))
        #expect(choice.pick(UInt64(UInt32.max) - 1) == 1)
        #expect(choice.pick(UInt64(UInt32.max)) == 0)
        #expect(throws: PolicyError.weightOverflow) { try WeightedChoice(weights: [.max, 1]) }
    }

    @Test("weights without any above zero are refused", arguments: [[], [0], [0, 0]] as [[UInt32]])
    func none(weights: [UInt32]) {
        #expect(throws: PolicyError.noWeight) { try WeightedChoice(weights: weights) }
    }

    @Test("random values spread by weight")
    func spread() throws {
        let choice = try WeightedChoice(weights: [10, 30, 60])
        var random = FastRandom(seed: 3)
        var counts = [0, 0, 0]
        for _ in 0..<100_000 { counts[choice.pick(random.next())] += 1 }
        for (count, share) in zip(counts, [10_000, 30_000, 60_000]) { #expect(abs(count - share) < 600) }
    }
}
