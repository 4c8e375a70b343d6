import Foundation
import LuaRuntime
package import Reactor

/// `heddle filter lint`: what is wrong with scripts before anybody sends them a request.
@WorkerActor package enum FilterLint {
    /// What scripts of Envoy use and a sandbox does not have, and why or what instead.
    private nonisolated static let unavailable: [String: String] = [
        "io": "a sandboxed script has no files", "os.execute": "a sandboxed script starts no programs",
        "os.getenv": "give the value as filter_context", "os.remove": "a sandboxed script has no files",
        "os.rename": "a sandboxed script has no files", "os.exit": "a script cannot end the proxy",
        "os.tmpname": "a sandboxed script has no files", "os.setlocale": "a sandboxed script cannot change the process",
        "require": "a sandboxed script has no modules", "package": "a sandboxed script has no modules",
        "module": "a sandboxed script has no modules", "ffi": "a sandboxed script cannot call C", "jit": "the sandbox runs without the JIT",
        "debug": "a sandboxed script cannot look into the machine", "load": "code comes from the configuration only",
        "loadstring": "code comes from the configuration only", "loadfile": "a sandboxed script has no files",
        "dofile": "a sandboxed script has no files", "getfenv": "environments are the sandbox", "setfenv": "environments are the sandbox",
        "newproxy": "a finalizer would run behind the budget's back", "collectgarbage": "memory has a bound and frees itself",
        "string.dump": "there is no bytecode in a sandbox",
    ]

    /// Globals that the proxy calls.
    private nonisolated static let hooks: Set<String> = ["envoy_on_request", "envoy_on_response", "envoy_on_route", "envoy_match"]

    /// Checks scripts; folders stand for all scripts in them that are no cases.
    /// - Parameters:
    ///   - isTrusted: whether the scripts have all of LuaJIT.
    ///   - done: gets the findings in the order of files and lines, and how many scripts there were.
    package static func start(
        _ paths: [String], isTrusted: Bool = false, loop: EventLoop, done: @escaping @WorkerActor (_ findings: [LintFinding], _ scripts: Int) -> Void
    ) {
        let globals = sandboxGlobals(loop)
        var findings: [LintFinding] = []
        var count = 0
        for path in paths {
            let files = scripts(path)
            count += files.count
            if files.isEmpty { findings.append(LintFinding(severity: .error, file: path, line: 0, rule: "file", message: "has no scripts (*.lua)")) }
            findings += files.flatMap { check($0, globals: globals) }.filter { !isTrusted || !$0.message.hasSuffix("trusted scripts have it") }
        }
        done(findings, count)
    }

    private nonisolated static func scripts(_ path: String) -> [String] {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), isFolder.boolValue else { return [path] }
        let names = FileManager.default.enumerator(atPath: path)?.compactMap { $0 as? String } ?? []
        return names.filter { $0.hasSuffix(".lua") && !$0.hasSuffix("cases.lua") }.sorted()
            .map { path.hasSuffix("/") ? path + $0 : "\(path)/\($0)" }
    }

    /// What the filter's own states have, asked of one.
    private static func sandboxGlobals(_ loop: EventLoop) -> Set<String> {
        let script = """
            for name, value in pairs(_G) do
              print("global " .. name)
              if type(value) == "table" and value ~= _G then
                for field, part in pairs(value) do
                  print("global " .. name .. "." .. tostring(field))
                  if type(part) == "table" then for inner in pairs(part) do print("global " .. name .. "." .. field .. "." .. tostring(inner)) end end
                end
              end
            end
            """
        do {
            let harness = try FilterHarness(clusters: ["main"], loop: loop)
            defer { harness.close() }
            let log = try harness.load(script)
            return Set(log.compactMap { line in line.range(of: "global ").map { String(line[$0.upperBound...]) } })
        } catch {
            preconditionFailure("a state without a filter cannot be made: \(error)")
        }
    }

    private nonisolated static func check(_ file: String, globals: Set<String>) -> [LintFinding] {
        guard let bytes = FileManager.default.contents(atPath: file) else {
            return [LintFinding(severity: .error, file: file, line: 0, rule: "file", message: "cannot be read")]
        }
        return check(Array(bytes), file: file, globals: globals)
    }

    /// The findings of one script, in the order of its lines.
    nonisolated static func check(_ source: [UInt8], file: String, globals: Set<String>) -> [LintFinding] {
        do throws(LuaError) {
            _ = try LuaProgram(source: source)
        } catch {
            let text = SourceNames.readable(error.message, script: file)
            let parts = text.split(separator: ":", maxSplits: 2)
            return [
                LintFinding(
                    severity: .error, file: file, line: parts.count > 2 ? Int(parts[1]) ?? 0 : 0, rule: "syntax",
                    message: parts.count > 2 ? parts[2].trimmingCharacters(in: .whitespaces) : text)
            ]
        }
        var reader = ScriptReader(source, file: file)
        reader.read()
        var findings = reader.findings
        let writes = Set(reader.globalWrites.map(\.name))
        for read in reader.globalReads where !globals.contains(read.name) && !writes.contains(read.name) {
            if let why = unavailable[read.name] {
                findings.append(LintFinding(severity: .error, file: file, line: read.line, rule: "unavailable", message: "\(read.name) is not there: \(why); trusted scripts have it"))
            } else {
                findings.append(LintFinding(severity: .error, file: file, line: read.line, rule: "undefined-global", message: "nothing defines \"\(read.name)\"\(ScriptReader.hint(read.name, globals.union(writes), within: read.name.count / 4))"))
            }
        }
        let tables = Set(globals.compactMap { name in name.lastIndex(of: ".").map { String(name[..<$0]) } })
        for read in reader.fieldReads where tables.contains(read.library) {
            let name = "\(read.library).\(read.field)"
            guard !globals.contains(name), !reader.fieldWrites.contains(name) else { continue }
            let why = unavailable[name].map { ": \($0); trusted scripts have it" }
                ?? ScriptReader.hint(name, globals.filter { $0.hasPrefix(read.library + ".") })
            findings.append(LintFinding(severity: .error, file: file, line: read.line, rule: "unavailable", message: "\(name) is not there\(why)"))
        }
        let atTop = Set(reader.globalWrites.filter { $0.depth == 0 }.map(\.name))
        for write in reader.globalWrites where write.depth > 0 && !atTop.contains(write.name) && !hooks.contains(write.name) {
            findings.append(
                LintFinding(
                    severity: .warning, file: file, line: write.line, rule: "global-write",
                    message: "\"\(write.name)\" becomes a global, which all requests of the worker share; write \"local\""))
        }
        if hooks.isDisjoint(with: writes), !reader.isModule {
            findings.append(
                LintFinding(
                    severity: .warning, file: file, line: 1, rule: "no-hook",
                    message: "none of envoy_on_request, envoy_on_response, envoy_on_route and envoy_match is defined"))
        }
        let lines = source.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        return findings.filter { !isAllowed($0, on: lines) }.sorted { $0.line < $1.line }
    }

    /// Whether a comment on the line, or alone above it, takes the finding back: `-- lint: allow slow-pattern`, and why.
    private nonisolated static func isAllowed(_ finding: LintFinding, on lines: [ArraySlice<UInt8>]) -> Bool {
        func text(_ line: Int) -> String { lines.indices.contains(line - 1) ? String(decoding: lines[line - 1], as: UTF8.self) : "" }
        let mark = "lint: allow \(finding.rule)"
        let above = text(finding.line - 1)
        return text(finding.line).contains(mark) || (above.contains(mark) && above.drop { $0 == " " || $0 == "\t" }.hasPrefix("--"))
    }
}
