import Foundation
import Testing

/// Whether a real Envoy loads a configuration. `HEDDLE_ENVOY` names its binary.
private enum Envoy {
    static let path = ProcessInfo.processInfo.environment["HEDDLE_ENVOY"]

    static func loads(_ text: String) throws -> (isLoaded: Bool, output: String) {
        // Rule zero: the name of a temporary file decides nothing.
        let file = FileManager.default.temporaryDirectory.appendingPathComponent("heddle-\(UUID().uuidString).yaml")
        try text.write(to: file, atomically: true, encoding: .utf8)
        defer { try? FileManager.default.removeItem(at: file) }
        let process = Process()
        let output = Pipe()
        process.executableURL = URL(fileURLWithPath: path ?? "")
        process.arguments = ["--mode", "validate", "-c", file.path, "-l", "error"]
        process.standardOutput = output
        process.standardError = output
        try process.run()
        let data = try output.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        return (process.terminationStatus == 0, String(decoding: data, as: UTF8.self))
    }
}

@Suite(.enabled(if: Envoy.path != nil, "HEDDLE_ENVOY names no Envoy to compare with"), .serialized)
struct EnvoyComparisonTests {
    @Test("Envoy loads what Heddle loads, and refuses what Heddle refuses", arguments: ConfigValidatorTests.cases)
    func cases(one: ConfigValidatorTests.Case) throws {
        let (isLoaded, output) = try Envoy.loads(try one.text())
        #expect(isLoaded == (one.message == nil || one.differsFromEnvoy), "\(output)")
    }

    @Test("Envoy loads the fixtures", arguments: ["http.yaml", "minimal.yaml"])
    func fixtures(name: String) throws {
        let (isLoaded, output) = try Envoy.loads(try Fixture.text(name))
        #expect(isLoaded, "\(output)")
    }
}
