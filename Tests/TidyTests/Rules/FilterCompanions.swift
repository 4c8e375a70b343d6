import Foundation

/// A file in `Sources/Filters/HTTP` comes with documentation that shows its YAML, a test file, and a sample that uses it.
enum FilterCompanions {
    static let folder = "Sources/Filters/HTTP/"

    /// - Parameters:
    ///   - tests: the names (without extension) of the test files of `Filters`.
    ///   - samples: the texts of all sample configurations.
    static func findings(in source: SwiftSource, tests: Set<String>, samples: [String]) -> [Finding] {
        let parts = source.path.dropFirst(folder.count).split(separator: "/")
        guard source.path.hasPrefix(folder), parts.count == 1, !source.name.contains("+") else { return [] }
        func finding(_ message: String) -> Finding { Finding(path: source.path, line: 0, message: message) }

        var findings: [Finding] = []
        if !tests.contains(source.name + "Tests") {
            findings.append(finding("no test: expected Tests/FiltersTests/…/\(source.name)Tests.swift"))
        }
        if !source.lines.contains(where: {
            $0.hasPrefix("///") && ($0.contains("```yaml") || $0.contains("typed_config"))
        }) {
            findings.append(finding("no doc comment that shows the filter's YAML"))
        }
        let urls = typeURLs(source)
        if urls.isEmpty {
            findings.append(finding("no type URL: a filter names the configuration message that it takes"))
        } else if !samples.contains(where: { sample in urls.contains { sample.contains($0) } }) {
            findings.append(finding("no file below samples uses \(urls.sorted().joined(separator: " or "))"))
        }
        return findings
    }

    private static func typeURLs(_ source: SwiftSource) -> Set<String> {
        let pattern = #/(?:envoy|heddle)\.(?:extensions\.)?filters\.http\.[\w.]*[A-Z]\w*/#
        return Set(source.lines.flatMap { $0.matches(of: pattern).map { String($0.output) } })
    }
}
