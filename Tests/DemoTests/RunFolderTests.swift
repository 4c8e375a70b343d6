import Testing

@testable import Demo

@Suite("The folder of a demo that runs")
struct RunFolderTests {
    private let configuration = """
        filters:
          http_filters:
          - {name: envoy.filters.http.router}
        other:
          - {name: envoy.filters.http.router}
        """

    @Test("a script stands before the first router, and another one takes its place")
    func placing() {
        let once = RunFolder.placed(script: "/run/scripts/1.lua", in: configuration, folder: "/run/scripts")
        let twice = RunFolder.placed(script: "/run/scripts/2.lua", in: once, folder: "/run/scripts")
        let lines = twice.split(separator: "\n")
        #expect(lines.count == 6)
        #expect(lines[2].hasPrefix("  - {name: mine,") && lines[2].contains("{filename: /run/scripts/2.lua}"))
        #expect(lines[3] == "  - {name: envoy.filters.http.router}")
        #expect(!twice.contains("1.lua"))
    }

    @Test("where there is no router nothing changes")
    func withoutRouter() {
        #expect(RunFolder.placed(script: "/s/1.lua", in: "clusters: []", folder: "/s") == "clusters: []")
    }

    @Test("a check that finds nothing has nothing to say")
    func warnings() {
        #expect(RunFolder.warnings(in: "configuration '/run/candidate.yaml' OK").isEmpty)
        #expect(RunFolder.warnings(in: "[now][1][warning][lua] a warning\nconfiguration '/c' OK") == "warning: a warning")
    }

    @Test("a folder that cannot be made is named, with the reason that the system gives")
    func noFolder() {
        let folder = RunFolder(source: "/proc/nowhere", network: "127.7")
        let error = #expect(throws: DemoError.self) { try folder.examples() }
        let text = error.map { "\($0)" } ?? ""
        #expect(text.hasPrefix("/proc/nowhere: ") && !text.contains("Domain"), "\(text)")
    }
}
