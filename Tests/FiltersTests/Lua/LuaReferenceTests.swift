import Foundation
import LuaRuntime
import Reactor
import Testing

@testable import Filters

/// Walks the table that the documentation is printed from.
@Suite("The Lua API")
struct LuaReferenceTests {
    @Test("has each function of the table, and the table each function")
    func complete() async {
        let classes = await Task { @WorkerActor in LuaHook.classes.map { ($0.name, $0.methodNames) } }.value
        let rows = Dictionary(uniqueKeysWithValues: LuaReference.objects.map { ($0.name, Set($0.functions.map(\.name))) })
        #expect(Set(classes.map(\.0)) == Set(rows.keys))
        for (name, methods) in classes {
            // `pairs` is what `pairs(object)` calls.
            #expect(Set(methods).subtracting(["pairs"]) == rows[name], "\(name)")
        }
    }

    @Test("comes to what the table says")
    func cases() async throws {
        let all = LuaReference.cases + LuaReference.libraries.flatMap { $0.functions.flatMap(\.cases) }
        let results = try await run(all.map(\.code))
        #expect(results.count == all.count)
        for (one, result) in zip(all, results) { #expect(result == one.result, "\(one.code)") }
    }

    @Test("each object has its functions, which refuse another object and arguments of wrong types")
    func arguments() async throws {
        var codes: [String] = []
        var expected: [String] = []
        for object in LuaReference.objects where !object.expression.isEmpty {
            for function in object.functions {
                codes.append("\(object.expression).\(function.name)()")
                expected.append("bad argument #1 to '\(function.name)' (\(object.name) expected, got no value)")
                for (index, parameter) in function.parameters.enumerated() {
                    // An unknown key is refused before what follows it is looked at.
                    guard function.name != "verifySignature" || index < 2 else { continue }
                    // Headers are looked at before the body, and a field only of an object that is there.
                    guard function.name != "httpCall" || index != 2 else { continue }
                    guard object.name != "FilterState" || parameter.name != "field" else { continue }
                    guard let wrong = Self.wrong(parameter.type) else { continue }
                    let before = function.parameters[..<index].map { Self.right($0.type) }
                    // Its timeout is looked at before all else.
                    let after = function.name == "httpCall" ? function.parameters[(index + 1)...].map { Self.right($0.type) } : []
                    codes.append("\(object.expression):\(function.name)(\((before + [wrong.code] + after).joined(separator: ", ")))")
                    expected.append("bad argument #\(index + 1) to '\(function.name)' (\(parameter.type) expected, got \(wrong.type))")
                }
            }
        }
        let results = try await run(codes)
        #expect(results.count == codes.count)
        for (index, result) in results.enumerated() where result != expected[index] {
            // The asynchronous flag has a message of its own.
            guard !expected[index].hasPrefix("bad argument #5 to 'httpCall'") else { continue }
            Issue.record("\(codes[index]): \(result), not \(expected[index])")
        }
    }

    @Test("the documentation is what the table says")
    func documentation() throws {
        let url = URL(filePath: #filePath).appending(path: "../../../../docs/lua-api.md").standardized
        if ProcessInfo.processInfo.environment["HEDDLE_WRITE_DOCS"] != nil {
            try LuaReference.markdown.write(to: url, atomically: true, encoding: .utf8)
        }
        #expect(try String(contentsOf: url, encoding: .utf8) == LuaReference.markdown)
    }

    private static func wrong(_ type: String) -> (code: String, type: String)? {
        switch type {
        case "string", "number": ("{}", "table")
        case "boolean", "table": ("'x'", "string")
        case "PublicKey": ("h", "userdata")
        default: nil
        }
    }

    private static func right(_ type: String) -> String {
        switch type {
        case "string": "'main'"
        case "number": "1"
        case "boolean": "true"
        case "PublicKey": "h:importPublicKey('x', 1)"
        case "any": "0"
        default: "{}"
        }
    }

    /// What each expression comes to, run one after the other in one request hook: a few at a time, since a run has 5 ms.
    private func run(_ codes: [String]) async throws -> [String] {
        var results: [String] = []
        for start in stride(from: 0, to: codes.count, by: 50) {
            results += try await runTogether(Array(codes[start..<min(start + 50, codes.count)]))
        }
        return results
    }

    private func runTogether(_ codes: [String]) async throws -> [String] {
        let upstream = TestUpstream()
        let calls = codes.map { "try(function() local value = \($0) return value end)" }.joined(separator: "\n")
        let script = """
            function envoy_on_request(h)
              local all = {}
              local function try(f)
                local ok, value = pcall(f)
                all[#all + 1] = tostring(value):gsub('^%[string ".-"%]:%d+: ', "")
              end
              \(calls.replacingOccurrences(of: "\n", with: "\n  "))
              h:respond({[":status"] = "200"}, table.concat(all, "\\1"))
            end
            """
        let proxy = try await TestProxy.start(filters: script.asLuaFilter, clusters: ["main": upstream.port])
        let answer = await proxy.get("/", "x-a: 1", "x-a: 2")
        await proxy.stop()
        return answer?.text.components(separatedBy: "\u{1}") ?? []
    }
}
