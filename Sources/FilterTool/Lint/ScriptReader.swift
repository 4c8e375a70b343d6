import Filters

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

    private struct Variable {
        var value: Value
    }

    private let file: String
    private var tokens: [LuaToken]
    private var position = 0
    private var scopes: [[String: Variable]] = [[:]]
    /// How many functions are around.
    private var depth = 0

    private(set) var findings: [LintFinding] = []
    private(set) var globalReads: [(name: String, line: Int)] = []
    /// Fields of globals: `os.execute`.
    private(set) var fieldReads: [(library: String, field: String, line: Int)] = []
    private(set) var globalWrites: [(name: String, line: Int, depth: Int)] = []

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

    private var token: LuaToken { tokens[position] }
    private var isAtEnd: Bool { token.kind == .end }

    private func sees(_ text: String) -> Bool {
        (token.kind == .symbol || token.kind == .keyword) && token.text == text
    }

    @discardableResult private mutating func take(_ text: String) -> Bool {
        guard sees(text) else { return false }
        position += 1
        return true
    }

    private mutating func takeName() -> (text: String, line: Int) {
        defer { if !isAtEnd { position += 1 } }
        return (token.text, token.line)
    }

    private mutating func note(_ severity: LintFinding.Severity, _ line: Int, _ rule: String, _ message: String) {
        let finding = LintFinding(severity: severity, file: file, line: line, rule: rule, message: message)
        if !findings.contains(finding) { findings.append(finding) }
    }

    // MARK: Variables

    private mutating func declare(_ name: String, _ value: Value = Value()) {
        scopes[scopes.count - 1][name] = Variable(value: value)
    }

    private func find(_ name: String) -> Int? { scopes.lastIndex { $0[name] != nil } }

    /// Somebody looked whether the variable is there.
    private mutating func checked(_ value: Value) {
        guard let name = value.local, let scope = find(name) else { return }
        scopes[scope][name]?.value.maybeNil = nil
    }

    private mutating func inScope(_ body: (inout ScriptReader) -> Void) {
        scopes.append([:])
        body(&self)
        scopes.removeLast()
    }

    // MARK: Statements

    private mutating func block() {
        while !isAtEnd, !sees("end"), !sees("else"), !sees("elseif"), !sees("until") { statement() }
    }

    private mutating func scopedBlock(until words: String...) {
        inScope { $0.block() }
        for word in words where take(word) { return }
    }

    private mutating func statement() {
        if take(";") || take("break") { return }
        if take("::") || take("goto") {
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

    private mutating func condition() { checked(expression()) }

    private mutating func ifStatement() {
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

    private mutating func forStatement() {
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

    private mutating func functionStatement() {
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

    private mutating func localStatement() {
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

    private mutating func assignmentOrCall() {
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

    private mutating func functionBody(isHook: Bool) {
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

    // MARK: Expressions

    private mutating func expressions() -> [Value] {
        var values = [expression()]
        while take(",") { values.append(expression()) }
        return values
    }

    /// Precedence does not matter here: what matters is which operator uses which operand.
    private mutating func expression() -> Value {
        var value = operand()
        while let symbol = operatorText() {
            let line = token.line
            position += 1
            switch symbol {
            case "and":
                checked(value)
                value = expression()
                value.maybeNil = nil
                return value
            case "or":
                checked(value)
                var other = expression()
                other.type = other.type ?? value.type
                return other
            case "==", "~=":
                checked(value)
                checked(operand())
                value = Value()
            default:
                use(value, "an operand of \"\(symbol)\"", line)
                use(operand(), "an operand of \"\(symbol)\"", line)
                value = Value()
            }
        }
        return value
    }

    private func operatorText() -> String? {
        let binary: Set<String> = ["and", "or", "==", "~=", "..", "<", ">", "<=", ">=", "+", "-", "*", "/", "%", "^"]
        guard token.kind == .symbol || token.kind == .keyword else { return nil }
        return binary.contains(token.text) ? token.text : nil
    }

    private mutating func operand() -> Value {
        let line = token.line
        if take("not") {
            checked(operand())
            return Value()
        }
        if take("#") || take("-") {
            use(operand(), "an operand", line)
            return Value()
        }
        switch token.kind {
        case .string:
            let literal = token.text
            position += 1
            return Value(literal: literal)
        case .number:
            position += 1
            return Value()
        case .keyword where ["nil", "true", "false"].contains(token.text):
            let isTrue = token.text == "true"
            position += 1
            return Value(isTrue: isTrue)
        case .keyword where token.text == "function":
            position += 1
            functionBody(isHook: false)
            return Value()
        case .symbol where token.text == "...":
            position += 1
            return Value()
        case .symbol where token.text == "{":
            table()
            return Value()
        default: return suffixed()
        }
    }

    private mutating func table() {
        take("{")
        while !isAtEnd, !take("}") {
            if take("[") {
                _ = expression()
                take("]")
                take("=")
            } else if token.kind == .name, tokens[position + 1].kind == .symbol, tokens[position + 1].text == "=" {
                position += 2
            }
            _ = expression()
            if !take(",") { take(";") }
        }
    }

    private mutating func suffixed() -> Value {
        var value: Value
        if take("(") {
            value = expression()
            take(")")
            if case nil = value.local { value.global = nil }
        } else if token.kind == .name {
            value = name()
        } else if token.kind == .string {
            value = Value(literal: token.text)
            position += 1
        } else {
            if !isAtEnd { position += 1 }
            return Value()
        }
        while let next = suffix(of: value) { value = next }
        return value
    }

    private mutating func name() -> Value {
        let (text, line) = takeName()
        if let scope = find(text), var value = scopes[scope][text]?.value {
            value.local = text
            value.literal = nil
            return value
        }
        globalReads.append((text, line))
        return Value(global: text)
    }

    private mutating func suffix(of value: Value) -> Value? {
        let line = token.line
        if take(".") {
            use(value, "indexed", line)
            let field = takeName().text
            if let library = value.global, !library.contains(".") { fieldReads.append((library, field, line)) }
            return Value(global: value.global.map { "\($0).\(field)" })
        }
        if take("[") {
            use(value, "indexed", line)
            _ = expression()
            take("]")
            return Value()
        }
        if take(":") {
            use(value, "called", line)
            let method = takeName().text
            let arguments = arguments()
            if ["find", "match", "gmatch", "gsub"].contains(method) { pattern(arguments.first, arguments, from: 0, line) }
            return result(of: method, on: value, arguments, line)
        }
        guard sees("(") || sees("{") || token.kind == .string else { return nil }
        let arguments = arguments()
        if let name = value.global, let function = name.split(separator: ".").last, name.hasPrefix("string."),
            ["find", "match", "gmatch", "gsub"].contains(function)
        {
            pattern(arguments.dropFirst().first, arguments, from: 1, line)
        }
        if value.global == "assert", let first = arguments.first { checked(first) }
        return Value()
    }

    private mutating func arguments() -> [Value] {
        if token.kind == .string {
            defer { position += 1 }
            return [Value(literal: token.text)]
        }
        if sees("{") {
            table()
            return [Value()]
        }
        take("(")
        var values: [Value] = []
        while !isAtEnd, !take(")") {
            values.append(expression())
            take(",")
        }
        return values
    }

    // MARK: What is found

    private mutating func use(_ value: Value, _ how: String, _ line: Int) {
        guard let source = value.maybeNil else { return }
        let name = value.local.map { "\($0), which \(source) gave," } ?? source
        note(.warning, line, "maybe-nil", "\(name) may be nil and is \(how); check it first")
        // Once is enough.
        checked(value)
    }

    private mutating func pattern(_ value: Value?, _ arguments: [Value], from index: Int, _ line: Int) {
        // A fourth argument of find is "plain": no pattern at all.
        guard let pattern = value?.literal, arguments.count <= index + 2 || !arguments[index + 2].isTrue,
            let problem = PatternRisk.problem(pattern)
        else { return }
        note(.warning, line, "slow-pattern", "\"\(pattern)\": \(problem)")
    }

    private mutating func result(of method: String, on value: Value, _ arguments: [Value], _ line: Int) -> Value {
        guard let type = value.type, let object = LuaReference.objects.first(where: { $0.name == type }) else { return Value() }
        guard let function = object.functions.first(where: { $0.name == method }) else {
            let names = object.functions.map(\.name)
            let near = names.first { $0.lowercased() == method.lowercased() } ?? names.min { Self.distance($0, method) < Self.distance($1, method) }
            let hint = near.map { Self.distance($0, method) <= 3 ? "; did you mean \"\($0)\"?" : "" } ?? ""
            note(.error, line, "unknown-method", "\(type) has no \"\(method)\"\(hint)")
            return Value()
        }
        var words = function.results.split(separator: " ").map(String.init)
        var result = Value()
        if let place = words.firstIndex(of: "or"), ["nothing", "nil"].contains(words.last) {
            words = Array(words[..<place])
            // body(true) always returns one.
            if !(method == "body" && arguments.first?.isTrue == true) { result.maybeNil = "\(method)(\(arguments.first?.literal.map { "\"\($0)\"" } ?? ""))" }
        }
        result.type = words.count == 1 && LuaReference.objects.contains { $0.name == words[0] } ? words[0] : nil
        return result
    }

    /// How many letters must change.
    private static func distance(_ left: String, _ right: String) -> Int {
        let (left, right) = (Array(left), Array(right))
        var row = Array(0...right.count)
        for (index, letter) in left.enumerated() {
            var diagonal = row[0]
            row[0] = index + 1
            for (column, other) in right.enumerated() {
                let change = diagonal + (letter == other ? 0 : 1)
                diagonal = row[column + 1]
                row[column + 1] = min(change, row[column] + 1, diagonal + 1)
            }
        }
        return row[right.count]
    }
}
