import Foundation
import Glibc

/// `heddle demo --compare`: the front page of the shop without proxies, with Heddle and with Envoy in the same places.
/// `heddle compare`: the same of a service that the user has.
///
/// All three meshes run at once, each in a network of its own, and are measured in turns, so that what else the machine
/// does meets all of them alike. A user asks for one page after the other: what is measured is latency.
package struct Comparison {
    /// What the command line asks for.
    package struct Options {
        /// A service that runs already; nil for the shop.
        package var service: OwnService?
        /// Of measuring, for all three together.
        package var seconds = 60.0
        /// Workers of each proxy.
        package var concurrency = 1
        package var users = 1
        package var json = false
        /// Whether it fails where Heddle adds more than half of what Envoy adds.
        package var gate = false

        package init() {}
    }

    /// Turns that each mesh gets.
    private static let rounds = 7
    private static let warmUp = 3.0
    private static let shortestTurn = 0.2
    private static let firstNetwork = 71

    private struct Contender {
        let shop: RunningShop
        var turns: [LoadLine] = []
    }

    private let options: Options
    private let tools: DemoTools
    private let output: (String) -> Bool
    private let interrupt = Interrupt()

    /// - Parameter write: takes what is to be printed; false where nobody reads it any more, which ends the comparison.
    package init(options: Options, tools: DemoTools, write: @escaping (String) -> Bool) {
        self.options = options
        self.tools = tools
        output = write
    }

    private func write(_ text: String) {
        if !output(text) { interrupt.raise() }
    }

    /// Measures and prints; true when no request failed, and Heddle was within the gate where there is one.
    package func run() throws(DemoError) -> Bool {
        try tools.enterRoot()
        // A mesh that is not there is noticed before anything runs.
        for mesh in ShopPlan.Mesh.allCases { _ = try tools.programs(mesh) }
        var contenders: [Contender] = []
        defer { for contender in contenders { contender.shop.stop() } }
        for (index, mesh) in ShopPlan.Mesh.allCases.enumerated() {
            let shop = try start(mesh, network: "127.\(Self.firstNetwork + index)")
            contenders.append(Contender(shop: shop))
            guard try waitUntilReady(shop) else { return true }
        }
        let turn = max(Self.shortestTurn, options.seconds / Double(Self.rounds * contenders.count))
        for contender in contenders {
            guard try load(contender, seconds: min(Self.warmUp, 5 * turn)) != nil else { return true }
        }
        for round in 1...Self.rounds {
            say("round \(round) of \(Self.rounds)\n")
            for index in contenders.indices {
                guard let line = try load(contenders[index], seconds: turn) else { return true }
                contenders[index].turns.append(line)
            }
        }
        return try report(contenders, turn: turn)
    }

    private func start(_ mesh: ShopPlan.Mesh, network: String) throws(DemoError) -> RunningShop {
        let folder = RunFolder(source: options.service == nil ? tools.mesh : tools.compare, network: network, service: options.service)
        try folder.prepare()
        let programs = try tools.programs(mesh)
        let plan =
            if let service = options.service {
                ShopPlan(
                    of: service, mesh: mesh, network: network, programs: programs, configurations: folder.configurations,
                    concurrency: options.concurrency)
            } else {
                ShopPlan(
                    mesh: mesh, network: network, programs: programs, configurations: folder.configurations,
                    concurrency: options.concurrency)
            }
        say("starting \(options.service == nil ? "the shop " : "")\(Self.title(mesh)): \(plan.processes.count) programs\n")
        return try RunningShop(plan: plan, folder: folder, tools: tools)
    }

    private func waitUntilReady(_ shop: RunningShop) throws(DemoError) -> Bool {
        var screen = StartScreen(write: say)
        defer { screen.clear() }
        return try shop.waitUntilReady(interrupt) { screen.show($0) } != nil
    }

    /// A turn of one of them; nil where someone wants an end.
    private func load(_ contender: Contender, seconds: Double) throws(DemoError) -> LoadLine? {
        let run = try LoadRun(
            tools: tools, frontend: contender.shop.plan.door,
            arguments: [
                "--users", "\(options.users)", "--rate", "0", "--wait", "0s", "--behaviour", "home", "--path", contender.shop.plan.page,
                "--for", "\(seconds)s",
            ] + (options.service.map { ["--host", $0.authority] } ?? []), folder: contender.shop.folder)
        while !run.isOver, !interrupt.check() {
            if Stopwatch.wait(for: [run.descriptor, interrupt.descriptor], seconds: 1).contains(run.descriptor) { _ = run.lines() }
        }
        let report = try run.finish(isInterrupted: interrupt.check())
        try contender.shop.checkAllRun()
        return interrupt.isRaised ? nil : report
    }

    private func report(_ contenders: [Contender], turn: Double) throws(DemoError) -> Bool {
        let page = options.service.map { "http://\($0.authority)\($0.path)" } ?? "The front page, 13 calls between services"
        let report = ComparisonReport(
            page: page, users: options.users, seconds: turn,
            turns: contenders.map { ($0.shop.plan.mesh, $0.turns, $0.shop.proxies.count, $0.shop.megabytes().proxies) })
        if options.json {
            do {
                write(String(decoding: try JSONEncoder().encode(report), as: UTF8.self) + "\n")
            } catch {
                throw .file(path: "standard output", reason: "\(error)")
            }
        } else {
            write(report.text)
            if options.gate { write(report.gateText) }
        }
        return report.isSound && (!options.gate || report.isWithinGate)
    }

    private static func title(_ mesh: ShopPlan.Mesh) -> String {
        switch mesh {
        case .bare: "without a mesh"
        case .heddle: "with Heddle"
        case .envoy: "with Envoy"
        }
    }

    private func say(_ text: String) {
        if !options.json { write(text) }
    }
}
