/// A statistic that is declared is written by some code: one that shows 0 for ever says something that is not so.
///
/// Each case of the views must stand in an index (`stats[.name]`), or its name in Envoy's words in a string, outside of
/// the views; a name that several views have, in as many different places. And somebody must make the view.
struct UnwrittenStatistic {
    /// One statistic of a view.
    struct Item {
        let view: String
        let name: String
        /// Envoy's name, without that of its group.
        let text: String
        let path: String
        let line: Int
    }

    static let folder = "Sources/Observability/Stats/Views/"

    let items: [Item]
    private let views: [SwiftSource]

    init(_ sources: [SwiftSource]) {
        views = sources.filter { $0.path.hasPrefix(Self.folder) }
        items = views.flatMap(Self.items)
    }

    private static func items(_ source: SwiftSource) -> [Item] {
        var result: [Item] = []
        var view = ""
        for (index, line) in source.lines.enumerated() {
            let words = line.split(separator: " ")
            if line.hasPrefix("public struct "), words.count > 2 { view = String(words[2].prefix { $0 != ":" }) }
            if line.hasPrefix("public enum ") { view = "" }
            // The cases of a view's enums stand two levels deep; those of its functions begin with a dot.
            guard line.hasPrefix("        case "), !line.hasPrefix("        case ."), !view.isEmpty else { continue }
            let list = line.dropFirst("        case ".count)
            for part in list.contains("=") ? [list] : list.split(separator: ",") {
                let name = String(part.drop { $0 == " " }.prefix { $0 != " " })
                let text = part.split(separator: "\"").dropFirst().first.map(String.init) ?? name
                result.append(Item(view: view, name: name, text: text, path: source.path, line: index + 1))
            }
        }
        return result
    }

    /// - Parameter sources: all code.
    func findings(in sources: [SwiftSource]) -> [Finding] {
        var places: [String: Set<String>] = [:]
        var texts: Set<String> = []
        var makers: [String: String] = [:]
        var calls: Set<String> = []
        for source in sources {
            let isView = source.path.hasPrefix(Self.folder)
            let isStatistics = source.target == "Observability"
            var function = ""
            for (line, code) in zip(source.lines, source.code) {
                for (name, receiver) in Self.indices(code) { places[name, default: []].insert("\(source.path) \(receiver)") }
                if isView { continue }
                for text in line.split(separator: "\"", omittingEmptySubsequences: false).enumerated() where text.offset % 2 == 1 {
                    texts.insert(String(text.element))
                }
                guard isStatistics else {
                    calls.formUnion(code.split(separator: ".").dropFirst().map { String($0.prefix { $0.isLetter || $0.isNumber }) })
                    continue
                }
                if let name = code.split(separator: " ").drop(while: { $0 != "func" }).dropFirst().first {
                    function = String(name.prefix { $0.isLetter || $0.isNumber })
                }
                for word in code.split(whereSeparator: { !($0.isLetter || $0.isNumber) }) where makers[String(word)] == nil {
                    if code.contains("-> \(word) ") || code.contains("as \(word))") { makers[String(word)] = function }
                }
            }
        }
        let declared = Dictionary(grouping: items, by: \.name).mapValues { Set($0.map(\.view)).count }
        var findings: [Finding] = []
        for item in items where !texts.contains(item.text) && !texts.contains(String(item.text.split(separator: ".").last ?? "")) {
            // A response is counted in its class by the distance from the first one.
            let name = item.name.hasSuffix("xx") ? item.name.dropLast(3) + "1xx" : item.name
            guard (places[name]?.count ?? 0) < (item.name.hasSuffix("xx") ? 1 : declared[item.name] ?? 1) else { continue }
            findings.append(
                Finding(
                    path: item.path, line: item.line,
                    message: "nothing writes \(item.view).\(item.name): write it, or take it out and say so in docs/DIFFERENCES.md"))
        }
        for (view, all) in Dictionary(grouping: items, by: \.view) where !(makers[view].map { calls.contains($0) } ?? false) {
            findings.append(Finding(path: all[0].path, line: all[0].line, message: "nobody makes \(view)"))
        }
        return findings.sorted { ($0.path, $0.line, $0.message) < ($1.path, $1.line, $1.message) }
    }

    /// The names behind a dot inside of brackets, or behind `Counters`, and what stands before the bracket.
    private static func indices(_ code: Substring) -> [(name: String, receiver: String)] {
        var result: [(String, String)] = []
        let parts = code.split(separator: ".", omittingEmptySubsequences: false)
        var before = ""
        for part in parts {
            if !before.isEmpty {
                let name = String(part.prefix { $0.isLetter || $0.isNumber })
                if let open = openBracket(before) {
                    let receiver = before[..<open].split { !($0.isLetter || $0.isNumber || $0 == ".") }.last ?? ""
                    result.append((name, String(receiver)))
                } else if before.hasSuffix("Counters") {
                    result.append((name, "Counters"))
                }
            }
            before += (before.isEmpty ? "" : ".") + part
        }
        return result
    }

    private static func openBracket(_ text: String) -> String.Index? {
        var depth = 0
        var index = text.endIndex
        while index > text.startIndex {
            index = text.index(before: index)
            if text[index] == "]" { depth += 1 }
            if text[index] == "[" {
                if depth == 0 { return index }
                depth -= 1
            }
        }
        return nil
    }
}
