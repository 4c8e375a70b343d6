import Filters
import Observability
import Testing
import TrafficPolicy

@Suite("The roll-out of a Lua filter's version")
struct LuaRolloutTests {
    /// Two versions that serve made-up requests in made-up time.
    private struct Simulation {
        private static let lookInterval: UInt64 = 500_000_000
        var random: FastRandom
        var now: UInt64 = 1_000_000_000
        var inForce = LuaVersionCounts()
        var candidate = LuaVersionCounts()
        var rollout: LuaRollout
        var verdict = LuaRollout.Verdict.hold(requests: 0)
        /// How long a version holds a request, in microseconds.
        var holdTime: (inout FastRandom, _ isCandidate: Bool) -> UInt64 = { random, _ in 50 + random.next(below: 50) }
        /// How likely a request is to fail.
        var failure: (_ isCandidate: Bool) -> Double = { _ in 0 }

        init(seed: UInt64, _ limits: LuaRollout.Limits = LuaRollout.Limits()) {
            random = FastRandom(seed: seed)
            rollout = LuaRollout(limits, now: now, inForce: inForce, candidate: candidate)
        }

        var isRolledBack: Bool { if case .rollBack = verdict { true } else { false } }

        /// Serves so many requests a second, until the time is over or the candidate is rolled back.
        /// - Returns: requests of the candidate.
        @discardableResult
        mutating func run(seconds: Int, rate: Int, percent: Double) -> UInt64 {
            let before = candidate.requests
            for _ in 0..<(seconds * 2) where !isRolledBack {
                for _ in 0..<(rate / 2) { serve(random.nextFraction() * 100 < percent) }
                now += Self.lookInterval
                verdict = rollout.look(now: now, inForce: inForce, candidate: candidate)
            }
            return candidate.requests - before
        }

        private mutating func serve(_ isCandidate: Bool) {
            let hasFailed = random.nextFraction() < failure(isCandidate)
            let time = holdTime(&random, isCandidate)
            if isCandidate { Self.add(&candidate, hasFailed, time) } else { Self.add(&inForce, hasFailed, time) }
        }

        private static func add(_ counts: inout LuaVersionCounts, _ hasFailed: Bool, _ time: UInt64) {
            counts.requests += 1
            if hasFailed { counts.failed += 1 }
            counts.holdTime.record(time)
        }
    }

    @Test("a version that is like the other is never rolled back, whatever both do", arguments: [0, 0.001, 0.05, 0.5, 1])
    func equal(_ failure: Double) {
        for seed in 1...8 {
            var simulation = Simulation(seed: UInt64(seed))
            simulation.failure = { _ in failure }
            // Every tenth request waits for another service: no quantile may be taken for the difference.
            simulation.holdTime = { random, _ in random.next(below: 10) == 0 ? 20_000 + random.next(below: 9000) : 40 }
            simulation.run(seconds: 130, rate: 40, percent: 20)
            #expect(simulation.verdict == .goOn, "seed \(seed)")
        }
    }

    @Test("one that fails always is rolled back after a handful of requests", arguments: [1.0, 10, 50])
    func alwaysFails(_ percent: Double) {
        for seed in 1...8 {
            var simulation = Simulation(seed: UInt64(seed))
            simulation.failure = { $0 ? 1 : 0 }
            // Until it is looked at, half a second.
            let perLook = 100 * percent / 100
            let served = simulation.run(seconds: 600, rate: 200, percent: percent)
            #expect(simulation.isRolledBack)
            #expect(Double(served) < 16 + 3 * perLook, "\(served)")
        }
    }

    @Test("one that fails more often than the other is rolled back, and the figures are told")
    func failsMore() {
        for seed in 1...8 {
            var simulation = Simulation(seed: UInt64(seed))
            simulation.failure = { $0 ? 0.1 : 0.01 }
            simulation.run(seconds: 300, rate: 100, percent: 20)
            guard case .rollBack(let reason) = simulation.verdict else {
                Issue.record("seed \(seed) is not rolled back")
                continue
            }
            #expect(reason.contains(#/^\d+ of \d+ \(\d+\.\d %\) of its requests failed, of the version in force \d+ of \d+ \(\d+\.\d %\)$/#), "\(reason)")
        }
    }

    @Test("what was good for minutes and then breaks is rolled back at once")
    func breaksLater() {
        var simulation = Simulation(seed: 3)
        simulation.run(seconds: 200, rate: 100, percent: 50)
        #expect(simulation.verdict == .goOn)
        simulation.failure = { $0 ? 1 : 0 }
        #expect(simulation.run(seconds: 60, rate: 100, percent: 50) <= 200)
        #expect(simulation.isRolledBack)
    }

    @Test("one that takes all requests is judged by its own failures")
    func all() {
        var simulation = Simulation(seed: 5)
        simulation.failure = { _ in 0.3 }
        #expect(simulation.run(seconds: 60, rate: 100, percent: 100) <= 200)
        #expect(simulation.isRolledBack)
    }

    @Test("one that holds most requests longer, or some of them much longer, is rolled back")
    func slower() {
        for seed in 1...5 {
            var most = Simulation(seed: UInt64(seed))
            most.holdTime = { random, isCandidate in (isCandidate ? 5000 : 1000) + random.next(below: 500) }
            most.run(seconds: 60, rate: 100, percent: 20)
            #expect(most.isRolledBack)
            var some = Simulation(seed: UInt64(seed))
            some.holdTime = { random, isCandidate in isCandidate && random.next(below: 5) == 0 ? 100_000 : 100 }
            some.run(seconds: 120, rate: 100, percent: 20)
            guard case .rollBack(let reason) = some.verdict else {
                Issue.record("seed \(seed) is not rolled back")
                continue
            }
            #expect(reason.contains("of its requests were held for more than "))
        }
    }

    @Test("a hook that takes three times next to nothing is no reason")
    func tiny() {
        var simulation = Simulation(seed: 9)
        simulation.holdTime = { _, isCandidate in isCandidate ? 90 : 30 }
        simulation.run(seconds: 120, rate: 100, percent: 50)
        #expect(simulation.verdict == .goOn)
    }

    @Test("one run more that is ended than may be rolls it back, unless the other's are ended as often")
    func kills() {
        var limits = LuaRollout.Limits()
        limits.maxKills = 2
        let none = LuaVersionCounts()
        for (inForce, kills, expected) in [
            (LuaVersionCounts(requests: 100), UInt64(2), false), (LuaVersionCounts(requests: 100), 3, true),
            (LuaVersionCounts(requests: 100, kills: 50), 3, false), (none, 3, true),
        ] {
            var rollout = LuaRollout(limits, now: 0, inForce: none, candidate: none)
            let verdict = rollout.look(now: 1, inForce: inForce, candidate: LuaVersionCounts(requests: 10, kills: kills))
            if case .rollBack(let reason) = verdict {
                #expect(expected)
                #expect(reason.hasPrefix("3 of its runs were ended in 10 requests"))
            } else {
                #expect(!expected && verdict == .hold(requests: 10))
            }
        }
    }

    @Test("nothing is said of few requests, and what was counted before does not count")
    func few() {
        var limits = LuaRollout.Limits()
        limits.minRequests = 10
        let before = LuaVersionCounts(requests: 1000, failed: 1000)
        var rollout = LuaRollout(limits, now: 0, inForce: LuaVersionCounts(), candidate: before)
        var candidate = before
        candidate.requests += 9
        #expect(rollout.look(now: 1, inForce: LuaVersionCounts(requests: 90), candidate: candidate) == .hold(requests: 9))
        candidate.requests += 1
        #expect(rollout.look(now: 2, inForce: LuaVersionCounts(requests: 100), candidate: candidate) == .goOn)
    }
}
