import ArgumentParser
import Supervision

/// The command line of Heddle.
@main
struct HeddleCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "heddle", abstract: "A service mesh whose filters are Lua.", version: ProductVersion.number,
        subcommands: [
            VersionCommand.self, ValidateCommand.self, FilterCommand.self, BenchCommand.self, DemoCommand.self,
            CompareCommand.self,
        ])
}

/// `heddle version`
struct VersionCommand: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "version", abstract: "Print the version.")

    func run() { print("\(ProductVersion.name) \(ProductVersion.number)") }
}
