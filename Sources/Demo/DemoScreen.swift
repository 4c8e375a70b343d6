import Foundation
import Glibc

/// What the demo shows: a table at start, and rates that change in place where there is a terminal.
struct DemoScreen {
    private let write: (String) -> Void
    private let isTerminal = isatty(1) == 1
    private var drawn = 0

    init(write: @escaping (String) -> Void) {
        self.write = write
    }

    private func bold(_ text: String) -> String { isTerminal ? "\u{1b}[1m\(text)\u{1b}[0m" : text }
    private func dim(_ text: String) -> String { isTerminal ? "\u{1b}[2m\(text)\u{1b}[0m" : text }

    private static func padded(_ text: String, _ width: Int) -> String {
        text.count >= width ? text : text + String(repeating: " ", count: width - text.count)
    }

    private static func right(_ text: String, _ width: Int) -> String {
        text.count >= width ? text : String(repeating: " ", count: width - text.count) + text
    }

    func say(_ text: String) { write(text + "\n") }

    /// Something that happened between two views of the rates: it stays, and the next view stands below it.
    mutating func note(_ text: String) {
        say(text)
        drawn = 0
    }

    /// What runs where, as rows of four columns that fit into a terminal's usual 80.
    static func rows(_ plan: ShopPlan) -> [(place: String, duty: String)] {
        func row(_ name: String, _ service: String, _ proxy: String, _ duty: String) -> (place: String, duty: String) {
            (padded(name, 16) + padded(service, 20) + padded(proxy, 20), duty)
        }
        let proxies = plan.processes.filter(\.isProxy)
        func proxy(_ workload: String) -> String? { proxies.first { $0.workload == workload }?.address }
        var rows = [row("workload", "service", "its proxy", "does")]
        for workload in ShopWorkload.all {
            let service = plan.processes.first { $0.workload == workload.name && !$0.isProxy }
            guard let service else { continue }
            rows.append(row(workload.name, service.address, proxy(workload.name) ?? "-", workload.duty))
        }
        if let edge = proxy(ShopPlan.edge) { rows.append(row("edge", "-", edge, "the way in")) }
        return rows
    }

    /// The table of what runs where.
    func table(_ shop: RunningShop, seconds: Double, memory: Double, redis: Bool) {
        let plan = shop.plan
        let proxies = plan.processes.filter(\.isProxy)
        for (index, row) in Self.rows(plan).enumerated() {
            say(index == 0 ? bold(row.place + row.duty) : row.place + dim(row.duty))
        }
        if !redis { say(dim("redis-server is not installed: carts are kept in memory")) }
        let door = plan.door
        say("")
        say("\(bold("http://\(door.host):\(door.port)/"))  is the shop, ready after \(String(format: "%.1f", seconds)) s")
        if !proxies.isEmpty { say("\(proxies.count) proxies in \(String(format: "%.0f", memory)) MB; logs in \(shop.folder.path)/logs") }
    }

    /// What to try, in a second terminal.
    func next(_ commands: [String]) {
        say("\ntry next, in a second terminal:")
        for command in commands { say("  " + command) }
    }

    /// How long the rates are that are shown: where there is no terminal each view is one line more.
    var lineSeconds: Int { isTerminal ? 1 : Self.quietSeconds }

    /// The rates of all pages; where none came there is no time that one took.
    static func head(_ line: LoadLine, total: (requests: Int, failures: Int), seconds: Int) -> String {
        func time(_ milliseconds: Double) -> String {
            right(line.requests > 0 ? String(format: "%.1f ms", milliseconds) : "-", 9)
        }
        let rate = String(format: "%5d s  %6.1f pages/s", seconds, line.rps)
        let times = "p50 \(time(line.p50_ms))  p99 \(time(line.p99_ms))"
        return "\(rate)  \(times)  \(total.failures) failed of \(total.requests)"
    }

    /// The rates of the last ``lineSeconds``.
    mutating func rates(_ line: LoadLine, total: (requests: Int, failures: Int), seconds: Int, calls: [(workload: String, rate: Int?)]) {
        let head = Self.head(line, total: total, seconds: seconds)
        guard isTerminal else { return say(head) }
        if drawn > 0 { write("\u{1b}[\(drawn)A\u{1b}[J") }
        var text = "\n" + bold(head) + "\n"
        let columns = calls.map { Self.padded($0.workload, 16) + Self.right($0.rate.map { "\($0)/s" } ?? "-", 7) }
        for start in stride(from: 0, to: columns.count, by: 3) {
            text += "  " + columns[start..<min(start + 3, columns.count)].joined(separator: "   ") + "\n"
        }
        text += dim("  Ctrl-C ends it") + "\n"
        write(text)
        drawn = text.count { $0 == "\n" }
    }

    private static let quietSeconds = 5

    /// The report of the load generator.
    func report(_ report: LoadLine) {
        say("")
        say(bold(Self.padded("page", 22) + ["requests", "failures", "p50 ms", "p90 ms", "p99 ms"].map { Self.right($0, 10) }.joined()))
        for page in report.pages ?? [] {
            say(Self.padded(page.page, 22) + Self.numbers(page.requests, page.failures, page.p50_ms, page.p90_ms, page.p99_ms))
        }
        say(Self.padded("all", 22) + Self.numbers(report.requests, report.failures, report.p50_ms, report.p90_ms, report.p99_ms))
        for (reason, count) in (report.reasons ?? [:]).sorted(by: { $0.value > $1.value }) { say("failed \(count) times: \(reason)") }
    }

    private static func numbers(_ requests: Int, _ failures: Int, _ percentiles: Double...) -> String {
        right("\(requests)", 10) + right("\(failures)", 10) + percentiles.map { right(String(format: "%.1f", $0), 10) }.joined()
    }
}
