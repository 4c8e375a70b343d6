import Bytes
import HTTPModel

/// Reads format strings: `%NAME%`, `%NAME(ARGUMENT)%`, either with `:LENGTH` before the last percent sign, and `%%`.
extension FormatBuilder {
    /// Compiles `text` as part of a longer line.
    mutating func parse(_ text: String, style: FormatProgram.Style = .text) throws(FormatError) {
        let bytes = Array(text.utf8)
        guard bytes.count <= FormatBuilder.maximumLength else { throw .tooLong(limit: FormatBuilder.maximumLength) }
        var start = 0
        while let percent = bytes[start...].firstIndex(of: UInt8(ascii: "%")) {
            literalText(bytes[start..<percent])
            if percent + 1 < bytes.count, bytes[percent + 1] == UInt8(ascii: "%") {
                literal([UInt8(ascii: "%")])
                start = percent + 2
                continue
            }
            guard let command = FormatCommand(bytes, at: percent) else { throw .malformed(offset: percent) }
            try add(command, style: style)
            start = command.end
        }
        literalText(bytes[start...])
    }

    /// Text of the configuration between operators; inside a JSON string it is escaped, elsewhere it stands as it is.
    private mutating func literalText(_ bytes: ArraySlice<UInt8>) {
        if case .json = constantEscaping {
            literal(FormatBuilder.escapedJSON(String(decoding: bytes, as: UTF8.self)))
        } else {
            literal(bytes)
        }
    }

    mutating func add(_ command: FormatCommand, style: FormatProgram.Style) throws(FormatError) {
        guard let operation = FormatOperation.aliases[command.name] ?? FormatOperation(rawValue: command.name),
            operation != .literal
        else {
            if FormatOperation.unsupported.contains(command.name) {
                throw .unsupportedOperator(command.name, offset: command.offset)
            }
            throw .unknownOperator(command.name, offset: command.offset)
        }
        var instruction = FormatProgram.Instruction(operation: operation, style: style)
        if let limit = command.limit { instruction.limit = limit }
        switch operation {
        case .request, .response, .trailer, .requestWithoutQuery: try addNames(command, to: &instruction)
        case .path: instruction.variant = try pathVariant(command)
        case .queryParameter: instruction.first = span(Array(try required(command, "the name of a parameter").utf8))
        case .queryParameters: try check(command, ["ORIG"])
        case .responseCodeDetails: instruction.variant = try choice(command, ["", "ALLOW_WHITESPACES"])
        case .grpcStatus: instruction.variant = try choice(command, ["CAMEL_STRING", "SNAKE_STRING", "NUMBER"])
        case .startTime, .emitTime, .startTimeLocal, .emitTimeLocal, .downstreamPeerValidFrom, .downstreamPeerValidUntil,
            .upstreamPeerValidFrom, .upstreamPeerValidUntil:
            instruction.index = try timeFormat(command)
        case .commonDuration: try addPoints(command, to: &instruction)
        case .dynamicMetadata: instruction.index = try metadataPath(required(command, "FILTER:KEY…"), command)
        case .metadata:
            let parts = try required(command, "TYPE:FILTER:KEY…").split(separator: ":", maxSplits: 1)
            guard parts.count == 2, parts[0] == "DYNAMIC" else {
                throw .argument(operator: command.name, expected: "DYNAMIC:FILTER:KEY…", found: command.argument ?? "")
            }
            instruction.operation = .dynamicMetadata
            instruction.index = try metadataPath(String(parts[1]), command)
        case .filterState, .upstreamFilterState: try addFilterState(command, to: &instruction)
        case .hostname, .environment:
            try addConstant(command, operation, style: style)
            return
        default: try check(command, [])
        }
        instructions.append(instruction)
    }

    // MARK: Arguments

    private func required(_ command: FormatCommand, _ expected: String) throws(FormatError) -> String {
        guard let argument = command.argument, !argument.isEmpty else {
            throw .argument(operator: command.name, expected: expected, found: "")
        }
        return argument
    }

    private func check(_ command: FormatCommand, _ allowed: [String]) throws(FormatError) {
        guard let argument = command.argument, !allowed.contains(argument) else { return }
        let expected = allowed.isEmpty ? "no argument" : allowed.joined(separator: " or ")
        throw .argument(operator: command.name, expected: expected, found: argument)
    }

    /// The argument's place among `allowed`; the first without one.
    private func choice(_ command: FormatCommand, _ allowed: [String]) throws(FormatError) -> UInt8 {
        guard let argument = command.argument else { return 0 }
        guard let index = allowed.firstIndex(of: argument) else {
            throw .argument(operator: command.name, expected: allowed.joined(separator: " or "), found: argument)
        }
        return UInt8(index)
    }

    private mutating func addNames(
        _ command: FormatCommand, to instruction: inout FormatProgram.Instruction
    ) throws(FormatError) {
        let argument = try required(command, "a header name, or two with ? between them")
        let names = argument.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false).map { Array($0.utf8) }
        for (index, name) in names.enumerated() {
            let plain = name.first == UInt8(ascii: ":") ? Array(name.dropFirst()) : name
            guard plain.withUnsafeBytes({ HeaderRules.isValidName($0) }) else {
                throw .argument(operator: command.name, expected: "a header name, or two with ? between them", found: argument)
            }
            let lower = name.map(ASCII.lower)
            let known = lower.withUnsafeBytes { KnownHeader.lookup($0)?.rawValue ?? 0 }
            if index == 0 {
                instruction.first = span(lower)
                instruction.firstKnown = known
            } else {
                instruction.second = span(lower)
                instruction.secondKnown = known
            }
        }
    }

    private func pathVariant(_ command: FormatCommand) throws(FormatError) -> UInt8 {
        guard let argument = command.argument, !argument.isEmpty else { return 0 }
        let parts = argument.split(separator: ":", omittingEmptySubsequences: false)
        var variant: UInt8 = 0
        switch parts[0] {
        case "WQ", "": break
        case "NQ": variant = PathVariant.withoutQuery
        default: throw .argument(operator: command.name, expected: "WQ or NQ", found: argument)
        }
        guard parts.count <= 2 else { throw .argument(operator: command.name, expected: "X:Y", found: argument) }
        switch parts.count == 2 ? parts[1] : "" {
        case "ORIG_OR_PATH", "": break
        case "ORIG": variant |= PathVariant.original
        case "PATH": variant |= PathVariant.path
        default: throw .argument(operator: command.name, expected: "ORIG, PATH or ORIG_OR_PATH", found: argument)
        }
        return variant
    }

    /// - Returns: 0 for the default format, else one more than the index.
    private mutating func timeFormat(_ command: FormatCommand) throws(FormatError) -> UInt16 {
        guard let argument = command.argument, !argument.isEmpty else { return 0 }
        guard let format = TimeFormat(argument), timeFormats.count < Int(UInt16.max) else {
            throw .argument(operator: command.name, expected: "a strftime format", found: argument)
        }
        timeFormats.append(format)
        return UInt16(timeFormats.count)
    }

    private func addPoints(_ command: FormatCommand, to instruction: inout FormatProgram.Instruction) throws(FormatError) {
        let points: [Substring: StreamTimes.Point] = [
            "DS_RX_BEG": .start, "DS_RX_END": .lastDownstreamReceive, "US_CX_END": .upstreamConnectionReady,
            "US_TX_BEG": .firstUpstreamSend, "US_TX_END": .lastUpstreamSend, "US_RX_BEG": .firstUpstreamReceive,
            "US_RX_END": .lastUpstreamReceive, "DS_TX_BEG": .firstDownstreamSend, "DS_TX_END": .lastDownstreamSend,
            "DS_HX_END": .downstreamHandshakeComplete,
        ]
        let units: [Substring: UInt8] = [
            "ms": DurationUnit.milliseconds, "us": DurationUnit.microseconds, "ns": DurationUnit.nanoseconds,
        ]
        let argument = try required(command, "FROM:TO:UNIT")
        let parts = argument.split(separator: ":")
        guard parts.count == 3, let from = points[parts[0]], let to = points[parts[1]], let unit = units[parts[2]] else {
            let expected = "FROM:TO:UNIT of \(points.keys.sorted().joined(separator: ", ")) and ms, us, ns"
            throw .argument(operator: command.name, expected: expected, found: argument)
        }
        instruction.from = from
        instruction.to = to
        instruction.variant = unit
    }

    private mutating func metadataPath(_ argument: String, _ command: FormatCommand) throws(FormatError) -> UInt16 {
        let path = argument.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        guard !path.contains(""), metadataPaths.count < Int(UInt16.max) else {
            throw .argument(operator: command.name, expected: "FILTER:KEY…", found: argument)
        }
        metadataPaths.append(path)
        return UInt16(metadataPaths.count - 1)
    }

    /// `KEY`, `KEY:TYPED`, `KEY:PLAIN`, or `KEY:FIELD:NAME`, which no object here has.
    private mutating func addFilterState(
        _ command: FormatCommand, to instruction: inout FormatProgram.Instruction
    ) throws(FormatError) {
        let expected = "KEY, KEY:PLAIN, KEY:TYPED or KEY:FIELD:NAME"
        let argument = try required(command, expected)
        let parts = argument.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        let kinds: [[String]: UInt8] = [[]: FilterStateKind.typed, ["TYPED"]: FilterStateKind.typed, ["PLAIN"]: FilterStateKind.plain]
        let isField = parts.count == 3 && parts[1] == "FIELD" && !parts[2].isEmpty
        guard let key = parts.first, !key.isEmpty, let kind = isField ? FilterStateKind.field : kinds[Array(parts.dropFirst())] else {
            throw .argument(operator: command.name, expected: expected, found: argument)
        }
        instruction.variant = kind
        instruction.first = span(Array(key.utf8))
    }

    /// What does not change while the process runs becomes a literal.
    private mutating func addConstant(
        _ command: FormatCommand, _ operation: FormatOperation, style: FormatProgram.Style
    ) throws(FormatError) {
        var value: String?
        if operation == .hostname {
            try check(command, [])
            value = environment.hostname.isEmpty ? nil : environment.hostname
        } else {
            value = environment.variables[try required(command, "the name of a variable")]
        }
        if let limit = command.limit { value = value.map { String(decoding: $0.utf8.prefix(Int(limit)), as: UTF8.self) } }
        guard style == .typedJSON else {
            constant(value ?? "-")
            return
        }
        literal(value.map { "\"" + FormatBuilder.escapedJSON($0) + "\"" } ?? "null")
    }
}

/// One `%NAME(ARGUMENT):LENGTH%` of a format.
struct FormatCommand {
    let name: String
    let argument: String?
    let limit: Int32?
    /// Of the first percent sign.
    let offset: Int
    /// Behind the last one.
    let end: Int

    /// - Returns: nil when no operator begins at `start`.
    init?(_ bytes: [UInt8], at start: Int) {
        offset = start
        var index = start + 1
        while index < bytes.count, FormatCommand.isNameByte(bytes[index]) { index += 1 }
        guard index > start + 1, index < bytes.count else { return nil }
        name = String(decoding: bytes[start + 1..<index], as: UTF8.self)
        guard bytes[index] == UInt8(ascii: "(") else {
            guard let (limit, end) = FormatCommand.tail(bytes, at: index) else { return nil }
            (argument, self.limit, self.end) = (nil, limit, end)
            return
        }
        // The argument may hold percent signs and parentheses (time formats do): it ends at the first parenthesis that
        // a length and a percent sign follow.
        let begin = index + 1
        while let close = bytes[index...].firstIndex(of: UInt8(ascii: ")")) {
            if let (limit, end) = FormatCommand.tail(bytes, at: close + 1) {
                argument = String(decoding: bytes[begin..<close], as: UTF8.self)
                (self.limit, self.end) = (limit, end)
                return
            }
            index = close + 1
        }
        return nil
    }

    private static func isNameByte(_ byte: UInt8) -> Bool {
        (byte >= 0x41 && byte <= 0x5A) || (byte >= 0x30 && byte <= 0x39) || byte == 0x5F
    }

    /// Reads `%` or `:LENGTH%`.
    private static func tail(_ bytes: [UInt8], at start: Int) -> (limit: Int32?, end: Int)? {
        guard start < bytes.count else { return nil }
        if bytes[start] == UInt8(ascii: "%") { return (nil, start + 1) }
        guard bytes[start] == UInt8(ascii: ":"), let percent = bytes[start...].firstIndex(of: UInt8(ascii: "%")),
            let limit = Int32(String(decoding: bytes[start + 1..<percent], as: UTF8.self)), limit >= 0,
            bytes[start + 1] != UInt8(ascii: "+")
        else { return nil }
        return (limit, percent + 1)
    }
}
