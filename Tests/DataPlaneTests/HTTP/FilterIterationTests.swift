import DataPlane
import Testing

struct FilterIterationTests {
    /// What `release` says, in a form that compares.
    private struct Release: Equatable {
        var headFrom: Int?
        var bodyFrom: Int
        var trailersFrom: Int
    }

    private func release(_ iteration: inout FilterIteration, _ position: Int) -> Release? {
        iteration.release(position).map { Release(headFrom: $0.headFrom, bodyFrom: $0.bodyFrom, trailersFrom: $0.trailersFrom) }
    }

    @Test("a message that nobody holds passes each position once")
    func passes() {
        var iteration = FilterIteration()
        for position in 0..<4 {
            #expect(iteration.headNext == position)
            iteration.headPassed(position)
        }
        #expect(iteration.headNext == 4)
        #expect(iteration.holder == nil)
        #expect(release(&iteration, 3) == nil)
    }

    @Test(
        "the head goes on behind its holder; the body from the holder, or behind it if that saw the body already",
        arguments: [(false, 2), (true, 3)])
    func head(seesData: Bool, bodyFrom: Int) {
        var iteration = FilterIteration()
        iteration.headHeld(at: 2, seesData: seesData)
        #expect(iteration.holder == 2)
        #expect(iteration.bodyNext == bodyFrom)
        #expect(release(&iteration, 2) == Release(headFrom: 3, bodyFrom: bodyFrom, trailersFrom: bodyFrom))
        #expect(iteration.holder == nil)
        #expect(iteration.headNext == 3)
    }

    @Test("a body or trailers go on behind their holder, and the head does not go twice")
    func bodyAndTrailers() {
        var iteration = FilterIteration()
        iteration.bodyHeld(at: 1)
        #expect(iteration.hold == .body(position: 1))
        #expect(release(&iteration, 1) == Release(headFrom: nil, bodyFrom: 2, trailersFrom: 2))
        iteration.trailersHeld(at: 4)
        #expect(iteration.hold == .trailers(position: 4))
        #expect(release(&iteration, 4) == Release(headFrom: nil, bodyFrom: 5, trailersFrom: 5))
    }

    @Test("only the holder releases, and only once")
    func stranger() {
        var iteration = FilterIteration()
        iteration.headHeld(at: 1, seesData: true)
        #expect(release(&iteration, 0) == nil)
        #expect(release(&iteration, 2) == nil)
        #expect(iteration.holder == 1)
        #expect(release(&iteration, 1) != nil)
        #expect(release(&iteration, 1) == nil)
    }

    @Test("whoever holds the head holds all behind it: a hold of the body changes nothing")
    func headComesFirst() {
        var iteration = FilterIteration()
        iteration.headHeld(at: 1, seesData: true)
        let before = iteration
        iteration.bodyHeld(at: 1)
        iteration.trailersHeld(at: 1)
        #expect(iteration == before)
    }

    @Test("a later position may hold what an earlier one let go")
    func oneAfterAnother() {
        var iteration = FilterIteration()
        iteration.headHeld(at: 0, seesData: false)
        _ = release(&iteration, 0)
        iteration.headHeld(at: iteration.headNext, seesData: false)
        #expect(iteration.holder == 1)
        #expect(release(&iteration, 1)?.headFrom == 2)
    }
}
