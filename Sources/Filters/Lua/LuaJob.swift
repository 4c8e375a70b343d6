import Bytes
import DataPlane
import HTTPModel
import LuaRuntime
import Observability
import Reactor
import TrafficPolicy

/// One run of a timer's function: a coroutine under the script's limits that no stream belongs to.
@WorkerActor final class LuaJob: TurnEndHandler {
    private enum State: Equatable {
        /// Inside the script. Next: any other.
        case running
        /// The call that the script waits for is to be begun, or is being begun. Next: `waiting`, `ended`, `over`.
        case calling
        /// The call was over at once: the script goes on when the turn is over, so that others get theirs. Next: `running`, `over`.
        case ended
        /// The call is under way. Next: `running`, `over`.
        case waiting
        /// Put aside, so that others get their turn. Next: `running`, `over`.
        case sliced
        case over
    }

    /// What the function is called with.
    static let type = LuaClass<LuaJob>("Job", methods: [.worker("httpCall") { job, call in job.httpCall(call) }])

    private static let callReason = LuaYieldReason(rawValue: 1)
    /// Longest answer that `httpCall` takes, in bytes.
    private static let bodyLimit = 1 << 20

    private let worker: WorkerContext
    /// Gone when the script is: the run then ends where it is.
    private weak var timers: LuaTimers?
    private let function: LuaFunction
    /// Of the timer.
    let number: Int
    private var run: LuaRun?
    private var state = State.running
    private var plan: LuaCallPlan?

    init(_ worker: WorkerContext, _ timers: LuaTimers, number: Int, _ function: LuaFunction) {
        self.worker = worker
        self.timers = timers
        self.number = number
        self.function = function
    }

    func start(_ lua: LuaState) {
        var run = lua.makeRun()
        let outcome = run.start(function) { $0.add(LuaJob.type, self, scope: .run) }
        took(run, outcome)
        settle()
    }

    /// Goes no further; nobody is told.
    func end() {
        state = .over
        timers = nil
        run = nil
        plan?.call.cancel()
        plan = nil
    }

    private func took(_ run: consuming LuaRun, _ outcome: LuaOutcome) {
        switch outcome {
        case .sliced:
            state = .sliced
            self.run = consume run
            worker.loop.atTurnEnd(self)
        case .yielded:
            state = .calling
            self.run = consume run
        case .finished: state = .over
        case .failed(let error):
            state = .over
            timers?.failed(error)
        case .killed(let cause):
            state = .over
            timers?.killed(cause, run)
        }
    }

    /// Begins the call that the script waits for, or says that the run is over.
    private func settle() {
        if state == .calling, let plan {
            plan.call.begin(plan.cluster, timeout: plan.timeout)
            if state == .calling { state = .waiting }
        }
        if state == .over { timers?.ended(self) }
    }

    func turnEnded() {
        if state == .ended {
            resumeAfterCall()
            return
        }
        guard state == .sliced, timers != nil, var run = run.take() else { return }
        state = .running
        let outcome = run.goOn()
        took(run, outcome)
        settle()
    }

    // MARK: httpCall

    private func httpCall(_ lua: borrowing LuaCall) -> LuaReply {
        guard let timers else { return .results }
        let request = LuaCallRequest(worker: worker, bodyLimit: Self.bodyLimit, localAddress: nil, timers.backgroundCalls) {
            [weak self] in self?.callEnded($0)
        }
        switch request.plan(lua) {
        case .refused(let reply): return reply
        case .planned(let plan):
            timers.countCall()
            if plan.isAsynchronous {
                plan.call.begin(plan.cluster, timeout: plan.timeout)
                return .results
            }
            self.plan = plan
            return lua.yield(Self.callReason)
        }
    }

    /// The call is over, perhaps while it is being begun.
    private func callEnded(_ ended: UpstreamCall) {
        guard plan?.call === ended else { return }
        switch state {
        case .calling:
            state = .ended
            worker.loop.atTurnEnd(self)
        case .waiting: resumeAfterCall()
        case .running, .ended, .sliced, .over: break
        }
    }

    private func resumeAfterCall() {
        guard let plan, timers != nil, var run = run.take() else { return }
        self.plan = nil
        state = .running
        let outcome = run.resume { plan.addResult(to: $0) }
        took(run, outcome)
        settle()
    }
}
