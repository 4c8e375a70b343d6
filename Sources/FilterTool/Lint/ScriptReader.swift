/// Reads a script that is known to be Lua, and notes what is probably not meant: who reads and writes which global, which
/// values may be nil where they are used, which methods do not exist.
///
/// Types are known as far as the reference of the API says them: a hook's parameter is a stream handle, and what its
/// methods return follows from there. Everything else is of no known type, and nothing is said of it.
struct ScriptReader {
    /// What is known of a value.
    struct Value {
        /// An object of the API.
        var type: String?
        /// What may have returned nil; nil when it surely has not.
        var maybeNil: String?
        /// The local variable that it was read from.
        var local: String?
        /// The global that it was read from, or the name of a library's function.
        var global: String?
        /// A string that stands in the script.
        var literal: String?
        var isTrue = false
    }

    struct Variable {
        var value: Value
    }

    private let file: String
    var tokens: [LuaToken]
    var position = 0
    var scopes: [[String: Variable]] = [[:]]
    /// How many functions are around.
    private var depth = 0

    var findings: [LintFinding] = []
    var globalReads: [(name: String, line: Int)] = []
    /// Fields of globals: `os.execute`.
    var fieldReads: [(library: String, field: String, line: Int)] = []
    var globalWrites: [(name: String, line: Int, depth: Int)] = []

    init(_ source: [UInt8], file: String) {
        self.file = file
        tokens = LuaLexer.tokens(source)
    }

    mutating func read() {
        while !isAtEnd {
            let before = position
            block()
            // A stray `end` cannot be, since the script was compiled; still nothing may stand still here.
            if position == before { position += 1 }
        }
    }

    // MARK: Tokens

    var token: LuaToken { tokens[position] }
    var isAtEnd: Bool { token.kind == .end }

    func sees(_ text: String) -> Bool {
        (token.kind == .symbol || token.kind == .keyword) && token.text == text
    }

    @discardableResult mutating func take(_ text: String) -> Bool {
        guard sees(text) else { return false }
        position += 1
        return true
    }

    mutating func takeName() -> (text: String, line: Int) {
        defer { if !isAtEnd { position += 1 } }
        return (token.text, token.line)
    }

    mutating func note(_ severity: LintFinding.Severity, _ line: Int, _ rule: String, _ message: String) {
        let finding = LintFinding(severity: severity, file: file, line: line, rule: rule, message: message)
        if !findings.contains(finding) { findings.append(finding) }
    }

    // MARK: Variables

    mutating func declare(_ name: String, _ value: Value = Value()) {
        scopes[scopes.count - 1][name] = Variable(value: value)
    }

    func find(_ name: String) -> Int? { scopes.lastIndex { $0[name] != nil } }

    /// Somebody looked whether the variable is there.
    mutating func checked(_ value: Value) {
        guard let name = value.local, let scope = find(name) else { return }
        scopes[scope][name]?.value.maybeNil = nil
    }

    mutating func inScope(_ body: (inout ScriptReader) -> Void) {
        scopes.append([:])
        body(&self)
        scopes.removeLast()
    }

    // MARK: Statements

    mutating func block() {
        while !isAtEnd, !sees("end"), !sees("else"), !sees("elseif"), !sees("until") { statement() }
    }

    mutating func scopedBlock(until words: String...) {
        inScope { $0.block() }
        for word in words where take(word) { return }
    }

    mutating func statement() {
        if take(";") || take("break") { return }
        if take("goto") {
            _ = takeName()
        } else if take("::") {
            _ = takeName()
            take("::")
        } else if take("do") {
            scopedBlock(until: "end")
        } else if take("while") {
            condition()
            take("do")
            scopedBlock(until: "end")
        } else if take("repeat") {
            inScope {
                $0.block()
                $0.take("until")
                $0.condition()
            }
        } else if take("if") {
            ifStatement()
        } else if take("for") {
            forStatement()
        } else if take("function") {
            functionStatement()
        } else if take("local") {
            localStatement()
        } else if take("return") {
            if !isAtEnd, !sees("end"), !sees("else"), !sees("elseif"), !sees("until"), !sees(";") { _ = expressions() }
        } else {
            assignmentOrCall()
        }
    }

    mutating func condition() { checked(expression()) }

    mutating func ifStatement() {
        condition()
        take("then")
        inScope { $0.block() }
        while take("elseif") {
            condition()
            take("then")
            inScope { $0.block() }
        }
        if take("else") { inScope { $0.block() } }
        take("end")
    }

    mutating func forStatement() {
        var names = [takeName().text]
        while take(",") { names.append(takeName().text) }
        if take("=") || take("in") { _ = expressions() }
        take("do")
        inScope {
            for name in names { $0.declare(name) }
            $0.block()
        }
        take("end")
    }

    mutating func functionStatement() {
        let (name, line) = takeName()
        var isField = false
        while sees(".") || sees(":") {
            isField = true
            position += 1
            _ = takeName()
        }
        if !isField, find(name) == nil { globalWrites.append((name, line, depth)) }
        functionBody(isHook: !isField && (name == "envoy_on_request" || name == "envoy_on_response"))
    }

    mutating func localStatement() {
        if take("function") {
            declare(takeName().text)
            functionBody(isHook: false)
            return
        }
        var names: [String] = []
        repeat { names.append(takeName().text) } while take(",")
        var values: [Value] = []
        if take("=") { values = expressions() }
        for (index, name) in names.enumerated() {
            var value = index < values.count ? values[index] : Value()
            value.local = nil
            value.global = nil
            declare(name, value)
        }
    }

    mutating func assignmentOrCall() {
        let line = token.line
        let start = position
        var targets = [(value: suffixed(), isPlain: position == start + 1)]
        while take(",") {
            let start = position
            targets.append((suffixed(), position == start + 1))
        }
        guard take("=") else {
            if position == start { position += 1 }
            return
        }
        // A global that is written was not read.
        for target in targets where target.isPlain {
            if let name = target.value.global, let index = globalReads.lastIndex(where: { $0.name == name }) {
                globalReads.remove(at: index)
                globalWrites.append((name, line, depth))
            }
        }
        let values = expressions()
        for (index, target) in targets.enumerated() where target.isPlain {
            guard let name = target.value.local, let scope = find(name) else { continue }
            scopes[scope][name]?.value = index < values.count ? values[index] : Value()
        }
    }

    mutating func functionBody(isHook: Bool) {
        take("(")
        depth += 1
        inScope { reader in
            var isFirst = true
            while !reader.isAtEnd, !reader.sees(")") {
                let name = reader.takeName().text
                if name != "...", name != "," {
                    reader.declare(name, isHook && isFirst ? Value(type: "StreamHandle") : Value())
                    isFirst = false
                }
            }
            reader.take(")")
            reader.block()
        }
        take("end")
        depth -= 1
    }
}
