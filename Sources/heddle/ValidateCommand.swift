import ArgumentParser
import Foundation
import ProxyModel

/// `heddle validate FILE`
struct ValidateCommand: ParsableCommand {
    enum Output: String, ExpressibleByArgument, CaseIterable {
        case text, json
    }

    static let configuration = CommandConfiguration(
        commandName: "validate", abstract: "Check a proxy's configuration; ends with 1 when it is refused.",
        discussion: """
            Checks what the configuration itself tells. `heddle-proxy --mode validate` also opens the files that it names.

            Examples:
              heddle validate envoy.yaml
              heddle validate envoy.yaml -o json
            """)

    @Argument(help: "The bootstrap in YAML or JSON.")
    var file: String

    @Option(name: .shortAndLong, help: "text or json")
    var output = Output.text

    /// What `-o json` prints.
    struct Report: Encodable {
        struct Finding: Encodable {
            let severity: String
            let file: String
            let line: Int?
            let column: Int?
            let path: String
            let message: String

            init(_ severity: String, _ error: ConfigError) {
                self.severity = severity
                file = error.file
                line = error.mark?.line
                column = error.mark?.column
                path = error.path.description
                message = error.message
            }
        }

        let valid: Bool
        let findings: [Finding]
    }

    func run() throws {
        guard let bytes = FileManager.default.contents(atPath: file) else {
            try report(false, [("error", ConfigError(file: file, mark: nil, path: ConfigPath(), message: "cannot be read: \(refusal)"))])
            throw ExitCode.failure
        }
        do throws(ConfigErrors) {
            let decoded = try ConfigDecoder.decodeBootstrap([try ConfigSource(bytes: [UInt8](bytes), file: file)])
            try? report(true, decoded.warnings.map { ("warning", $0) })
        } catch {
            try? report(false, error.errors.map { ("error", $0) })
            Self.exit(withError: ExitCode.failure)
        }
    }

    /// Why the file cannot be read.
    private var refusal: String {
        var isFolder: ObjCBool = false
        if FileManager.default.fileExists(atPath: file, isDirectory: &isFolder), isFolder.boolValue { return "it is a folder" }
        return access(file, R_OK) == 0 ? "input or output error" : String(cString: strerror(errno))
    }

    private func report(_ isValid: Bool, _ findings: [(String, ConfigError)]) throws {
        switch output {
        case .json:
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
            let data = try encoder.encode(Report(valid: isValid, findings: findings.map { Report.Finding($0.0, $0.1) }))
            print(String(decoding: data, as: UTF8.self))
        case .text:
            for (_, error) in findings { FileHandle.standardError.write(Data("\(error)\n".utf8)) }
            if isValid { print("configuration '\(file)' OK") }
        }
    }
}
