import Foundation

/// The log of a service: one JSON object a line, on standard output.
struct ServiceLog: Sendable {
    enum Severity: String { case info, warning, error }

    /// Who writes.
    let service: String

    func write(_ message: String, severity: Severity = .info, _ fields: [String: String] = [:]) {
        var line = fields
        line["timestamp"] = Date().ISO8601Format(.iso8601(timeZone: .gmt, includingFractionalSeconds: true))
        line["severity"] = severity.rawValue
        line["name"] = service
        line["message"] = message
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        do {
            try FileHandle.standardOutput.write(contentsOf: encoder.encode(line) + Data("\n".utf8))
        } catch {
            // Nobody reads the log; a service goes on without.
            return
        }
    }
}
