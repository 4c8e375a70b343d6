import CLuaJIT

extension LuaValue {
    /// Appends the value in the shim's encoding.
    func encode(into buffer: UnsafeMutablePointer<hlua_buffer>) {
        switch self {
        case .nil: hlua_put_tag(buffer, UInt8(HLUA_OP_NIL))
        case .boolean(let flag): hlua_put_tag(buffer, UInt8(flag ? HLUA_OP_TRUE : HLUA_OP_FALSE))
        case .number(let number): hlua_put_number(buffer, number)
        case .string(let bytes): Self.encode(bytes, into: buffer)
        case .array(let elements):
            hlua_put_table(buffer, UInt32(clamping: elements.count), 0)
            for (index, element) in elements.enumerated() {
                hlua_put_number(buffer, Double(index + 1))
                element.encode(into: buffer)
            }
            hlua_put_tag(buffer, UInt8(HLUA_OP_END))
        case .map(let fields):
            hlua_put_table(buffer, 0, UInt32(clamping: fields.count))
            for field in fields {
                Self.encode(field.key, into: buffer)
                field.value.encode(into: buffer)
            }
            hlua_put_tag(buffer, UInt8(HLUA_OP_END))
        }
    }

    private static func encode(_ bytes: [UInt8], into buffer: UnsafeMutablePointer<hlua_buffer>) {
        bytes.withUnsafeBytes { hlua_put_string(buffer, $0.baseAddress, UInt32(clamping: $0.count)) }
    }
}

/// Reads values in the shim's encoding.
struct LuaValueReader {
    private var rest: UnsafeRawBufferPointer

    init(_ bytes: UnsafeRawBufferPointer) { rest = bytes }

    /// The next value; the shim wrote the bytes, so a bad tag is our bug.
    mutating func next() throws(LuaValueError) -> LuaValue {
        switch Int(takeByte()) {
        case HLUA_OP_NIL: return .nil
        case HLUA_OP_FALSE: return .boolean(false)
        case HLUA_OP_TRUE: return .boolean(true)
        case HLUA_OP_NUMBER: return .number(take(Double.self))
        case HLUA_OP_STRING: return .string(takeString())
        case HLUA_OP_TABLE: return try table()
        case let tag: preconditionFailure("unknown tag \(tag) in an encoded Lua value")
        }
    }

    private mutating func table() throws(LuaValueError) -> LuaValue {
        _ = take(UInt64.self)
        var elements: [(index: Double, value: LuaValue)] = []
        var fields: [LuaField] = []
        while rest[0] != UInt8(HLUA_OP_END) {
            switch try next() {
            case .string(let key): fields.append(LuaField(key, try next()))
            case .number(let index): elements.append((index, try next()))
            case .boolean: throw .mixedKeys("boolean")
            default: throw .mixedKeys("table")
            }
        }
        _ = takeByte()
        if elements.isEmpty { return .map(fields) }
        guard fields.isEmpty else { throw .mixedKeys("number") }
        return .array(try ordered(elements))
    }

    /// How many elements a list may have that has few values and else holes.
    private static let sparseCount = 64

    /// A list may have holes, but must not be mostly made of them: a script would fill memory with nothing.
    private func ordered(_ elements: [(index: Double, value: LuaValue)]) throws(LuaValueError) -> [LuaValue] {
        let last = elements.reduce(0) { max($0, $1.index) }
        guard last <= Double(max(2 * elements.count, Self.sparseCount)) else { throw .mixedKeys("number") }
        var values = [LuaValue](repeating: .nil, count: Int(last))
        for (index, value) in elements {
            guard index >= 1, index <= Double(values.count), index == index.rounded() else { throw .mixedKeys("number") }
            values[Int(index) - 1] = value
        }
        return values
    }

    private mutating func takeByte() -> UInt8 { take(UInt8.self) }

    private mutating func take<T: BitwiseCopyable>(_: T.Type) -> T {
        let value = rest.loadUnaligned(as: T.self)
        rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(MemoryLayout<T>.size))
        return value
    }

    private mutating func takeString() -> [UInt8] {
        let count = Int(take(UInt32.self))
        defer { rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(count)) }
        return Array(rest.prefix(count))
    }
}
