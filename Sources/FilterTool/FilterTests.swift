import Foundation
package import ProxyModel
package import Reactor

/// `heddle filter test`: finds files of cases and runs them.
@WorkerActor package final class FilterTests {
    private let loop: EventLoop
    private var waiting: [String] = []
    private var report = CaseReport()
    private var harness: FilterHarness?
    private var runner: CaseRunner?
    private let version: Heddle_Filters_Http_Lua_V1_LuaFilter?
    private let done: @WorkerActor (CaseReport) -> Void

    /// - Parameters:
    ///   - paths: files of cases, or folders with such files in them, at any depth.
    ///   - version: the filter that is tried, instead of the script that a file names.
    ///   - done: gets the report when the last case is over.
    package init(
        _ paths: [String], version: Heddle_Filters_Http_Lua_V1_LuaFilter? = nil, loop: EventLoop, done: @escaping @WorkerActor (CaseReport) -> Void
    ) {
        self.loop = loop
        self.version = version
        self.done = done
        for path in paths {
            let files = Self.files(path)
            waiting += files
            if files.isEmpty {
                report.files.append(CaseReport.File(path: path, outcomes: [], problem: "\(path) has no cases (cases.yaml, cases.lua, *.cases.yaml)"))
            }
        }
    }

    /// Begins with the first file.
    package func start() { next() }

    /// `cases.yaml`, `cases.lua` and whatever ends so (`more.cases.yaml`), in the order of their names.
    nonisolated static func files(_ path: String) -> [String] {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), isFolder.boolValue else { return [path] }
        let names = FileManager.default.enumerator(atPath: path)?.compactMap { $0 as? String } ?? []
        let found = names.filter { name in
            let last = name.split(separator: "/").last.map(String.init) ?? name
            return ["cases.yaml", "cases.lua"].contains { last == $0 || last.hasSuffix(".\($0)") }
        }
        return found.sorted().map { path.hasSuffix("/") ? path + $0 : "\(path)/\($0)" }
    }

    /// The one script beside a file of cases.
    nonisolated static func script(beside file: String) -> String? {
        let folder = file.contains("/") ? String(file[..<(file.lastIndex(of: "/") ?? file.startIndex)]) : "."
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        let scripts = names.filter { $0.hasSuffix(".lua") && !$0.hasSuffix("cases.lua") }
        return scripts.count == 1 ? "\(folder)/\(scripts[0])" : nil
    }

    private func next() {
        harness?.close()
        harness = nil
        guard !waiting.isEmpty else { return done(report) }
        let file = waiting.removeFirst()
        do {
            var cases = try CaseReader.read(file, script: version == nil ? Self.script(beside: file) : "")
            if let version { cases = try cases.with(version) }
            let harness = try FilterHarness(clusters: cases.clusters, loop: loop)
            self.harness = harness
            let runner = CaseRunner(cases, harness) { [unowned self] outcomes in
                self.report.files.append(CaseReport.File(path: file, outcomes: outcomes))
                self.next()
            }
            self.runner = runner
            runner.start()
        } catch {
            report.files.append(CaseReport.File(path: file, outcomes: [], problem: "\(error)"))
            next()
        }
    }
}
