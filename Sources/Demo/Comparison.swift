import Foundation
import Glibc

/// `heddle demo --compare`: the front page of the shop without proxies, with Heddle and with Envoy in the same places.
///
/// All three shops run at once, each in a network of its own, and are measured in turns, so that what else the machine
/// does meets all of them alike. One user asks for one page after the other: what is measured is latency.
package struct Comparison {
    /// What was measured of one mesh: medians of the rounds.
    package struct Row: Codable {
        package let mesh: String
        package let pages: Int
        package let failures: Int
        package let p50_ms: Double
        package let p99_ms: Double
        package let added_p50_ms: Double
        package let added_p99_ms: Double
        package let proxies: Int
        package let proxies_mb: Double
    }

    /// All that was measured.
    package struct Result: Codable {
        var kind = "comparison"
        /// Turns of each mesh, how long each was, and what came of them.
        package let rounds: Int
        package let seconds_a_round: Double
        package let rows: [Row]
    }

    /// Turns that each shop gets.
    private static let rounds = 7
    private static let warmUp = 3.0

    private struct Contender {
        let mesh: ShopPlan.Mesh
        let shop: RunningShop
        var turns: [LoadLine] = []
    }

    private let tools: DemoTools
    private let seconds: Double
    private let concurrency: Int
    private let json: Bool
    private let write: (String) -> Void
    private let interrupt = Interrupt()

    /// - Parameter seconds: of measuring, for all three together.
    package init(tools: DemoTools, seconds: Double, concurrency: Int, json: Bool, write: @escaping (String) -> Void) {
        self.tools = tools
        self.seconds = seconds
        self.concurrency = concurrency
        self.json = json
        self.write = write
    }

    /// Measures and prints; true when no request failed.
    package func run() throws(DemoError) -> Bool {
        try tools.enterRoot()
        var contenders: [Contender] = []
        defer { for contender in contenders { contender.shop.stop() } }
        for (index, mesh) in ShopPlan.Mesh.allCases.enumerated() {
            let network = "127.\(71 + index)"
            let folder = RunFolder(source: tools.mesh, network: network)
            try folder.prepare()
            let plan = ShopPlan(
                mesh: mesh, network: network, programs: try tools.programs(mesh), configurations: folder.configurations,
                concurrency: concurrency)
            say("starting the shop \(Self.title(mesh)): \(plan.processes.count) programs")
            contenders.append(Contender(mesh: mesh, shop: try RunningShop(plan: plan, folder: folder)))
            guard try contenders[index].shop.waitUntilReady(interrupt.check) != nil else { return true }
        }
        let turn = max(1, seconds / Double(Self.rounds * contenders.count))
        for contender in contenders { _ = try load(contender, seconds: Self.warmUp) }
        for round in 1...Self.rounds {
            say("round \(round) of \(Self.rounds)")
            for index in contenders.indices {
                if interrupt.check() { return true }
                contenders[index].turns.append(try load(contenders[index], seconds: turn))
            }
        }
        return try report(contenders, turn: turn)
    }

    private func load(_ contender: Contender, seconds: Double) throws(DemoError) -> LoadLine {
        let run = try LoadRun(
            tools: tools, frontend: contender.shop.plan.door,
            arguments: ["--users", "1", "--rate", "0", "--wait", "0s", "--behaviour", "home", "--for", "\(seconds)s"],
            log: contender.shop.folder.log(of: "loadgenerator"))
        while !run.isOver, !interrupt.check() {
            if Stopwatch.wait(for: [run.descriptor, interrupt.descriptor], seconds: 1).contains(run.descriptor) { _ = run.lines() }
        }
        run.finish()
        try contender.shop.checkAllRun()
        guard let report = run.report else { throw .ended(process: "loadgenerator", status: "without a report", log: "") }
        return report
    }

    private func report(_ contenders: [Contender], turn: Double) throws(DemoError) -> Bool {
        var rows: [Row] = []
        for contender in contenders {
            let p50 = Self.median(contender.turns.map(\.p50_ms))
            let p99 = Self.median(contender.turns.map(\.p99_ms))
            rows.append(
                Row(
                    mesh: contender.mesh.rawValue, pages: contender.turns.reduce(0) { $0 + $1.requests },
                    failures: contender.turns.reduce(0) { $0 + $1.failures }, p50_ms: p50, p99_ms: p99,
                    added_p50_ms: Self.rounded(p50 - (rows.first?.p50_ms ?? p50)),
                    added_p99_ms: Self.rounded(p99 - (rows.first?.p99_ms ?? p99)), proxies: contender.shop.proxies.count,
                    proxies_mb: Self.rounded(contender.shop.megabytes().proxies)))
        }
        let result = Result(rounds: Self.rounds, seconds_a_round: turn, rows: rows)
        if json {
            do {
                write(String(decoding: try JSONEncoder().encode(result), as: UTF8.self) + "\n")
            } catch {
                throw .file(path: "standard output", reason: "\(error)")
            }
        } else {
            write(Self.table(result))
        }
        return rows.allSatisfy { $0.failures == 0 && $0.pages > 0 }
    }

    /// The result as people read it.
    static func table(_ result: Result) -> String {
        var text = "\nThe front page, 13 calls between services, one user at a time; medians of \(result.rounds) turns\n\n"
        text += "                    pages   p50 ms   p99 ms    added p50    added p99   proxies       MB\n"
        for row in result.rows {
            text += row.mesh.padding(toLength: 16, withPad: " ", startingAt: 0)
            text += String(
                format: "%9d%9.2f%9.2f%13.2f%13.2f%10d%9.0f\n", row.pages, row.p50_ms, row.p99_ms, row.added_p50_ms, row.added_p99_ms,
                row.proxies, row.proxies_mb)
        }
        return text
    }

    /// The one in the middle; the lower one of two.
    static func median(_ numbers: [Double]) -> Double {
        numbers.isEmpty ? 0 : numbers.sorted()[(numbers.count - 1) / 2]
    }

    private static func rounded(_ number: Double) -> Double { (number * 100).rounded() / 100 }

    private static func title(_ mesh: ShopPlan.Mesh) -> String {
        switch mesh {
        case .bare: "without a mesh"
        case .heddle: "with Heddle"
        case .envoy: "with Envoy"
        }
    }

    private func say(_ text: String) {
        if !json { write(text + "\n") }
    }
}
