import LuaRuntime

/// Runs a Lua file of cases: `filter { script = …, settings = … }` once at most, `case { name = …, … }` for each case,
/// with the keys that the YAML form has. `none` stands for YAML's null, which a table cannot hold.
final class LuaCases {
    private var members: [CaseValue.Member] = []
    private var cases: [CaseValue] = []
    private var problem: String?

    /// What stands for null.
    private static let none = "\u{0}none"

    private static let type = LuaClass<LuaCases>(
        "Cases",
        methods: [
            LuaMethod("filter") { collector, call in
                collector.take(call) { value in if case .map(let members) = value { collector.members = members } }
            },
            LuaMethod("case") { collector, call in collector.take(call) { collector.cases.append($0) } },
        ])

    private func take(_ call: borrowing LuaCall, _ use: (CaseValue) -> Void) -> LuaReply {
        do throws(LuaValueError) {
            use(Self.withNulls(CaseValue(try call.value(1, limits: LuaValueLimits()))))
            return .results
        } catch {
            return call.fail("a case is a table of texts, numbers, booleans and tables (\(error))")
        }
    }

    private static func withNulls(_ value: CaseValue) -> CaseValue {
        switch value {
        case .text(none): .null
        case .list(let values): .list(values.map(withNulls))
        case .map(let members): .map(members.map { CaseValue.Member(key: $0.key, value: withNulls($0.value), line: $0.line) })
        default: value
        }
    }

    static func read(_ source: [UInt8]) throws(LuaError) -> CaseValue {
        let collector = LuaCases()
        // One line, so that the lines of messages are those of the file.
        let prelude = Array("local filter, case, none = cases.filter, cases.case, '\\0none'; ".utf8)
        _ = try LuaState(
            program: try LuaProgram(source: prelude + source), environment: LuaEnvironment(seed: 1, now: { 0 }), classes: [type],
            globals: [.library("cases", type, collector)])
        return .map(collector.members + [CaseValue.Member(key: "cases", value: .list(collector.cases), line: 0)])
    }
}

/// Messages of Lua name a chunk by its first line; who reads them wants the file.
package enum SourceNames {
    /// `message` with the script's name in the place of its first line.
    package static func readable(_ message: String, script: String) -> String {
        let name = script.split(separator: "/").last.map(String.init) ?? script
        return message.replacing(#/\[string "[^\n]*?"\]:(\d+)/#) { "\(name):\($0.output.1)" }
    }
}
