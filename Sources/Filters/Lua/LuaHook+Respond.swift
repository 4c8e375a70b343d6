import Bytes
import DataPlane
import HTTPModel
import LuaRuntime
import Observability
import Reactor
import TrafficPolicy

extension LuaHook {
    /// `respond(headers, body)`: answers the request, or replaces the response. The script never goes on.
    func respond(_ call: borrowing LuaCall) -> LuaReply {
        guard !headReleased else { return call.fail("respond() cannot be called if headers have been continued") }
        guard call.type(1) == .table else { return call.badArgument(1, expected: "table") }
        guard call.isNil(2) || call.bytes(2) != nil else { return call.badArgument(2, expected: "string") }
        let fields: [LuaHeaderField]
        do throws(LuaHeaderError) {
            fields = try LuaHeaderField.list(call, 1, method: "respond")
        } catch {
            return error.raise(call)
        }
        var status = 0
        var headers: [(name: String, value: String)] = []
        for field in fields {
            if field.name == Array(":status".utf8) {
                // Of two statuses none counts.
                let isFirst = status == 0
                status = field.value.withUnsafeBytes { isFirst && HeaderText.isFinalStatus($0) ? Int($0.decimal ?? 0) : -1 }
                continue
            }
            if let problem = field.problem(.response) { return call.fail(problem) }
            // The proxy says itself how long its answer is.
            if field.name == Array("content-length".utf8) || field.name == Array("transfer-encoding".utf8) { continue }
            headers.append((String(decoding: field.name, as: UTF8.self), String(decoding: field.value, as: UTF8.self)))
        }
        guard status > 0 else { return call.fail(":status must be between 200-599") }
        explain("respond with \(status)")
        reply = LocalReply(status: status, bytes: call.bytes(2).map { Array($0) } ?? [], details: "lua_response", headers: headers)
        return call.yield(Wait.respond.reason)
    }
}

/// One field of a table of headers that a script hands over.
struct LuaHeaderField {
    /// Lower-case.
    let name: [UInt8]
    let value: [UInt8]

    /// The fields of a table: string keys; strings, numbers or lists of them as values.
    static func list(_ call: borrowing LuaCall, _ index: Int, method: String) throws(LuaHeaderError) -> [LuaHeaderField] {
        let table: LuaValue
        do throws(LuaValueError) {
            table = try call.value(index)
        } catch {
            switch error {
            case .unsupported(let type): throw .badValue(type)
            case .mixedKeys(let type) where type != "number": throw .badKey(type)
            case .mixedKeys: throw .message("invalid key to 'next'")
            case .tooDeep, .tooLarge: throw .message("the table of headers is too large")
            case .exhausted: throw .message("not enough memory")
            }
        }
        guard case .map(let entries) = table else { throw .message("invalid key to 'next'") }
        var fields: [LuaHeaderField] = []
        for entry in entries {
            let name = entry.key.map { ASCII.lower($0) }
            switch entry.value {
            case .array(let values):
                // A list may have holes.
                for value in values where value != .nil { fields.append(LuaHeaderField(name: name, value: try text(value, isNested: true))) }
            case .map(let values):
                for nested in values { fields.append(LuaHeaderField(name: name, value: try text(nested.value, isNested: true))) }
            default: fields.append(LuaHeaderField(name: name, value: try text(entry.value)))
            }
        }
        return fields
    }

    private static func text(_ value: LuaValue, isNested: Bool = false) throws(LuaHeaderError) -> [UInt8] {
        switch value {
        case .string(let bytes): return bytes
        case .number(let number): return Array(text(number).utf8)
        case .boolean: throw .badValue("boolean", isNested: isNested)
        case .nil: throw .badValue("nil", isNested: isNested)
        case .array, .map: throw .badValue("table", isNested: isNested)
        }
    }

    /// A number as Lua writes it where it matters for headers: whole numbers without a point.
    private static func text(_ number: Double) -> String {
        Int(exactly: number).map(String.init) ?? "\(number)"
    }

    /// Why the field cannot be part of a message; nil when it can.
    func problem(_ section: HeaderText.Section) -> String? {
        name.withUnsafeBytes { name in value.withUnsafeBytes { HeaderText.problem(name, $0, section) } }
    }
}

/// Why a table of headers cannot be used.
enum LuaHeaderError: Error {
    case message(String)
    /// A key of this type where a string belongs.
    case badKey(String)
    /// A value of this type where a string belongs, or another type.
    case badValue(String, isNested: Bool = false, expected: String = "string")
    /// The argument itself.
    case badArgument(Int, expected: String)

    /// Raises it. Envoy counts the argument in its own stack: behind all that were given, key and value.
    func raise(_ call: borrowing LuaCall) -> LuaReply {
        switch self {
        case .message(let text): call.fail(text)
        case .badKey(let type): call.badArgument(call.count + 2, "string expected, got \(type)")
        case .badValue(let type, let isNested, let expected):
            call.badArgument(call.count + (isNested ? 5 : 3), "\(expected) expected, got \(type)")
        case .badArgument(let index, let expected): call.badArgument(index, expected: expected)
        }
    }
}
