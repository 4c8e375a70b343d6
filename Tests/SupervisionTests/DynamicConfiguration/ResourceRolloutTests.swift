import Testing

@testable import Supervision

@Suite("Bringing resources to all workers")
struct ResourceRolloutTests {
    private func rollout(_ workers: Set<Int> = [0, 1]) -> ResourceRollout {
        ResourceRollout(generation: 3, numbers: [7, 8, 9], workers: workers)
    }

    @Test("it is decided with the last answer, and answers to another generation do not count")
    func decided() {
        var rollout = rollout()
        #expect(rollout.prepared(0, 3) == .none)
        #expect(rollout.prepared(1, 2) == .none)
        #expect(rollout.prepared(1, 3) == .decide(refused: [:]))
        #expect(rollout.isDecided)
        #expect(rollout.prepared(1, 3) == .none)
        #expect(rollout.ended(1) == .none)
    }

    @Test("what one worker refuses is refused, with the first reason, and the rest is taken")
    func refused() {
        var rollout = rollout()
        rollout.refused(0, 3, number: 8, "first")
        #expect(rollout.prepared(0, 3) == .none)
        rollout.refused(1, 3, number: 8, "second")
        rollout.refused(1, 2, number: 9, "of another generation")
        #expect(rollout.prepared(1, 3) == .decide(refused: [8: "first"]))
    }

    @Test("a worker that dies is asked again when it is back; a second death is an answer")
    func deaths() {
        var rollout = rollout()
        #expect(rollout.prepared(0, 3) == .none)
        #expect(rollout.ended(0) == .none)
        #expect(rollout.ended(1) == .none)
        rollout.joined(1)
        let reason = "workers ended while they compiled it"
        #expect(rollout.ended(1) == .decide(refused: [7: reason, 8: reason, 9: reason]))
    }

    @Test("workers that all die once, as of a signal from outside, are asked again")
    func allDie() {
        var rollout = rollout()
        for worker in [0, 1] { #expect(rollout.ended(worker) == .none) }
        for worker in [0, 1] { rollout.joined(worker) }
        #expect(rollout.prepared(1, 3) == .none)
        #expect(rollout.prepared(0, 3) == .decide(refused: [:]))
    }

    @Test("a worker that starts meanwhile is asked, too")
    func joined() {
        var rollout = rollout([0])
        rollout.joined(1)
        #expect(rollout.prepared(0, 3) == .none)
        #expect(rollout.prepared(1, 3) == .decide(refused: [:]))
    }
}
