import ArgumentParser
import Foundation

/// `heddle bench`
struct BenchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench", abstract: "Measure the proxy beside its peers, in a checkout of the project.")

    @Argument(parsing: .captureForPassthrough, help: "Passed on to the benchmark.")
    var arguments: [String] = []

    func run() throws {
        let folder = "Benchmarks/SideBySide"
        let candidates = ["run", "run.py", "bench.py"].map { "\(folder)/\($0)" }
        guard let program = candidates.first(where: { FileManager.default.fileExists(atPath: $0) }) else {
            throw ValidationError("\(folder) is not here: run this in a checkout of the project, where `make bench` does the same")
        }
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = (program.hasSuffix(".py") ? ["python3", program] : [program]) + arguments
        try process.run()
        process.waitUntilExit()
        throw ExitCode(process.terminationStatus)
    }
}
