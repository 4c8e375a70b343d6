import Filters
package import Reactor

/// A request that is made up on the command line, and the filter that gets it.
package struct RunRequest: Sendable {
    /// Path of the script.
    package var script: String
    package var request: WireMessage
    /// `filter_context`, as YAML or JSON; empty for none.
    package var settings = ""
    /// More of the filter's configuration, as `config` of a file of cases; empty for none.
    package var config = ""
    /// What the service behind answers.
    package var answer = WireMessage(fields: [WireMessage.Field(":status", "200")])

    package init(script: String, request: WireMessage) {
        self.script = script
        self.request = request
    }

    /// The cases file that says the same, for the reader of cases.
    func caseSet() throws(CaseError) -> CaseSet {
        let more = config.isEmpty ? nil : try CaseReader.value(config, of: "--config")
        if let more { guard case .map = more else { throw CaseError("--config", 0, "a map of the filter's configuration is expected") } }
        return CaseSet(
            file: "--settings", script: script, config: more, filters: nil, routes: nil, clusters: ["main"],
            cases: [
                FilterCase(
                    name: "run", line: 0, settings: settings.isEmpty ? nil : try CaseReader.value(settings, of: "--settings"),
                    exchanges: [])
            ])
    }
}

/// What a filter made of one request.
package struct RunReport: Sendable {
    /// Why there is nothing to report; empty otherwise.
    package var problem = ""
    /// What the service got and the client got, without the filter and with it.
    package var requestBefore: WireMessage?
    package var requestAfter: WireMessage?
    package var responseBefore: WireMessage?
    package var responseAfter: WireMessage?
    package var log: [String] = []
    /// What the hooks cost.
    package var hooks: [(hook: String, nanoseconds: UInt64, fuel: Int64, memoryBytes: Int)] = []
    /// Errors of the script.
    package var scriptErrors = 0

    package init() {}

    /// Fields with what the filter did to them: `+` set, `-` taken away, nothing for what it left alone.
    package func text(isColored: Bool = false) -> String {
        guard problem.isEmpty else { return problem }
        func paint(_ text: String, _ code: String) -> String { isColored ? "\u{1B}[\(code)m\(text)\u{1B}[0m" : text }
        var lines: [String] = []
        for (title, before, after) in [("request", requestBefore, requestAfter), ("response", responseBefore, responseAfter)] {
            lines.append(paint(title, "1"))
            guard let after else {
                lines.append(title == "request" ? "    (it did not reach the service)" : "    (none)")
                continue
            }
            lines += Self.difference(before, after).map { mark, text in
                paint("  \(mark) \(text)", mark == "+" ? "32" : mark == "-" ? "31" : "0")
            }
            if let before, !before.body.isEmpty, before.body != after.body { lines.append(paint("  - \(Self.shown(before))", "31")) }
            if !after.body.isEmpty { lines.append(paint("  \(before?.body == after.body ? " " : "+") \(Self.shown(after))", before?.body == after.body ? "0" : "32")) }
        }
        lines.append(paint("hooks", "1"))
        for hook in hooks {
            lines.append("    \(hook.hook): \(hook.nanoseconds / 1000) µs, \(hook.fuel) fuel, state of \(hook.memoryBytes / 1024) KiB")
        }
        if hooks.isEmpty { lines.append("    (none ran)") }
        lines.append(paint("log", "1"))
        lines += log.isEmpty ? ["    (nothing)"] : log.map { "    \($0)" }
        return lines.joined(separator: "\n")
    }

    private static func shown(_ message: WireMessage) -> String {
        let most = 1000
        return message.body.count > most ? "\(message.text.prefix(most))… (\(message.body.count) bytes)" : message.text
    }

    /// The fields of both, those that were taken away where they stood.
    static func difference(_ before: WireMessage?, _ after: WireMessage) -> [(mark: String, text: String)] {
        // Made anew for each request, by the proxy itself.
        let changing: Set<String> = ["x-request-id", "date", "x-envoy-upstream-service-time"]
        var gone = before?.fields.filter { !changing.contains($0.name) } ?? []
        var lines: [(mark: String, text: String)] = []
        for field in after.fields where !changing.contains(field.name) {
            if let index = gone.firstIndex(of: field) {
                gone.remove(at: index)
                lines.append((" ", "\(field.name): \(field.value)"))
            } else {
                lines.append((before == nil ? " " : "+", "\(field.name): \(field.value)"))
            }
        }
        return gone.map { ("-", "\($0.name): \($0.value)") } + lines
    }

    /// The same as JSON.
    package var json: String {
        func message(_ message: WireMessage?) -> String {
            guard let message else { return "null" }
            let fields = message.fields.map { "[\(CaseValue.quoted($0.name)), \(CaseValue.quoted($0.value))]" }
            return "{\"headers\": [\(fields.joined(separator: ", "))], \"body\": \(CaseValue.quoted(message.text))}"
        }
        let hooks = hooks.map {
            "{\"hook\": \(CaseValue.quoted($0.hook)), \"nanoseconds\": \($0.nanoseconds), \"fuel\": \($0.fuel), \"memory_bytes\": \($0.memoryBytes)}"
        }
        return """
            {"problem": \(CaseValue.quoted(problem)), "request": {"before": \(message(requestBefore)), "after": \(message(requestAfter))}, \
            "response": {"before": \(message(responseBefore)), "after": \(message(responseAfter))}, "script_errors": \(scriptErrors), \
            "hooks": [\(hooks.joined(separator: ", "))], "log": [\(log.map(CaseValue.quoted).joined(separator: ", "))]}
            """
    }
}

/// `heddle filter run` and `heddle filter bench`: one request, without the filter and with it, once or many times.
@WorkerActor package final class FilterRun {
    private let run: RunRequest
    private let loop: EventLoop
    private var harness: FilterHarness?
    private var report = RunReport()
    private var samples: [FilterHarness.Exchange] = []

    package init(_ run: RunRequest, loop: EventLoop) {
        self.run = run
        self.loop = loop
    }

    /// Sends the request once and reports what the filter did to it.
    package func once(_ done: @escaping @WorkerActor (RunReport) -> Void) {
        prepare(withFilter: false, done) { harness in
            harness.send(self.run.request, answers: ["main": [self.run.answer]]) { bare in
                self.report.requestBefore = bare.upstream.last?.request
                self.report.responseBefore = bare.response
                self.prepare(withFilter: true, done) { harness in
                    harness.send(self.run.request, answers: ["main": [self.run.answer]]) { self.ended($0, done) }
                }
            }
        }
    }

    private func ended(_ exchange: FilterHarness.Exchange, _ done: @WorkerActor (RunReport) -> Void) {
        report.requestAfter = exchange.upstream.last?.request
        report.responseAfter = exchange.response
        report.log = ((harness?.warnings ?? []) + exchange.log).map { SourceNames.readable($0, script: run.script) }
        report.scriptErrors = exchange.scriptErrors
        report.hooks = exchange.hooks.map { ($0.hook, $0.nanoseconds, $0.fuel, $0.memoryBytes) }
        harness?.close()
        done(report)
    }

    private func prepare(
        withFilter: Bool, _ failed: @WorkerActor (RunReport) -> Void, _ ready: @WorkerActor (FilterHarness) -> Void
    ) {
        do {
            let harness = try self.harness ?? FilterHarness(clusters: ["main"], loop: loop)
            self.harness = harness
            var cases = try run.caseSet()
            if !withFilter { cases.filters = .list([]) }
            try harness.configure(cases.bootstrap(cases.cases[0], ports: harness.ports), file: run.script)
            ready(harness)
        } catch {
            report.problem = SourceNames.readable("\(error)", script: run.script)
            harness?.close()
            failed(report)
        }
    }

    // MARK: Measuring

    /// Sends the request `count` times and reports how long the hooks took.
    package func measure(_ count: Int, _ done: @escaping @WorkerActor (BenchReport) -> Void) {
        prepare(withFilter: true, { done(BenchReport(problem: $0.problem)) }) { harness in
            // What is only done at first, such as the growth of tables, is not what a request costs.
            self.sample(harness, warm: min(count / 10, 100), left: count, done)
        }
    }

    private func sample(
        _ harness: FilterHarness, warm: Int, left: Int, _ done: @escaping @WorkerActor (BenchReport) -> Void
    ) {
        guard left > 0 else {
            harness.close()
            return done(BenchReport(samples))
        }
        harness.send(run.request, answers: ["main": [run.answer]]) { exchange in
            if warm == 0 { self.samples.append(exchange) }
            self.sample(harness, warm: max(warm - 1, 0), left: warm == 0 ? left - 1 : left, done)
        }
    }
}

/// What the hooks of a filter cost, over many requests.
package struct BenchReport: Sendable {
    /// The costs of one hook.
    package struct Hook: Sendable {
        package var name: String
        package var count: Int
        package var medianNanoseconds: UInt64
        package var p99Nanoseconds: UInt64
        package var fuel: Int64
        package var memoryBytes: Int
    }

    /// Why there is nothing to report; empty otherwise.
    package var problem = ""
    package var hooks: [Hook] = []
    /// Errors of the script in all requests.
    package var scriptErrors = 0

    init(problem: String) { self.problem = problem }

    init(_ exchanges: [FilterHarness.Exchange]) {
        scriptErrors = exchanges.reduce(0) { $0 + $1.scriptErrors }
        let records = exchanges.flatMap(\.hooks)
        for name in ["request", "response"] {
            let own = records.filter { $0.hook == name }
            let times = own.map(\.nanoseconds).sorted()
            guard !times.isEmpty else { continue }
            hooks.append(
                Hook(
                    name: name, count: times.count, medianNanoseconds: times[times.count / 2],
                    p99Nanoseconds: times[min(times.count * 99 / 100, times.count - 1)],
                    fuel: own.map(\.fuel).sorted()[own.count / 2], memoryBytes: own.map(\.memoryBytes).max() ?? 0))
        }
    }

    /// One line a hook.
    package var text: String {
        guard problem.isEmpty else { return problem }
        var lines = hooks.map {
            "\($0.name): median \(Self.microseconds($0.medianNanoseconds)) µs, 99 % \(Self.microseconds($0.p99Nanoseconds)) µs, \($0.fuel) fuel, state of \($0.memoryBytes / 1024) KiB (\($0.count) times)"
        }
        if hooks.isEmpty { lines = ["no hook ran"] }
        if scriptErrors > 0 { lines.append("\(scriptErrors) script errors") }
        return lines.joined(separator: "\n")
    }

    /// The same as JSON.
    package var json: String {
        let hooks = hooks.map {
            """
            {"hook": \(CaseValue.quoted($0.name)), "count": \($0.count), "median_nanoseconds": \($0.medianNanoseconds), \
            "p99_nanoseconds": \($0.p99Nanoseconds), "fuel": \($0.fuel), "memory_bytes": \($0.memoryBytes)}
            """
        }
        return "{\"problem\": \(CaseValue.quoted(problem)), \"script_errors\": \(scriptErrors), \"hooks\": [\(hooks.joined(separator: ", "))]}"
    }

    private static func microseconds(_ nanoseconds: UInt64) -> String {
        "\(nanoseconds / 1000).\(nanoseconds % 1000 / 100)"
    }
}
