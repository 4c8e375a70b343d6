import ArgumentParser
import Demo
import Foundation

/// `heddle demo`
struct DemoCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "demo", abstract: "Run the sample shop, a proxy beside each of its services.",
        subcommands: [DemoRunCommand.self, DemoSwitchCommand.self, DemoFilterCommand.self], defaultSubcommand: DemoRunCommand.self)

    static func write(_ text: String) {
        FileHandle.standardOutput.write(Data(text.utf8))
    }
}

/// `heddle demo run`, which `heddle demo` means.
struct DemoRunCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "Start everything, show rates until Ctrl-C, stop what was started.",
        discussion: """
            Ends with 1 when a request failed.

            Examples:
              heddle demo
              heddle demo --for 30s --json
              heddle demo --use frontend-by-percent
              heddle demo --compare
            """)

    @Option(name: .customLong("for"), help: "How long, such as 30s; without it, until Ctrl-C.")
    var duration: String?

    @Flag(help: "Print JSON: a line when the shop is ready, and one at the end.")
    var json = false

    @Option(help: "An example to start with: frontend-by-uri, frontend-by-percent, checkout-by-body.")
    var use: String?

    @Option(help: "What stands between the services: heddle, envoy or bare.")
    var mesh = "heddle"

    @Option(help: "Workers of each proxy.")
    var concurrency = 1

    @Option(help: "Users of the load generator; 0 for none.")
    var users = 10

    @Option(help: "Shortest and longest pause of a user between two steps.")
    var wait = "1s..10s"

    @Option(help: "The first two numbers of all addresses.")
    var network = "127.7"

    @Option(help: "Kill a worker of one proxy after the other, so often, such as 5s.")
    var killEvery: String?

    @Flag(help: "Measure the front page without a mesh, with Heddle and with Envoy (--for 60s unless given).")
    var compare = false

    func run() throws {
        guard (1...64).contains(concurrency), (0...10_000).contains(users) else {
            throw ValidationError("--concurrency is 1 to 64, --users 0 to 10000")
        }
        if compare {
            var options = Comparison.Options()
            options.seconds = try duration.map(Self.seconds) ?? options.seconds
            options.concurrency = concurrency
            options.json = json
            if try !Comparison(options: options, tools: try DemoTools(), write: DemoCommand.write).run() { throw ExitCode.failure }
            return
        }
        var options = Demo.Options()
        options.seconds = try duration.map(Self.seconds)
        options.json = json
        options.example = use
        guard let mesh = ShopPlan.Mesh(rawValue: mesh) else { throw ValidationError("--mesh is heddle, envoy or bare") }
        options.mesh = mesh
        options.concurrency = concurrency
        options.users = users
        options.wait = wait
        options.network = network
        options.killSeconds = try killEvery.map(Self.seconds)
        let demo = Demo(options: options, tools: try DemoTools(), write: DemoCommand.write)
        if try !demo.run() { throw ExitCode.failure }
    }

    /// Reads `30s`, `2m`, `500ms`.
    static func seconds(_ text: String) throws -> Double {
        for (unit, factor) in [("ms", 0.001), ("s", 1.0), ("m", 60.0)] {
            if text.hasSuffix(unit), let number = Double(text.dropLast(unit.count)), number > 0 { return number * factor }
        }
        throw ValidationError("\(text) is no time such as 30s or 2m")
    }
}

/// `heddle demo switch EXAMPLE`
struct DemoSwitchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "switch", abstract: "Switch an example on while the demo runs; `off` switches it off.",
        discussion: """
            The files of an example stand in samples/hipstershop/mesh/EXAMPLE. They take the place of the usual ones, and the
            proxies read them anew.

            Examples:
              heddle demo switch frontend-by-uri
              heddle demo switch off
            """)

    @Argument(help: "frontend-by-uri, frontend-by-percent, checkout-by-body, or off.")
    var example: String

    @Option(help: "The first two numbers of the demo's addresses.")
    var network = "127.7"

    func run() throws {
        let folder = RunFolder(source: try DemoTools().mesh, network: network)
        let changed = try folder.switch(to: example == "off" ? nil : example)
        DemoCommand.write(changed.isEmpty ? "nothing to change\n" : "read anew by: \(changed.joined(separator: ", "))\n")
    }
}

/// `heddle demo filter FILE`
struct DemoFilterCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "filter", abstract: "Put a Lua filter of your own into the demo while it runs.",
        discussion: """
            It takes the place of the one that was put there before; `heddle demo switch off` takes it out. A script that does
            not load changes nothing.

            Examples:
              heddle demo filter my.lua
              heddle demo filter my.lua --proxy currency
            """)

    @Argument(help: "The script.")
    var script: String

    @Option(help: "The workload whose proxy it is: edge, frontend, cart, ...")
    var proxy = "edge"

    @Option(help: "The first two numbers of the demo's addresses.")
    var network = "127.7"

    func run() throws {
        let tools = try DemoTools()
        try RunFolder(source: tools.mesh, network: network).add(script: script, to: proxy, tools: tools)
        DemoCommand.write("in use by: \(proxy)\n")
    }
}
