import Foundation
import Synchronization

/// What the users of the load generator met with.
struct LoadReport: Sendable {
    /// Different reasons of failures that are kept; the others count under one name.
    static let mostReasons = 20

    struct Page: Sendable {
        var failures = 0
        var latencies = LatencyHistogram()
    }

    private(set) var pages: [String: Page] = [:]
    private(set) var reasons: [String: Int] = [:]

    /// - Parameter failure: why the request failed, or nil where it did not.
    mutating func record(_ page: String, milliseconds: Double, failure: String?) {
        pages[page, default: Page()].latencies.record(milliseconds)
        guard let failure else { return }
        pages[page]?.failures += 1
        let known = reasons[failure] != nil || reasons.count < Self.mostReasons
        reasons[known ? failure : "other", default: 0] += 1
    }

    mutating func merge(_ other: LoadReport) {
        for (name, page) in other.pages {
            pages[name, default: Page()].failures += page.failures
            pages[name]?.latencies.merge(page.latencies)
        }
        for (reason, count) in other.reasons { reasons[reason, default: 0] += count }
    }

    var requests: Int { pages.values.reduce(0) { $0 + $1.latencies.total } }
    var failures: Int { pages.values.reduce(0) { $0 + $1.failures } }

    var latencies: LatencyHistogram {
        pages.values.reduce(into: LatencyHistogram()) { $0.merge($1.latencies) }
    }
}

/// What the report is as JSON; also what `heddle demo` reads.
struct LoadReportJSON: Encodable {
    struct Page: Encodable {
        let page: String
        let requests: Int
        let failures: Int
        let p50_ms: Double
        let p90_ms: Double
        let p99_ms: Double
    }

    /// `recent` for what happened since the last line, `report` for all.
    let kind: String
    let seconds: Double
    let requests: Int
    let failures: Int
    let rps: Double
    let p50_ms: Double
    let p90_ms: Double
    let p99_ms: Double
    let pages: [Page]?
    let reasons: [String: Int]?

    init(kind: String, _ report: LoadReport, seconds: Double, withPages: Bool) {
        func rounded(_ number: Double) -> Double { (number * 100).rounded() / 100 }
        let all = report.latencies
        self.kind = kind
        self.seconds = rounded(seconds)
        requests = report.requests
        failures = report.failures
        rps = rounded(seconds > 0 ? Double(report.requests) / seconds : 0)
        p50_ms = rounded(all.percentile(0.5))
        p90_ms = rounded(all.percentile(0.9))
        p99_ms = rounded(all.percentile(0.99))
        reasons = report.reasons.isEmpty ? nil : report.reasons
        pages = !withPages ? nil : report.pages.sorted { $0.key < $1.key }.map { name, page in
            Page(
                page: name, requests: page.latencies.total, failures: page.failures,
                p50_ms: rounded(page.latencies.percentile(0.5)), p90_ms: rounded(page.latencies.percentile(0.9)),
                p99_ms: rounded(page.latencies.percentile(0.99)))
        }
    }
}

extension LoadReport {
    /// The report as a table.
    func table(seconds: Double) -> String {
        func cell(_ text: String, _ width: Int) -> String { String(repeating: " ", count: max(0, width - text.count)) + text }
        func line(_ name: String, _ failures: Int, _ latencies: LatencyHistogram) -> String {
            let numbers = [0.5, 0.9, 0.99].map { cell(String(format: "%.1f", latencies.percentile($0)), 9) }.joined()
            return name.padding(toLength: 22, withPad: " ", startingAt: 0) + cell("\(latencies.total)", 9) + cell("\(failures)", 9) + numbers
        }
        var lines = ["page                   requests failures   p50 ms   p90 ms   p99 ms"]
        for (name, page) in pages.sorted(by: { $0.key < $1.key }) { lines.append(line(name, page.failures, page.latencies)) }
        lines.append(line("all", failures, latencies))
        lines.append(String(format: "%.1f requests a second for %.0f s", seconds > 0 ? Double(requests) / seconds : 0, seconds))
        for (reason, count) in reasons.sorted(by: { $0.value > $1.value }) { lines.append("failed \(count) times: \(reason)") }
        return lines.joined(separator: "\n")
    }
}

/// The report that all users write into.
final class LoadRecorder: Sendable {
    private struct State {
        var all = LoadReport()
        var recent = LoadReport()
    }

    private let state = Mutex(State())

    func record(_ page: String, milliseconds: Double, failure: String?) {
        state.withLock { $0.recent.record(page, milliseconds: milliseconds, failure: failure) }
    }

    /// What happened since the last call.
    func takeRecent() -> LoadReport {
        state.withLock { state in
            defer {
                state.all.merge(state.recent)
                state.recent = LoadReport()
            }
            return state.recent
        }
    }

    /// All that happened.
    func all() -> LoadReport {
        state.withLock { state in
            var all = state.all
            all.merge(state.recent)
            return all
        }
    }
}
