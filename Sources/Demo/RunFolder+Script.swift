import Foundation

/// A Lua filter of the user's own in a demo that runs.
extension RunFolder {
    /// What stands in the files at the place before which a filter goes.
    private static let router = "envoy.filters.http.router"
    private static let checkPatience = 20.0

    /// Puts a script before the router of a proxy that runs; the copy of the script that is in use stays what it is when the
    /// file is changed. A script that the proxy refuses changes nothing. Returns what the proxy warns of.
    ///
    /// - Parameters:
    ///   - script: a file.
    ///   - proxy: the name of the workload whose proxy it is.
    package func add(script: String, to proxy: String, tools: DemoTools) throws(DemoError) -> String {
        let running = try running
        guard let text = FileManager.default.contents(atPath: script) else { throw .file(path: script, reason: "cannot be read") }
        let file = "\(configurations)/\(proxy).yaml"
        guard let configuration = FileManager.default.contents(atPath: file) else { throw .noProxy(name: proxy) }
        let warnings: String
        do {
            try FileManager.default.createDirectory(atPath: scripts, withIntermediateDirectories: true)
            let copy = "\(scripts)/\(try FileManager.default.contentsOfDirectory(atPath: scripts).count + 1).lua"
            try text.write(to: URL(fileURLWithPath: copy))
            let before = String(decoding: configuration, as: UTF8.self)
            let changed = Self.placed(script: copy, in: before, folder: scripts)
            guard changed != before else {
                throw DemoError.refused(reason: "the proxy of \"\(proxy)\" speaks no HTTP, so that no Lua filter has a place in it")
            }
            let candidate = "\(path)/candidate.yaml"
            try changed.write(toFile: candidate, atomically: true, encoding: .utf8)
            warnings = try check(candidate, tools: tools)
            try changed.write(toFile: file, atomically: true, encoding: .utf8)
        } catch let error as DemoError {
            throw error
        } catch {
            throw .file(path: file, reason: DemoError.reason(error))
        }
        try reload([proxy], of: running)
        return warnings
    }

    /// Where copies of the user's scripts are.
    var scripts: String { path + "/scripts" }

    /// The script of the user's own in a configuration.
    func script(in configuration: String) -> String? {
        guard let start = configuration.firstRange(of: "{filename: \(scripts)/") else { return nil }
        return scripts + "/" + configuration[start.upperBound...].prefix { $0 != "}" }
    }

    /// The configuration with a Lua filter before its first router, in the place of the one that was added before.
    ///
    /// - Parameter folder: where the scripts are that were added like this.
    static func placed(script: String, in configuration: String, folder: String) -> String {
        let kept = configuration.split(separator: "\n", omittingEmptySubsequences: false).filter { !$0.contains("{filename: \(folder)/") }
        guard let place = kept.firstIndex(where: { $0.contains(Self.router) }) else { return configuration }
        let indentation = kept[place].prefix { $0 == " " }
        let filter =
            indentation + "- {name: mine, typed_config: {\"@type\": type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua,"
            + " default_source_code: {filename: \(script)}}}"
        return (kept[..<place] + [filter] + kept[place...]).joined(separator: "\n")
    }

    /// What the proxy says of a file that it takes.
    private func check(_ file: String, tools: DemoTools) throws(DemoError) -> String {
        let log = self.log(of: "check")
        let check = try ChildProcess(
            name: "check", program: tools.proxy, arguments: ["--mode", "validate", "-c", file], environment: [:], log: log)
        let isTaken = if check.waitForEnd(seconds: Self.checkPatience), case .code(0) = check.end { true } else { false }
        let said = ((try? String(contentsOfFile: log, encoding: .utf8)) ?? "").trimmingCharacters(in: .whitespacesAndNewlines)
        guard isTaken else { throw .refused(reason: said) }
        return Self.warnings(in: said)
    }

    /// What the proxy warns of. A line of its log is `[time][process][level][component] text`.
    static func warnings(in said: String) -> String {
        said.split(separator: "\n").filter { $0.contains("[warning]") }.map { line in
            line.firstRange(of: "] ").map { "warning: " + line[$0.upperBound...] } ?? String(line)
        }.joined(separator: "\n")
    }
}
