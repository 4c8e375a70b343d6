import Filters

/// Calls: what the reference of the API says of them, and what is done with values that may be nil.
extension ScriptReader {
    /// What a sandbox has no module for, though LuaJIT has one.
    private static let missingModules: Set<String> = ["ffi", "jit", "debug", "io", "os", "package"]

    /// A call of a global or of a function of a library; `name` is nil where it is another.
    mutating func result(ofFunction name: String?, _ arguments: [Value], _ line: Int) -> Value {
        guard let name else { return Value() }
        let parts = name.split(separator: ".")
        if name.hasPrefix("string."), let function = parts.last, ["find", "match", "gmatch", "gsub"].contains(function) {
            pattern(arguments.dropFirst().first, arguments, from: 1, line)
        }
        switch name {
        case "assert", "type":
            if let first = arguments.first { checked(first) }
        case "require":
            if let module = arguments.first?.literal, Self.missingModules.contains(String(module.prefix { $0 != "." })) {
                note(.error, line, "unavailable", "module \"\(module)\" is not there: a sandboxed script has none of LuaJIT's own; trusted scripts have it")
            }
        case _ where parts.first == "string" && parts.count == 2:
            // Each of them takes a text first, but for `char`.
            if let first = arguments.first, parts[1] != "char" { given(first, to: name, line) }
        default:
            let library = parts.dropLast().joined(separator: ".")
            guard let object = LuaReference.libraries.first(where: { $0.name == library }),
                let function = object.functions.first(where: { $0.name == parts[parts.count - 1] })
            else { break }
            check(arguments, of: function, called: name, line)
            return result(of: function, called: name, arguments)
        }
        return Value()
    }

    /// A call of a method.
    mutating func result(of method: String, on value: Value, _ arguments: [Value], _ line: Int) -> Value {
        guard let type = value.type, let object = LuaReference.objects.first(where: { $0.name == type }) else { return Value() }
        guard let function = object.functions.first(where: { $0.name == method }) else {
            note(.error, line, "unknown-method", "\(type) has no \"\(method)\"\(Self.hint(method, object.functions.map(\.name)))")
            return Value()
        }
        // Metadata may hold what is not known here.
        if type != "MetadataMap" { check(arguments, of: function, called: method, line) }
        var result = result(of: function, called: method, arguments)
        result.direction = method == "requestHeaders" ? .request : method == "trailers" ? nil : value.direction
        if arguments.allSatisfy({ $0.literal != nil }), let path = value.path {
            result.path = "\(path):\(method)(\(arguments.compactMap(\.literal).joined(separator: ",")))"
        }
        if wasChecked(result.path) || isAlwaysThere(arguments.first?.literal, of: value) {
            result.maybeNil = nil
        }
        if method == "httpCall" { result.second = "httpCall()" }
        return result
    }

    /// Whether every head of that direction has this field.
    private func isAlwaysThere(_ field: String?, of head: Value) -> Bool {
        guard head.type == "HeaderMap", let field else { return false }
        return switch head.direction {
        case .request: [":method", ":path", ":authority", ":scheme"].contains(field)
        case .response: field == ":status"
        case nil: false
        }
    }

    private func result(of function: LuaReference.Function, called name: String, _ arguments: [Value]) -> Value {
        let words = function.results.split { ", ".contains($0) }.map(String.init)
        var result = Value()
        // `body(true)` always returns one.
        if words.contains("nil"), !(name == "body" && arguments.first?.isTrue == true) {
            result.maybeNil = "\(name)(\(arguments.first?.literal.map { "\"\($0)\"" } ?? ""))"
        }
        result.type = words.first.flatMap { word in LuaReference.objects.contains { $0.name == word } ? word : nil }
        return result
    }

    // MARK: What is found

    /// Arguments that must be there.
    private mutating func check(_ arguments: [Value], of function: LuaReference.Function, called name: String, _ line: Int) {
        for (argument, parameter) in zip(arguments, function.parameters)
        where !parameter.isOptional && ["string", "number"].contains(parameter.type) { given(argument, to: name, line) }
    }

    private mutating func given(_ value: Value, to name: String, _ line: Int) { use(value, "given to \(name)()", line) }

    mutating func pattern(_ value: Value?, _ arguments: [Value], from index: Int, _ line: Int) {
        // A fourth argument of find is "plain": no pattern at all.
        guard let pattern = value?.literal, arguments.count <= index + 2 || !arguments[index + 2].isTrue else { return }
        if let problem = PatternRisk.problem(pattern) {
            note(.warning, line, "slow-pattern", "\"\(pattern)\": \(problem)")
        } else if let remark = PatternRisk.remark(pattern) {
            note(.note, line, "slow-pattern", "\"\(pattern)\": \(remark)")
        }
    }

    // MARK: Names

    /// The name that was probably meant, for the end of a message.
    static func hint(_ name: String, _ names: some Sequence<String>, within most: Int = 3) -> String {
        let nearest = names.map { (distance: $0.lowercased() == name.lowercased() ? 0 : distance($0, name), name: $0) }
            .min { ($0.distance, $0.name) < ($1.distance, $1.name) }
        guard let nearest, nearest.distance <= min(most, name.count - 1) else { return "" }
        return "; did you mean \"\(nearest.name)\"?"
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
