import ArgumentParser
import FilterTool
import Foundation

/// `heddle filter`
struct FilterCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "filter", abstract: "Write Lua filters: try them out, check them, measure them, without a proxy.",
        subcommands: [FilterTestCommand.self, FilterRunCommand.self, FilterLintCommand.self, FilterBenchCommand.self])
}

/// How a command prints what it found.
enum OutputFormat: String, ExpressibleByArgument, CaseIterable {
    case text, json

    /// Whether text goes to a terminal that shows colours, and nobody minds (`NO_COLOR`).
    static var isColored: Bool {
        let environment = ProcessInfo.processInfo.environment
        return isatty(1) == 1 && environment["NO_COLOR", default: ""].isEmpty && environment["TERM"] != "dumb"
    }
}

/// `heddle filter test DIR`
struct FilterTestCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "test", abstract: "Run the cases of filters; ends with 1 when one is not as it must be.",
        discussion: """
            A case says what request comes in and what must come of it. Cases stand in cases.yaml or cases.lua beside the
            script; docs/lua-guide.md describes them. They run through the same code as in the proxy.

            Examples:
              heddle filter test filters
              heddle filter test filters/body-router -o json
            """)

    @Argument(help: "Folders that are searched, or files of cases.")
    var paths: [String]

    @Option(name: .shortAndLong, help: "text or json")
    var output = OutputFormat.text

    func run() throws {
        let report: CaseReport = LoopRun.wait { loop, done in
            let tests = FilterTests(paths, loop: loop, done: done)
            tests.start()
            return tests
        }
        switch output {
        case .text: print(report.text(isColored: OutputFormat.isColored))
        case .json: print(report.json)
        }
        if !report.passed { throw ExitCode.failure }
    }
}
