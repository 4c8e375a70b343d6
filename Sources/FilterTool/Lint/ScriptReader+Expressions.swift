import Filters

/// Expressions: what is known of a value, and what is done with it.
extension ScriptReader {
    mutating func expressions() -> [Value] {
        var values = [expression()]
        while take(",") { values.append(expression()) }
        return values
    }

    /// Precedence does not matter here: what matters is which operator uses which operand.
    mutating func expression() -> Value {
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
            functionBody()
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

    mutating func suffixed() -> Value {
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
            if value.path == nil { value.path = text }
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
            if let library = value.global { fieldReads.append((library, field, line)) }
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
        let catches = value.global == "pcall" || value.global == "xpcall"
        if catches { catching += 1 }
        let arguments = arguments()
        if catches { catching -= 1 }
        return result(ofFunction: value.global, arguments, line)
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

    mutating func use(_ value: Value, _ how: String, _ line: Int) {
        guard let source = value.maybeNil, catching == 0 else { return }
        let name = value.local.map { "\($0), which \(source) gave," } ?? source
        note(.warning, line, "maybe-nil", "\(name) may be nil and is \(how); check it first")
        // Once is enough.
        checked(value)
    }
}
