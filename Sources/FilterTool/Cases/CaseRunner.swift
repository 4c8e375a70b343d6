import Filters
package import Reactor

/// What came of one case.
package struct CaseOutcome: Sendable {
    /// What the case claims.
    package let name: String
    /// File and line of the case.
    package let place: String
    /// What was not as it must be; empty when all was.
    package let failures: [String]
    /// Lines of the log, kept where something failed.
    package let log: [String]
    /// What its hooks cost together.
    package let fuel: Int64
    package let nanoseconds: UInt64
    /// The most that the script's state held.
    package let memoryBytes: Int

    /// Whether all was as it must be.
    package var passed: Bool { failures.isEmpty }
}

/// Runs the cases of one file, one after the other, each with fresh states.
@WorkerActor package final class CaseRunner {
    private let caseSet: CaseSet
    private let harness: FilterHarness
    private let done: @WorkerActor ([CaseOutcome]) -> Void
    private var outcomes: [CaseOutcome] = []
    // Of the case that runs.
    private var failures: [String] = []
    private var log: [String] = []
    private var fuel: Int64 = 0
    private var nanoseconds: UInt64 = 0
    private var memoryBytes = 0

    /// - Parameter done: gets one outcome a case, in their order.
    package init(_ caseSet: CaseSet, _ harness: FilterHarness, done: @escaping @WorkerActor ([CaseOutcome]) -> Void) {
        self.caseSet = caseSet
        self.harness = harness
        self.done = done
    }

    /// Begins with the first case.
    package func start() { beginCase() }

    private var current: FilterCase { caseSet.cases[outcomes.count] }

    private func beginCase() {
        guard outcomes.count < caseSet.cases.count else { return done(outcomes) }
        failures = []
        log = []
        fuel = 0
        nanoseconds = 0
        memoryBytes = 0
        do throws(HarnessError) {
            try harness.configure(caseSet.bootstrap(current, ports: harness.ports), file: caseSet.file)
        } catch {
            failures = [readable(error.description)]
            return endCase()
        }
        send(0)
    }

    private func send(_ index: Int) {
        guard index < current.exchanges.count else { return endCase() }
        let exchange = current.exchanges[index]
        var answers = exchange.answers
        for cluster in caseSet.clusters where answers[cluster] == nil { answers[cluster] = exchange.answers["*"] }
        let counters = exchange.expectation.metrics.map(\.name)
        harness.send(exchange.request, after: exchange.after, answers: answers, counters: counters) { result in
            self.took(result, exchange, index)
            self.send(index + 1)
        }
    }

    private func took(_ result: FilterHarness.Exchange, _ exchange: CaseExchange, _ index: Int) {
        let prefix = current.exchanges.count > 1 ? "request \(index + 1): " : ""
        failures += exchange.expectation.failures(result).map { prefix + $0 }
        log += result.log.map(readable)
        fuel += result.hooks.reduce(0) { $0 + $1.fuel }
        nanoseconds += result.hooks.reduce(0) { $0 + $1.nanoseconds }
        memoryBytes = max(memoryBytes, result.hooks.map(\.memoryBytes).max() ?? 0)
    }

    private func endCase() {
        outcomes.append(
            CaseOutcome(
                name: current.name, place: current.line > 0 ? "\(caseSet.file):\(current.line)" : caseSet.file, failures: failures,
                log: failures.isEmpty ? [] : log, fuel: fuel, nanoseconds: nanoseconds, memoryBytes: memoryBytes))
        beginCase()
    }

    private func readable(_ text: String) -> String { SourceNames.readable(text, script: caseSet.script ?? "") }
}

extension CaseExpectation {
    /// What of `exchange` is not as it must be.
    func failures(_ exchange: FilterHarness.Exchange) -> [String] {
        guard let response = exchange.response else {
            return ["there was no response"]
        }
        var failures = self.response.failures(response, of: "response")
        let called = Set(calls.map(\.cluster))
        let main = exchange.upstream.last { !called.contains($0.cluster) }
        if let cluster, cluster != main?.cluster ?? "none" {
            failures.append("cluster is \(main?.cluster ?? "none"); expected \(cluster)")
        }
        if let main {
            failures += request.failures(main.request, of: "request")
        } else if !request.fields.isEmpty || request.body != nil {
            failures.append("no service got the request")
        }
        for call in calls {
            if let made = exchange.upstream.last(where: { $0.cluster == call.cluster }) {
                failures += call.request.failures(made.request, of: "call of \(call.cluster)")
            } else {
                failures.append("\(call.cluster) was not called")
            }
        }
        for piece in log where !exchange.log.contains(where: { $0.contains(piece) }) {
            failures.append("the log has no line with \(CaseValue.quoted(piece))")
        }
        for metric in metrics {
            let rise = exchange.counters[metric.name] ?? 0
            if rise != metric.value { failures.append("counter \(metric.name) rose by \(rise); expected \(metric.value)") }
        }
        if exchange.scriptErrors != scriptErrors {
            failures.append("\(exchange.scriptErrors) script error\(exchange.scriptErrors == 1 ? "" : "s"); expected \(scriptErrors)")
        }
        return failures
    }
}
