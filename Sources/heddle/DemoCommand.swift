import ArgumentParser
import Demo
import FilterTool
import Foundation

/// `heddle demo`
struct DemoCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "demo", abstract: "Run the sample shop, a proxy beside each of its services.",
        subcommands: [DemoRunCommand.self, DemoSwitchCommand.self, DemoFilterCommand.self, DemoKeepCommand.self],
        defaultSubcommand: DemoRunCommand.self)
}

/// `heddle demo run`, which `heddle demo` means.
struct DemoRunCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "Start everything, show rates until Ctrl-C, stop what was started.",
        discussion: """
            Ends with 1 when a request failed. With --compare, --for, --users, --concurrency, --json and --gate may be given.

            Examples:
              heddle demo
              heddle demo --for 30s --json
              heddle demo --use frontend-by-percent
              heddle demo --set recommendation:EXTRA_LATENCY=2s --set ad:ERROR_RATE=50%
              heddle demo --compare
            """)

    @Option(name: .customLong("for"), parsing: .unconditional, help: "How long, such as 30s; without it, until Ctrl-C.")
    var duration: String?

    @Flag(help: "Print JSON: a line when the shop is ready, and one at the end.")
    var json = false

    @Option(help: "An example to start with: frontend-by-uri, frontend-by-percent, checkout-by-body.")
    var use: String?

    @Option(help: "What stands between the services: heddle, envoy or bare. (default: heddle)")
    var mesh: String?

    @Option(parsing: .unconditional, help: "Workers of each proxy.")
    var concurrency = 1

    @Option(parsing: .unconditional, help: "Users of the load generator; 0 for none. (default: 10, with --compare 1)")
    var users: Int?

    @Option(parsing: .unconditional, help: "Shortest and longest pause of a user between two steps. (default: 1s..10s)")
    var wait: String?

    @Option(help: "The first two numbers of all addresses. (default: 127.7)")
    var network: String?

    @Option(parsing: .unconditional, help: "Kill a worker of one proxy after the other, so often, such as 5s.")
    var killEvery: String?

    @Option(help: "A variable of one service, as recommendation:EXTRA_LATENCY=2s; may be given several times.")
    var set: [String] = []

    @Flag(help: "Measure the front page without a mesh, with Heddle and with Envoy (--for 60s unless given).")
    var compare = false

    @Flag(help: "With --compare: end with 1 when Heddle adds more than half of what Envoy adds to the median.")
    var gate = false

    func validate() throws {
        guard (1...64).contains(concurrency), (0...10_000).contains(users ?? 1) else {
            throw ValidationError("--concurrency is 1 to 64, --users 0 to 10000")
        }
        guard compare else {
            if gate { throw ValidationError("--gate is for --compare") }
            return
        }
        let others: [(name: String, isGiven: Bool)] = [
            ("use", use != nil), ("mesh", mesh != nil), ("wait", wait != nil), ("network", network != nil),
            ("kill-every", killEvery != nil), ("set", !set.isEmpty),
        ]
        let given = others.filter(\.isGiven).map { "--\($0.name)" }
        if !given.isEmpty {
            let have = given.count == 1 ? "has" : "have"
            throw ValidationError("\(given.joined(separator: ", ")) \(have) no meaning with --compare, which runs all three meshes as they are")
        }
        if users == 0 { throw ValidationError("--compare needs a user") }
    }

    func run() throws {
        let isGood = try compare ? runComparison() : runDemo()
        if !isGood { throw ExitCode.failure }
    }

    private func runComparison() throws -> Bool {
        var options = Comparison.Options()
        options.seconds = try duration.map(DemoArguments.seconds) ?? options.seconds
        options.users = users ?? options.users
        options.concurrency = concurrency
        options.json = json
        options.gate = gate
        return try Comparison(options: options, tools: try DemoTools(), write: DemoArguments.write).run()
    }

    private func runDemo() throws -> Bool {
        var options = Demo.Options()
        options.seconds = try duration.map(DemoArguments.seconds)
        options.json = json
        options.example = use
        options.program = DemoArguments.program
        if let mesh {
            guard let known = ShopPlan.Mesh(rawValue: mesh) else { throw ValidationError("--mesh is heddle, envoy or bare") }
            options.mesh = known
        }
        options.concurrency = concurrency
        options.users = users ?? options.users
        options.wait = try wait.map(DemoArguments.pauses) ?? options.wait
        options.network = try DemoArguments.network(network)
        for text in set {
            let setting = try DemoArguments.setting(text)
            options.settings[setting.workload, default: [:]][setting.name] = setting.value
        }
        options.killSeconds = try killEvery.map(DemoArguments.seconds)
        return try Demo(options: options, tools: try DemoTools(), write: DemoArguments.write).run()
    }
}

/// `heddle demo switch EXAMPLE`
struct DemoSwitchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "switch", abstract: "Switch an example on while the demo runs; `off` switches it off.",
        discussion: """
            The files of an example stand in samples/hipstershop/mesh/EXAMPLE. They take the place of the usual ones, and the
            proxies read them anew; the command ends when all of them have. Filters of your own stay where they are; `off` takes
            them out, too.

            Examples:
              heddle demo switch frontend-by-uri
              heddle demo switch off
            """)

    @Argument(help: "frontend-by-uri, frontend-by-percent, checkout-by-body, or off.")
    var example: String

    @Option(help: "The first two numbers of the demo's addresses. (default: 127.7)")
    var network: String?

    func run() throws {
        let folder = RunFolder(source: try DemoTools().mesh, network: try DemoArguments.network(network))
        let changed = try folder.switch(to: example == "off" ? nil : example)
        print(changed.isEmpty ? "nothing to change" : "in force at: \(changed.joined(separator: ", "))")
    }
}

/// `heddle demo filter FILE`
struct DemoFilterCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "filter", abstract: "Put a Lua filter of your own into the demo while it runs.",
        discussion: """
            It takes the place of the one that was put there before; `heddle demo switch off` takes it out. A script that does
            not load changes nothing; what `heddle filter lint` finds in it is shown.

            Examples:
              heddle demo filter my.lua
              heddle demo filter my.lua --proxy currency
            """)

    @Argument(help: "The script.")
    var script: String

    @Option(help: "The workload whose proxy it is: edge, frontend, cart, ...")
    var proxy = "edge"

    @Option(help: "The first two numbers of the demo's addresses. (default: 127.7)")
    var network: String?

    func run() throws {
        let tools = try DemoTools()
        let folder = RunFolder(source: tools.mesh, network: try DemoArguments.network(network))
        let warnings = try folder.add(script: script, to: proxy, tools: tools)
        let (findings, _): ([LintFinding], Int) = LoopRun.wait { loop, done in
            FilterLint.start([script], loop: loop) { done(($0, $1)) }
            return loop
        }
        for line in (warnings.isEmpty ? [] : [warnings]) + findings.map(\.description) {
            FileHandle.standardError.write(Data((line + "\n").utf8))
        }
        print("in use by: \(proxy)")
    }
}

/// `heddle demo keep FOLDER`, which a demo starts for itself.
struct DemoKeepCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: Keeper.command, abstract: "End what a demo left behind, when standard input ends.", shouldDisplay: false)

    @Argument(help: "The folder of the demo.")
    var folder: String

    func run() { Keeper.run(folder: folder) }
}
