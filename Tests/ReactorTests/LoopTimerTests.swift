import Reactor
import Testing

struct LoopTimerTests {
    private let poller = ScriptedPoller()
    private let clock = ManualClock()
    private let loop: EventLoop

    init() {
        loop = EventLoop(poller: poller, clock: clock)
        loop.adopt()
    }

    private func turn(after milliseconds: UInt64) {
        clock.advance(milliseconds: milliseconds)
        loop.turn(maximumWait: 0)
    }

    @Test("a timer fires once, not before its time")
    func once() {
        onLoop {
            var fired = 0
            let timer = LoopTimer(loop: loop) { fired += 1 }
            timer.schedule(after: 5_000_000)
            turn(after: 4)
            #expect(fired == 0)
            #expect(timer.isArmed)
            turn(after: 1)
            #expect(fired == 1)
            #expect(!timer.isArmed)
            turn(after: 1_000)
            #expect(fired == 1)
        }
    }

    @Test("pushing the deadline back keeps a timer from firing at the old one")
    func pushedBack() {
        onLoop {
            var fired = 0
            let timer = LoopTimer(loop: loop) { fired += 1 }
            timer.schedule(after: 5_000_000)
            for _ in 0..<10 {
                turn(after: 4)
                timer.schedule(after: 5_000_000)
            }
            #expect(fired == 0)
            turn(after: 5)
            #expect(fired == 1)
        }
    }

    @Test("bringing the deadline forward fires at the new one and not again at the old")
    func broughtForward() {
        onLoop {
            var fired = 0
            let timer = LoopTimer(loop: loop) { fired += 1 }
            timer.schedule(after: 500_000_000)
            timer.schedule(after: 2_000_000)
            turn(after: 2)
            #expect(fired == 1)
            turn(after: 600)
            #expect(fired == 1)
        }
    }

    @Test("a cancelled timer does not fire, and one that is armed again does")
    func cancelled() {
        onLoop {
            var fired = 0
            let timer = LoopTimer(loop: loop) { fired += 1 }
            timer.schedule(after: 5_000_000)
            timer.cancel()
            turn(after: 5)
            #expect(fired == 0)
            timer.schedule(after: 5_000_000)
            turn(after: 5)
            #expect(fired == 1)
        }
    }

    @Test("a timer that is gone is not called, nor is another that took its slot")
    func freed() {
        onLoop {
            var fired: [String] = []
            var old: LoopTimer? = LoopTimer(loop: loop) { fired.append("old") }
            old?.schedule(after: 5_000_000)
            old = nil
            let new = LoopTimer(loop: loop) { fired.append("new") }
            turn(after: 5)
            #expect(fired.isEmpty)
            new.schedule(after: 1_000_000)
            turn(after: 1)
            #expect(fired == ["new"])
        }
    }

    @Test("a timer that arms itself anew while it fires goes on")
    func periodic() {
        onLoop {
            let ticker = Ticker(loop)
            ticker.timer?.schedule(after: 3_000_000)
            for _ in 0..<5 { turn(after: 3) }
            #expect(ticker.fired == 5)
        }
    }

    /// Owns a timer that it arms anew each time.
    @WorkerActor private final class Ticker {
        var timer: LoopTimer?
        var fired = 0

        init(_ loop: EventLoop) {
            timer = LoopTimer(loop: loop) { [unowned self] in
                self.fired += 1
                self.timer?.schedule(after: 3_000_000)
            }
        }
    }

    @Test("a timer that goes takes its deadline with it, also when another's call ends it in the tick in which both are due")
    func gone() {
        onLoop {
            var others: [LoopTimer] = []
            var fired = 0
            let first = LoopTimer(loop: loop) {
                fired += 1
                others = []
            }
            first.schedule(after: 5_000_000)
            for delay in [5_000_000, 5_000_000, 900_000_000] as [UInt64] {
                let other = LoopTimer(loop: loop) { fired += 100 }
                other.schedule(after: delay)
                others.append(other)
            }
            #expect(loop.timerCount == 4)
            // Whichever of those due is called first, the one that is gone is not called.
            turn(after: 5)
            #expect(others.isEmpty)
            #expect(loop.timerCount == 0)
            let calledBefore = fired
            let later = LoopTimer(loop: loop) { fired += 1 }
            later.schedule(after: 5_000_000)
            turn(after: 1_000)
            #expect(fired == calledBefore + 1)
        }
    }

    @Test("the loop waits no longer than until the next deadline, nor than it is told to")
    func waits() {
        onLoop {
            let timer = LoopTimer(loop: loop) {}
            timer.schedule(after: 40_000_000)
            loop.turn(maximumWait: nil)
            loop.turn(maximumWait: 7)
            #expect(poller.timeouts.count == 2)
            #expect((poller.timeouts[0] ?? .max) <= 40_000_000)
            #expect(poller.timeouts[1] == 7)
        }
    }
}
