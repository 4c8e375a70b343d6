import ArgumentParser
import Demo

/// `heddle compare URL`
struct CompareCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "compare", abstract: "Measure a service of your own without a mesh, with Heddle and with Envoy.",
        discussion: """
            The service runs already and answers GET in HTTP/1.1. Two proxies are put before it, as in a mesh: the caller's and
            its own, with the files in samples/compare, the same for heddle-proxy and for Envoy. The three are measured in
            turns. Ends with 1 when a request failed.

            Examples:
              heddle compare http://127.0.0.1:8080/
              heddle compare http://127.0.0.1:8080/hello --users 8 --for 120s --json
            """)

    @Argument(help: "What is asked for: http://host:port/path.")
    var url: String

    @Option(name: .customLong("for"), parsing: .unconditional, help: "How long, for all three together.")
    var duration = "60s"

    @Option(parsing: .unconditional, help: "Users, each of whom asks for one page after the other.")
    var users = 1

    @Option(parsing: .unconditional, help: "Workers of each proxy.")
    var concurrency = 1

    @Flag(help: "Print JSON.")
    var json = false

    @Flag(help: "End with 1 when Heddle adds more than half of what Envoy adds to the median.")
    var gate = false

    func run() throws {
        guard (1...64).contains(concurrency), (1...10_000).contains(users) else {
            throw ValidationError("--concurrency is 1 to 64, --users 1 to 10000")
        }
        guard let service = OwnService(url: url) else { throw ValidationError("\(url) is not http://host:port/path") }
        var options = Comparison.Options()
        options.service = service
        options.seconds = try DemoArguments.seconds(duration)
        options.users = users
        options.concurrency = concurrency
        options.json = json
        options.gate = gate
        if try !Comparison(options: options, tools: try DemoTools(), write: DemoArguments.write).run() { throw ExitCode.failure }
    }
}
