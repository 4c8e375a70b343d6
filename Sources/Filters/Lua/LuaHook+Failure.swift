import DataPlane
import HTTPModel
import LuaRuntime
import Observability
import Reactor

/// What becomes of a message whose script failed.
extension LuaHook {
    func failed(_ error: LuaError) {
        factory.stats[.errors].add()
        filter.use.failed()
        if error.message.hasSuffix("not enough memory") { factory.stats[.memoryExceeded].add() }
        explain("failed: \(error.message)")
        factory.log.error(.lua, "script log: \(error.message) \(place(error))")
        if let answer = factory.settings.answer { fail(answer) }
    }

    /// Where an error came from: script, hook and route, and the functions that were being called.
    private func place(_ error: LuaError) -> String {
        let hook = direction == .request ? "envoy_on_request" : "envoy_on_response"
        let route = stream?.route.map { $0.name?.text ?? $0.matchText } ?? ""
        return "(\(script?.name ?? factory.name), \(hook)\(route.isEmpty ? "" : ", route \(route)")\(error.stackText))"
    }

    /// `on_error` wants an answer: in the request's place, or in the response's if its head has not gone out.
    private func fail(_ answer: LocalReply) {
        guard direction == .response, headReleased else {
            reply = answer
            wait = .respond
            return
        }
        stream?.breakOffResponse([])
    }

    func killed(_ cause: LuaKillCause, _ run: borrowing LuaRun) {
        switch cause {
        case .fuel:
            factory.stats[.budgetExceeded].add()
            failed(run.stop("script exceeded its budget of instructions"))
        case .deadline:
            factory.stats[.deadlineExceeded].add()
            failed(run.stop("script exceeded its CPU time"))
        case .stateDead:
            failed(LuaError(message: "script could not run, since its state was ended"))
        }
        // What became of a script that was changed meanwhile says nothing of what it is now.
        if cause != .stateDead, !filter.use.killed(), let script, script.state === state { factory.killed(script) }
        script?.stateDied()
    }
}
