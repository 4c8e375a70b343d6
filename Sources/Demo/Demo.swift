import Foundation
import Glibc

/// `heddle demo`: the shop with a proxy beside each of its services, load, and what happens meanwhile.
package struct Demo {
    /// What the command line asks for.
    package struct Options {
        /// How long; until someone ends it where there is none.
        package var seconds: Double?
        /// The first two numbers of all addresses.
        package var network = ShopPlan.writtenNetwork
        /// Workers of each proxy.
        package var concurrency = 1
        package var mesh = ShopPlan.Mesh.heddle
        /// An example to start with.
        package var example: String?
        /// Users of the load generator; none for no load.
        package var users = 10
        /// The pause of a user between two steps.
        package var wait = "1s..10s"
        /// Variables of single workloads, by their names.
        package var settings: [String: [String: String]] = [:]
        /// Kill a worker of a proxy so often.
        package var killSeconds: Double?
        /// Machine-readable lines instead of tables.
        package var json = false
        /// How this program was called, and what tells the demo apart, for what is said about commands.
        package var program = "heddle"

        package init() {}
    }

    /// What `--json` prints at the end.
    package struct Result: Codable {
        package var kind = "result"
        package let mesh: String
        package let ready_seconds: Double
        package let proxies: Int
        package let proxies_mb: Double
        package let services_mb: Double
        package let workers_killed: Int
        /// Requests that the killed workers had in hand: no more may have failed.
        package let in_flight: Int
        package let kills: [WorkerKiller.Kill]
        package let load: LoadLine?
    }

    private struct Ready: Codable {
        var kind = "ready"
        let url: String
        let seconds: Double
        let folder: String
    }

    private let options: Options
    private let tools: DemoTools
    private let output: (String) -> Bool
    private let interrupt = Interrupt()

    /// - Parameter write: takes what is to be printed; false where nobody reads it any more, which ends the demo.
    package init(options: Options, tools: DemoTools, write: @escaping (String) -> Bool) {
        self.options = options
        self.tools = tools
        output = write
    }

    /// Runs the demo; true when no request failed.
    package func run() throws(DemoError) -> Bool {
        try tools.enterRoot()
        let folder = RunFolder(source: tools.mesh, network: options.network)
        try folder.prepare()
        if let example = options.example { _ = try folder.place(example: example) }
        let plan = ShopPlan(
            mesh: options.mesh, network: options.network, programs: try tools.programs(options.mesh),
            configurations: folder.configurations, concurrency: options.concurrency, settings: options.settings,
            failsOnPurpose: ProcessInfo.processInfo.environment["ERROR_RATE"].map { !$0.isEmpty } ?? false)
        var screen = DemoScreen(write: write)
        if !options.json { screen.say("starting \(plan.processes.count) programs ...") }
        let shop = try RunningShop(plan: plan, folder: folder, tools: tools)
        defer { shop.stop() }
        guard let seconds = try waitUntilReady(shop) else { return true }
        if options.json {
            let door = plan.door
            try writeLine(Ready(url: "http://\(door.host):\(door.port)/", seconds: seconds, folder: folder.path))
        } else {
            screen.table(shop, seconds: seconds, memory: shop.megabytes().proxies, redis: tools.redis != nil)
            // Nothing else reads its files anew.
            let isSwitchable = options.mesh == .heddle
            let network = options.network == ShopPlan.writtenNetwork ? "" : " --network \(options.network)"
            let commands = [
                "switch frontend-by-uri", "switch frontend-by-percent", "switch checkout-by-body", "filter my.lua",
                "switch off",
            ]
            if isSwitchable { screen.next(commands.map { "\(options.program) demo \($0)\(network)" }) }
        }
        return try watch(shop, readySeconds: seconds, screen: &screen)
    }

    private func waitUntilReady(_ shop: RunningShop) throws(DemoError) -> Double? {
        var start = StartScreen(write: { text in if !options.json { write(text) } })
        defer { start.clear() }
        return try shop.waitUntilReady(interrupt) { start.show($0) }
    }

    private func watch(_ shop: RunningShop, readySeconds: Double, screen: inout DemoScreen) throws(DemoError) -> Bool {
        let watch = Stopwatch()
        // Counted before there is load, so that the first second has all of its calls.
        var counter = RateCounter()
        _ = counter.rates(shop.requestCounts(), now: watch.seconds)
        let load = try options.users > 0 ? startLoad(shop, lineSeconds: options.json ? 1 : screen.lineSeconds) : nil
        var killer = options.killSeconds.map(WorkerKiller.init)
        var total = (requests: 0, failures: 0)
        while !interrupt.check(), load?.isOver != true, load != nil || options.seconds.map({ watch.seconds < $0 }) ?? true {
            let ready = Stopwatch.wait(for: [interrupt.descriptor] + (load.map { [$0.descriptor] } ?? []), seconds: 0.2)
            try shop.checkAllRun()
            if let kill = killer?.act(now: watch.seconds, proxies: shop.proxies), !options.json {
                screen.note("killed a worker of \(kill.workload)'s proxy, requests in flight: \(kill.in_flight)")
            }
            guard let load, ready.contains(load.descriptor) else { continue }
            for line in load.lines() where line.kind == "recent" {
                total = (total.requests + line.requests, total.failures + line.failures)
                if options.json { continue }
                let rates = counter.rates(shop.requestCounts(), now: watch.seconds)
                let calls = shop.proxies.map { ($0.workload, rates[$0.workload]) }
                screen.rates(line, total: total, seconds: Int(watch.seconds), calls: calls)
            }
        }
        let report: LoadLine? = if let load { try load.finish(isInterrupted: interrupt.check()) } else { nil }
        return try finish(shop, readySeconds: readySeconds, load: report, kills: killer?.kills ?? [], screen: screen)
    }

    /// - Parameter lineSeconds: how long each line of the load generator covers.
    private func startLoad(_ shop: RunningShop, lineSeconds: Int) throws(DemoError) -> LoadRun {
        var arguments = ["--users", "\(options.users)", "--wait", options.wait, "--every", "\(lineSeconds)s"]
        if let seconds = options.seconds { arguments += ["--for", "\(seconds)s", "--rate", "0"] }
        let load = try LoadRun(tools: tools, frontend: shop.plan.door, arguments: arguments, folder: shop.folder)
        try shop.note([load.child])
        return load
    }

    private func finish(
        _ shop: RunningShop, readySeconds: Double, load: LoadLine?, kills: [WorkerKiller.Kill], screen: DemoScreen
    ) throws(DemoError) -> Bool {
        let memory = shop.megabytes()
        if options.json {
            try writeLine(
                Result(
                    mesh: options.mesh.rawValue, ready_seconds: readySeconds, proxies: shop.proxies.count,
                    proxies_mb: memory.proxies.rounded(), services_mb: memory.services.rounded(), workers_killed: kills.count,
                    in_flight: kills.reduce(0) { $0 + $1.in_flight }, kills: kills, load: load))
        } else {
            if let load { screen.report(load) }
            screen.say("\(shop.proxies.count) proxies in \(Int(memory.proxies)) MB, services in \(Int(memory.services)) MB")
        }
        // None was asked for, or it was ended before it began.
        guard let load else { return true }
        return load.requests > 0 && load.failures == 0
    }

    private func write(_ text: String) {
        if !output(text) { interrupt.raise() }
    }

    private func writeLine(_ value: some Encodable) throws(DemoError) {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        do {
            write(String(decoding: try encoder.encode(value), as: UTF8.self) + "\n")
        } catch {
            throw .file(path: "standard output", reason: "\(error)")
        }
    }
}
