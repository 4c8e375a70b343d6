import Foundation

/// What Package.swift says about targets, read as text: names and the names they depend on.
struct Manifest {
    /// Dependencies by target; test targets are left out.
    let targets: [String: Set<String>]

    /// Names of products, as the manifest's constants call them.
    private static let products = [
        "protobuf": "SwiftProtobuf", "yams": "Yams", "arguments": "ArgumentParser", "grpcCore": "GRPCCore",
        "grpcTransport": "GRPCNIOTransportHTTP2Posix", "grpcProtobuf": "GRPCProtobuf", "hummingbird": "Hummingbird",
        "mustache": "Mustache", "httpClient": "AsyncHTTPClient", "logging": "Logging", "httpTypes": "HTTPTypes",
        "nioCore": "NIOCore", "nioHTTP1": "NIOHTTP1", "lifecycle": "ServiceLifecycle", "signals": "UnixSignals",
    ]

    init(text: String) {
        let source = text.replacing(#/\/\/[^\n]*/#, with: "")
        var targets: [String: Set<String>] = [:]
        let declaration =
            #/(?:core\(|\.target\(|\.executableTarget\(|\.systemLibrary\()\s*(?:name:\s*)?"(?<name>[^"]+)"/#
        let starts = source.matches(of: declaration)
        for match in starts {
            let rest = source[match.range.upperBound...]
            // A declaration ends at the parenthesis that closes it; its list of names is the first bracket before that.
            let body = Self.untilClosingParenthesis(rest)
            var list: Substring = ""
            if let open = body.firstIndex(of: "["), let close = body[open...].firstIndex(of: "]"),
                !body[..<open].contains("providers:"), !body[..<open].contains("swiftSettings:")
            {
                list = body[body.index(after: open)..<close]
            }
            let names = list.split(separator: ",").map { $0.trimmingCharacters(in: .whitespacesAndNewlines) }
            targets[String(match.output.name)] = Set(
                names.filter { !$0.isEmpty }.map { name in
                    name.hasPrefix("\"") ? String(name.dropFirst().dropLast()) : Self.products[name] ?? name
                })
        }
        self.targets = targets
    }

    /// Dependencies that the table does not allow, and targets that stand in only one of the two.
    func findings(against table: LayerTable) -> [Finding] {
        var findings: [Finding] = []
        for (target, dependencies) in targets.sorted(by: { $0.key < $1.key }) {
            guard let row = table.row(target) else {
                findings.append(
                    Finding(path: "ARCHITECTURE.md", line: 0, message: "target \(target) has no row in the layer table")
                )
                continue
            }
            for extra in dependencies.subtracting(row.imports).sorted() {
                let message = "\(target) depends on \(extra), which its row in ARCHITECTURE.md does not name"
                findings.append(Finding(path: "Package.swift", line: 0, message: message))
            }
        }
        for row in table.rows where targets[row.target] == nil {
            findings.append(
                Finding(path: "ARCHITECTURE.md", line: row.line, message: "\(row.target) is no target of Package.swift")
            )
        }
        return findings
    }

    private static func untilClosingParenthesis(_ text: Substring) -> Substring {
        var depth = 0
        for index in text.indices {
            if text[index] == "(" { depth += 1 }
            if text[index] == ")" {
                if depth == 0 { return text[..<index] }
                depth -= 1
            }
        }
        return text
    }
}
