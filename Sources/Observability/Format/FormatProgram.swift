import Bytes
import HTTPModel

/// A compiled format: instructions without references, and one pool of all text that they need. Running it retains and
/// allocates nothing, but for metadata, which is a tree, and the facts of `FormatProgram+Facts`.
final class FormatProgram: Sendable {
    /// A part of the pool.
    struct Span {
        var offset: UInt32 = 0
        var count: UInt32 = 0
    }

    /// In what surroundings a value is written.
    enum Style: UInt8 {
        /// Among other text.
        case text
        /// Alone as a JSON value: numbers stay numbers, what is absent is null.
        case typedJSON
    }

    struct Instruction {
        var operation: FormatOperation
        var style = Style.text
        /// Most bytes of the value before escaping, -1 without a limit.
        var limit: Int32 = -1
        /// Literal, first header name or argument.
        var first = Span()
        /// Second header name (`?Y`).
        var second = Span()
        /// Raw values of ``KnownHeader`` for `first` and `second`, 0 when the proxy does not know the name.
        var firstKnown: UInt8 = 0
        var secondKnown: UInt8 = 0
        /// What the operation's argument says; see ``FormatParser``.
        var variant: UInt8 = 0
        /// Index of a time format or metadata path.
        var index: UInt16 = 0
        var from = StreamTimes.Point.start
        var to = StreamTimes.Point.end
    }

    // Safety: both are written in `init` only and freed in `deinit`; `instructions` has `count` elements and every span in
    // them lies within `pool`.
    nonisolated(unsafe) private let instructions: UnsafeMutablePointer<Instruction>
    nonisolated(unsafe) private let pool: UnsafeMutableRawPointer
    let count: Int
    let escaping: TextEscaping
    let omitsEmpty: Bool
    let timeFormats: [TimeFormat]
    let metadataPaths: [[String]]
    let instanceID: UInt64
    let timeZone: @Sendable (Int64) -> FormatEnvironment.TimeZone

    init(_ builder: borrowing FormatBuilder, escaping: TextEscaping, omitsEmpty: Bool, instanceID: UInt64) {
        count = builder.instructions.count
        instructions = .allocate(capacity: max(count, 1))
        instructions.initialize(from: builder.instructions, count: count)
        pool = .allocate(byteCount: max(builder.pool.count, 1), alignment: 1)
        UnsafeMutableRawBufferPointer(start: pool, count: builder.pool.count).copyBytes(from: builder.pool)
        self.escaping = escaping
        self.omitsEmpty = omitsEmpty
        timeFormats = builder.timeFormats
        metadataPaths = builder.metadataPaths
        self.instanceID = instanceID
        timeZone = builder.environment.timeZone
    }

    deinit {
        instructions.deallocate()
        pool.deallocate()
    }

    /// Whether no instruction looks at the stream.
    var isConstant: Bool { (0..<count).allSatisfy { instructions[$0].operation == .literal } }

    func text(_ span: Span) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: pool + Int(span.offset), count: Int(span.count))
    }

    /// Appends what the instructions say.
    func run(
        to writer: inout ByteWriter, request: borrowing HeaderBlock, response: borrowing HeaderBlock,
        trailers: borrowing HeaderBlock, info: borrowing StreamInfo
    ) {
        var fieldMark = writer.count
        for position in 0..<count {
            let instruction = instructions[position]
            switch instruction.operation {
            case .literal:
                writer.append(text(instruction.first))
            case .jsonKey, .jsonItem:
                fieldMark = writer.count
                separate(&writer)
                writer.append(text(instruction.first))
            default:
                let mark = writer.count
                let isQuoted = instruction.style == .typedJSON && !instruction.operation.writesJSON
                if isQuoted { writer.append(0x22) }
                let isPresent = evaluate(
                    instruction, to: &writer, request: request, response: response, trailers: trailers, info: info)
                if isPresent {
                    if isQuoted { writer.append(0x22) }
                    continue
                }
                writer.truncate(to: mark)
                writeAbsent(instruction, fieldMark: fieldMark, to: &writer)
            }
        }
    }

    private func writeAbsent(_ instruction: Instruction, fieldMark: Int, to writer: inout ByteWriter) {
        switch (instruction.style, omitsEmpty) {
        case (.text, false): writer.append(0x2D)
        case (.text, true): break
        case (.typedJSON, false): writer.append("null")
        case (.typedJSON, true): writer.truncate(to: fieldMark)
        }
    }

    /// Writes the comma before all but the first field or item.
    private func separate(_ writer: inout ByteWriter) {
        let bytes = writer.bytes
        guard let last = bytes.last, last != 0x7B, last != 0x5B else { return }
        writer.append(0x2C)
    }
}

/// Collects the parts of a program.
struct FormatBuilder: ~Copyable {
    /// Longest format that is compiled.
    static let maximumLength = 64 * 1024

    var instructions: [FormatProgram.Instruction] = []
    var pool: [UInt8] = []
    var timeFormats: [TimeFormat] = []
    var metadataPaths: [[String]] = []
    let environment: FormatEnvironment
    /// How literals and constants are escaped: those of JSON strings as JSON; a constant value in a log line as a value.
    var constantEscaping = TextEscaping.none

    init(environment: FormatEnvironment) {
        self.environment = environment
    }

    mutating func span(_ bytes: some Collection<UInt8>) -> FormatProgram.Span {
        let span = FormatProgram.Span(offset: UInt32(pool.count), count: UInt32(bytes.count))
        pool += bytes
        return span
    }

    /// Adds literal text; one literal after another become one.
    mutating func literal(_ bytes: some Collection<UInt8>) {
        guard !bytes.isEmpty else { return }
        let added = span(bytes)
        if let last = instructions.last, last.operation == .literal, last.first.offset + last.first.count == added.offset {
            instructions[instructions.count - 1].first.count += added.count
        } else {
            instructions.append(FormatProgram.Instruction(operation: .literal, first: added))
        }
    }

    mutating func literal(_ text: String) { literal(Array(text.utf8)) }

    /// Adds a value that is known already, escaped like any other value.
    mutating func constant(_ text: String) {
        var writer = ByteWriter()
        Array(text.utf8).withUnsafeBytes { writer.append($0, constantEscaping) }
        literal(Array(writer.bytes))
    }
}
