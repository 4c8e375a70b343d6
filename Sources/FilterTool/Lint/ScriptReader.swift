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
        /// What says it again: a variable, or calls of an object with nothing but strings that stand in the script.
        var path: String?
        /// Of a stream handle or a head: whose, where the reader knows.
        var direction: Direction?
        /// What the second result of a call is that may be nil.
        var second: String?
    }

    /// Which hook's message it is.
    enum Direction {
        case request, response
    }

    struct Variable {
        var value: Value
        /// The variable that is there when this one, an error's text, is not.
        var unless: String?
    }

    private let file: String
    var tokens: [LuaToken]
    var position = 0
    var scopes: [[String: Variable]] = [[:]]
    /// How many functions are around.
    private var depth = 0
    /// Paths of values that somebody looked at before, in this function.
    private var checkedPaths: Set<String> = []
    /// How many calls of `pcall` are around: what fails there is caught.
    var catching = 0
    /// Whether the file gives a value to whoever requires it.
    private(set) var isModule = false

    var findings: [LintFinding] = []
    var globalReads: [(name: String, line: Int)] = []
    /// Fields of globals: `os.execute`.
    var fieldReads: [(library: String, field: String, line: Int)] = []
    var globalWrites: [(name: String, line: Int, depth: Int)] = []
    /// Fields that the script gives to tables of the library: `string.trim`.
    var fieldWrites: Set<String> = []

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

    /// Somebody looked whether the value is there.
    mutating func checked(_ value: Value) {
        if let path = value.path, value.local == nil { checkedPaths.insert(path) }
        guard let name = value.local, let scope = find(name) else { return }
        scopes[scope][name]?.value.maybeNil = nil
        if let other = scopes[scope][name]?.unless, let scope = find(other) { scopes[scope][other]?.value.maybeNil = nil }
    }

    /// Whether the same was looked at before: `if h:get("a") then h:get("a"):lower() end`.
    func wasChecked(_ path: String?) -> Bool { path.map(checkedPaths.contains) ?? false }

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
            if !isAtEnd, !sees("end"), !sees("else"), !sees("elseif"), !sees("until"), !sees(";") {
                _ = expressions()
                if depth == 0 { isModule = true }
            }
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
        var path = name
        var isMethod = false
        while sees(".") || sees(":") {
            isMethod = sees(":")
            position += 1
            path += "." + takeName().text
        }
        if find(name) == nil {
            if path == name { globalWrites.append((name, line, depth)) } else { fieldWrites.insert(path) }
        }
        functionBody(hook: ["envoy_on_request": .request, "envoy_on_response": .response][path], isMethod: isMethod)
    }

    mutating func localStatement() {
        if take("function") {
            declare(takeName().text)
            functionBody()
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
            // Another value that may change in between is known by its variable alone.
            if value.type == nil { value.path = nil }
            declare(name, value)
        }
        guard names.count > 1, values.count == 1 else { return }
        scopes[scopes.count - 1][names[1]]?.value.maybeNil = values[0].second
        if values[0].maybeNil != nil { scopes[scopes.count - 1][names[1]]?.unless = names[0] }
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
        for target in targets where !target.isPlain {
            if let path = target.value.global { fieldWrites.insert(path) }
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
            var value = index < values.count ? values[index] : Value()
            value.path = nil
            scopes[scope][name]?.value = value
        }
    }

    mutating func functionBody(hook: Direction? = nil, isMethod: Bool = false) {
        take("(")
        depth += 1
        let before = checkedPaths
        inScope { reader in
            if isMethod { reader.declare("self") }
            var isFirst = true
            while !reader.isAtEnd, !reader.sees(")") {
                let name = reader.takeName().text
                if name != "...", name != "," {
                    reader.declare(name, hook != nil && isFirst ? Value(type: "StreamHandle", direction: hook) : Value())
                    isFirst = false
                }
            }
            reader.take(")")
            reader.block()
        }
        take("end")
        checkedPaths = before
        depth -= 1
    }
}
