import FilterTool
import Foundation
import Testing

@Suite("The guide to filters in Lua", .serialized)
struct LuaGuideTests {
    private static let text = FileManager.default.contents(atPath: Tool.root + "/docs/lua-guide.md").map { String(decoding: $0, as: UTF8.self) } ?? ""

    /// The code blocks of a language, in their order.
    private func blocks(_ language: String) -> [String] {
        Self.text.matches(of: #/(?s)```(\w+)\n(.*?)```/#).filter { $0.output.1 == language }.map { String($0.output.2) }
    }

    @Test("its first filter does what it says, and has no findings")
    func firstFilter() async throws {
        let folder = try Folder()
        try folder.write("hello.lua", try #require(blocks("lua").first))
        try folder.write("cases.yaml", try #require(blocks("yaml").first))
        let report = await Tool.test([folder.path])
        #expect(report.passed, "\(report.text())")
        #expect(report.files.first?.outcomes.count == 3)
        #expect(await Tool.lint([folder.path]).isEmpty)
    }

    @Test("its scripts have no findings")
    func findings() async throws {
        for (number, script) in blocks("lua").enumerated() where script.contains("function envoy_on_") {
            let folder = try Folder()
            try folder.write("script.lua", script)
            let findings = await Tool.lint([folder.path])
            #expect(findings.isEmpty, "block \(number): \(findings.map(\.description))")
        }
    }

    @Test("its job runs before a request that comes later, and what it fetched holds")
    func job() async throws {
        let folder = try Folder()
        try folder.write("script.lua", try #require(blocks("lua").first { $0.contains("heddle.every") }))
        try folder.write(
            "cases.yaml",
            """
            upstreams: { auth: { body: [k-1] } }
            cases:
              - name: a key that was revoked
                after: 1
                request: { headers: { x-key: k-1 } }
                expect: { status: 403, body: revoked, calls: { auth: { path: /revoked } } }
              - name: another key
                after: 1
                request: { headers: { x-key: k-2 } }
                expect: { status: 200, calls: { auth: { path: /revoked } } }
            """)
        let report = await Tool.test([folder.path])
        #expect(report.passed, "\(report.text())")
    }

    @Test("its cases in Lua can be read")
    func luaCases() async throws {
        let folder = try Folder()
        try folder.write("hello.lua", try #require(blocks("lua").first))
        try folder.write("cases.lua", try #require(blocks("lua").first { $0.contains("case {") }))
        let report = await Tool.test([folder.path])
        #expect(report.passed, "\(report.text())")
    }
}
