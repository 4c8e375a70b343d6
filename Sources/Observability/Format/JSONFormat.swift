public import Bytes
public import HTTPModel

/// An access log line as a JSON object, compiled from the `json_format` struct of the configuration.
///
/// A string that is one operator keeps its type (numbers, null when absent, objects for metadata); among other text it is
/// text. Keys are sorted, so that a line always has the same form.
public struct JSONFormat: Sendable {
    /// Deepest nesting that is compiled.
    public static let maximumDepth = 32

    let program: FormatProgram

    /// - Parameters:
    ///   - tree: the struct, an object as a rule.
    ///   - omitsEmpty: leave out fields whose value is absent.
    public init(
        _ tree: MetadataValue, environment: FormatEnvironment, omitsEmpty: Bool = false
    ) throws(FormatError) {
        var builder = FormatBuilder(environment: environment)
        builder.constantEscaping = .json
        try builder.add(json: tree, depth: 0)
        builder.literal("\n")
        program = FormatProgram(builder, escaping: .json, omitsEmpty: omitsEmpty, instanceID: environment.instanceID)
    }

    /// Appends the line for one stream, its newline included.
    public func append(
        to writer: inout ByteWriter, request: borrowing HeaderBlock, response: borrowing HeaderBlock,
        trailers: borrowing HeaderBlock, info: borrowing StreamInfo
    ) {
        program.run(to: &writer, request: request, response: response, trailers: trailers, info: info)
    }
}

extension FormatBuilder {
    mutating func add(json value: MetadataValue, depth: Int) throws(FormatError) {
        guard depth < JSONFormat.maximumDepth else { throw .tooLong(limit: JSONFormat.maximumDepth) }
        switch value {
        case .null: literal("null")
        case .bool(let value): literal(value ? "true" : "false")
        case .number:
            var scratch = ByteWriter()
            value.appendJSON(to: &scratch)
            literal(Array(scratch.bytes))
        case .string(let text): try add(jsonString: text)
        case .bytes(let bytes): try add(jsonString: String(decoding: bytes, as: UTF8.self))
        case .list(let items):
            literal("[")
            for item in items {
                instructions.append(FormatProgram.Instruction(operation: .jsonItem))
                try add(json: item, depth: depth + 1)
            }
            literal("]")
        case .object(let fields):
            literal("{")
            for (key, field) in fields.sorted(by: { $0.key < $1.key }) {
                let name = span(Array(("\"" + FormatBuilder.escapedJSON(key) + "\":").utf8))
                instructions.append(FormatProgram.Instruction(operation: .jsonKey, first: name))
                try add(json: field, depth: depth + 1)
            }
            literal("}")
        }
    }

    private mutating func add(jsonString text: String) throws(FormatError) {
        let bytes = Array(text.utf8)
        if bytes.first == UInt8(ascii: "%"), let command = FormatCommand(bytes, at: 0), command.end == bytes.count {
            try add(command, style: .typedJSON)
            return
        }
        literal("\"")
        try parse(text)
        literal("\"")
    }

    static func escapedJSON(_ text: String) -> String {
        var writer = ByteWriter()
        Array(text.utf8).withUnsafeBytes { writer.appendJSON($0) }
        return writer.text
    }
}

extension MetadataValue {
    /// Appends the value as JSON. Whole numbers have no fraction; keys are sorted; what JSON has no number for is null.
    public func appendJSON(to writer: inout ByteWriter) {
        switch self {
        case .null: writer.append("null")
        case .bool(let value): writer.append(value ? "true" : "false")
        case .number(let value):
            if let whole = Int64(exactly: value), whole.magnitude < 1 << 53 {
                writer.append(decimal: whole)
            } else {
                writer.append(value.isFinite ? value.description : "null")
            }
        case .string(var text):
            writer.append(0x22)
            text.withUTF8 { writer.appendJSON(UnsafeRawBufferPointer($0)) }
            writer.append(0x22)
        case .bytes(let bytes): MetadataValue.string(String(decoding: bytes, as: UTF8.self)).appendJSON(to: &writer)
        case .list(let items):
            writer.append(0x5B)
            for (index, item) in items.enumerated() {
                if index > 0 { writer.append(0x2C) }
                item.appendJSON(to: &writer)
            }
            writer.append(0x5D)
        case .object(let fields):
            writer.append(0x7B)
            for (index, field) in fields.sorted(by: { $0.key < $1.key }).enumerated() {
                if index > 0 { writer.append(0x2C) }
                MetadataValue.string(field.key).appendJSON(to: &writer)
                writer.append(0x3A)
                field.value.appendJSON(to: &writer)
            }
            writer.append(0x7D)
        }
    }
}
