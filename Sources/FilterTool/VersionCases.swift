package import Filters
import ProxyModel
package import Reactor
import SwiftProtobuf

/// Runs the cases that a configuration names against the filter as it is configured.
@WorkerActor package final class VersionCases {
    /// Failures that are told of one order.
    private nonisolated static let maximumFailures = 3

    private let orders: [LuaCaseOrder]
    private let loop: EventLoop
    private let done: @WorkerActor ([String]) -> Void
    private var problems: [String] = []
    private var tests: FilterTests?

    /// - Parameter done: gets for each order what is not as it must be, empty when all is.
    package init(_ orders: [LuaCaseOrder], loop: EventLoop, done: @escaping @WorkerActor ([String]) -> Void) {
        self.orders = orders
        self.loop = loop
        self.done = done
    }

    /// The same for a process that does nothing else: on its loop, from its main thread.
    package nonisolated static func run(_ orders: [LuaCaseOrder]) -> [String] {
        LoopRun.wait { loop, done in
            let cases = VersionCases(orders, loop: loop, done: done)
            cases.start()
            return cases
        }
    }

    /// Begins with the first order.
    package func start() {
        guard problems.count < orders.count else { return done(problems) }
        let order = orders[problems.count]
        let tests = FilterTests([order.config.cases], version: order.config, loop: loop) { [unowned self] report in
            self.problems.append(Self.problem(report, order))
            self.start()
        }
        self.tests = tests
        tests.start()
    }

    private static func problem(_ report: CaseReport, _ order: LuaCaseOrder) -> String {
        guard !report.passed else { return "" }
        let failures = report.files.flatMap { file in
            (file.problem.map { [$0] } ?? [])
                + file.outcomes.filter { !$0.passed }.map { "case \"\($0.name)\" (\($0.place)): \($0.failures.joined(separator: ", "))" }
        }
        let more = failures.count - maximumFailures
        return "\(order.title): \(failures.prefix(maximumFailures).joined(separator: "; "))\(more > 0 ? " and \(more) more" : "")"
    }
}

extension CaseSet {
    /// The same cases against the filter as a configuration has it, whose own settings hold where a case has none.
    func with(_ version: Heddle_Filters_Http_Lua_V1_LuaFilter) throws(CaseError) -> CaseSet {
        guard filters == nil else {
            throw CaseError(file, 0, "\"filters\" names scripts of its own, so that these are no cases of the configured one")
        }
        var filter = version
        filter.version = ""
        filter.sha256 = ""
        filter.cases = ""
        filter.clearSettingsSchema()
        filter.clearCandidate()
        let json: String
        do {
            var options = JSONEncodingOptions()
            options.preserveProtoFieldNames = true
            json = try filter.jsonString(options: options)
        } catch {
            throw CaseError(file, 0, "the configured filter cannot be written: \(error)")
        }
        var set = self
        set.version = try CaseReader.value(json, of: "the configured filter")
        return set
    }

    /// The filter of ``with(_:)`` for one case, as JSON.
    func versionFilter(_ version: CaseValue, _ settings: CaseValue?) -> String {
        guard case .map(let members) = version else { return "" }
        var lua: [CaseValue.Member] = []
        if case .map(let found)? = version["lua"] { lua = found }
        lua += settingsOf { key in !Self.ownKeys.contains(key) && !lua.contains { $0.key == key } }
        if let settings {
            lua.removeAll { $0.key == "filter_context" }
            lua.append(CaseValue.Member(key: "filter_context", value: settings, line: 0))
        }
        let own = members.filter { $0.key != "lua" }
        return Self.filter(lua, own + settingsOf { key in Self.ownKeys.contains(key) && !own.contains { $0.key == key } })
    }
}
