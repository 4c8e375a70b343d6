import Testing
import TrafficPolicy

struct FastRandomTests {
    @Test("the same seed gives the same numbers, another seed others")
    func seeds() {
        var first = FastRandom(seed: 7)
        var second = FastRandom(seed: 7)
        var other = FastRandom(seed: 8)
        let numbers = (0..<100).map { _ in first.next() }
        #expect(numbers == (0..<100).map { _ in second.next() })
        #expect(numbers != (0..<100).map { _ in other.next() })
        #expect(Set(numbers).count == 100)
    }

    @Test("numbers below a bound are spread evenly", arguments: [1, 2, 3, 10, 1000] as [UInt64])
    func evenness(bound: UInt64) {
        var random = FastRandom(seed: bound)
        var counts = [Int](repeating: 0, count: Int(bound))
        let draws = Int(bound) * 1000
        for _ in 0..<draws { counts[Int(random.next(below: bound))] += 1 }
        #expect(counts.allSatisfy { $0 > 800 && $0 < 1200 })
    }

    @Test("fractions lie in [0, 1) with mean one half")
    func fractions() {
        var random = FastRandom(seed: 1)
        let values = (0..<10_000).map { _ in random.nextFraction() }
        #expect(values.allSatisfy { $0 >= 0 && $0 < 1 })
        #expect(abs(values.reduce(0, +) / 10_000 - 0.5) < 0.02)
    }
}
