import Foundation
import Testing

@Suite("The folder of ready filters")
struct ReadyFilterTests {
    private static let folder = Tool.root + "/filters"
    private static let names = ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).filter { !$0.contains(".") }.sorted()

    private func text(_ path: String) -> String {
        FileManager.default.contents(atPath: "\(Self.folder)/\(path)").map { String(decoding: $0, as: UTF8.self) } ?? ""
    }

    @Test("there are at least ten of them")
    func count() { #expect(Self.names.count >= 10) }

    @Test("each has a script, cases, a page and a line in the index", arguments: names)
    func files(_ name: String) {
        #expect(text("\(name)/\(name).lua").contains("function envoy_on_"))
        #expect(text("\(name)/cases.yaml").contains("expect:"))
        let page = text("\(name)/README.md")
        #expect(page.hasPrefix("# \(name)\n"))
        #expect(page.contains("filters/\(name)/\(name).lua"))
        #expect(text("README.md").split(separator: "\n").count { $0.hasPrefix("| [\(name)](\(name)/README.md) | ") } == 1)
    }

    @Test("each setting of the script is in the schema and on the page, and no other is", arguments: names)
    func settings(_ name: String) throws {
        let schema = try #require(try JSONSerialization.jsonObject(with: Data(text("\(name)/settings.schema.json").utf8)) as? [String: Any])
        #expect(schema["additionalProperties"] as? Bool == false)
        let properties = Set((schema["properties"] as? [String: Any] ?? [:]).keys)
        let script = text("\(name)/\(name).lua")
        let read = Set(script.matches(of: #/(?:settings|context|filterContext\(\)):get\("(\w+)"\)/#).map { String($0.output.1) })
        #expect(read == properties)
        let page = text("\(name)/README.md")
        for property in properties { #expect(page.contains("| `\(property)` |"), "\(property)") }
    }

    @Test("the JSON that some of them read is read by the same text")
    func sameJSON() {
        let parts = Self.names.compactMap { name -> String? in
            let script = text("\(name)/\(name).lua")
            guard let start = script.range(of: "-- begin json"), let end = script.range(of: "-- end json") else { return nil }
            return String(script[start.lowerBound..<end.upperBound])
        }
        #expect(parts.count > 3)
        #expect(Set(parts).count == 1)
    }
}
