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
    private let write: (String) -> Void
    private let interrupt = Interrupt()

    /// - Parameter write: takes what is to be printed.
    package init(options: Options, tools: DemoTools, write: @escaping (String) -> Void) {
        self.options = options
        self.tools = tools
        self.write = write
    }

    /// Runs the demo; true when no request failed.
    package func run() throws(DemoError) -> Bool {
        try tools.enterRoot()
        let folder = RunFolder(source: tools.mesh, network: options.network)
        try folder.prepare()
        if let example = options.example { _ = try folder.place(example: example) }
        let plan = ShopPlan(
            mesh: options.mesh, network: options.network, programs: try tools.programs(options.mesh),
            configurations: folder.configurations, concurrency: options.concurrency, settings: options.settings)
        var screen = DemoScreen(write: write)
        if !options.json { screen.say("starting \(plan.processes.count) programs ...") }
        let shop = try RunningShop(plan: plan, folder: folder)
        defer { shop.stop() }
        guard let seconds = try shop.waitUntilReady(interrupt.check) else { return true }
        if options.json {
            let door = plan.door
            try writeLine(Ready(url: "http://\(door.host):\(door.port)/", seconds: seconds, folder: folder.path))
        } else {
            screen.table(shop, seconds: seconds, memory: shop.megabytes().proxies, redis: tools.redis != nil)
        }
        return try watch(shop, readySeconds: seconds, screen: &screen)
    }

    private func watch(_ shop: RunningShop, readySeconds: Double, screen: inout DemoScreen) throws(DemoError) -> Bool {
        // Counted before there is load, so that the first second has all of its calls.
        var counts = shop.requestCounts()
        var load: LoadRun?
        if options.users > 0 {
            var arguments = ["--users", "\(options.users)", "--wait", options.wait]
            if let seconds = options.seconds { arguments += ["--for", "\(seconds)s", "--rate", "0"] }
            load = try LoadRun(tools: tools, frontend: shop.plan.door, arguments: arguments, log: shop.folder.log(of: "loadgenerator"))
        }
        var killer = options.killSeconds.map(WorkerKiller.init)
        let watch = Stopwatch()
        var total = (requests: 0, failures: 0)
        while !interrupt.check(), load?.isOver != true, load != nil || options.seconds.map({ watch.seconds < $0 }) ?? true {
            let ready = Stopwatch.wait(for: [interrupt.descriptor] + (load.map { [$0.descriptor] } ?? []), seconds: 0.2)
            try shop.checkAllRun()
            if let victim = killer?.act(now: watch.seconds, proxies: shop.proxies), !options.json {
                screen.note("killed a worker of \(victim)'s proxy")
            }
            guard let load, ready.contains(load.descriptor) else { continue }
            for line in load.lines() where line.kind == "second" {
                total = (total.requests + line.requests, total.failures + line.failures)
                if options.json { continue }
                let now = shop.requestCounts()
                let calls = shop.proxies.compactMap { proxy in
                    now[proxy.workload].map { (proxy.workload, $0 - (counts[proxy.workload] ?? 0)) }
                }
                counts = now
                screen.rates(line, total: total, seconds: Int(watch.seconds), calls: calls)
            }
        }
        load?.finish()
        return try finish(shop, readySeconds: readySeconds, load: load?.report, killed: killer?.killed.count ?? 0, screen: screen)
    }

    private func finish(
        _ shop: RunningShop, readySeconds: Double, load: LoadLine?, killed: Int, screen: DemoScreen
    ) throws(DemoError) -> Bool {
        let memory = shop.megabytes()
        if options.json {
            try writeLine(
                Result(
                    mesh: options.mesh.rawValue, ready_seconds: readySeconds, proxies: shop.proxies.count,
                    proxies_mb: memory.proxies.rounded(), services_mb: memory.services.rounded(), workers_killed: killed, load: load))
        } else {
            if let load { screen.report(load) }
            screen.say("\(shop.proxies.count) proxies in \(Int(memory.proxies)) MB, services in \(Int(memory.services)) MB")
        }
        guard options.users > 0 else { return true }
        guard let load else { return false }
        return load.requests > 0 && load.failures == 0
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
