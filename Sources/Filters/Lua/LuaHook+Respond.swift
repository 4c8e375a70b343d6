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
                status = field.value.withUnsafeBytes { HeaderText.isFinalStatus($0) ? Int($0.decimal ?? 0) : 0 }
                continue
            }
            if let problem = field.problem(.response) { return call.fail(problem) }
            // The proxy says itself how long its answer is.
            if field.name == Array("content-length".utf8) || field.name == Array("transfer-encoding".utf8) { continue }
            headers.append((String(decoding: field.name, as: UTF8.self), String(decoding: field.value, as: UTF8.self)))
        }
        guard status != 0 else { return call.fail(":status must be between 200-599") }
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
            case .mixedKeys: throw .message("invalid key to 'next'")
            case .tooDeep, .tooLarge: throw .message("the table of headers is too large")
            case .exhausted: throw .message("not enough memory")
            }
        }
        guard case .map(let entries) = table else { throw .message("invalid key to 'next'") }
        var fields: [LuaHeaderField] = []
        for entry in entries {
            let name = entry.key.map { ASCII.lower($0) }
            if case .array(let values) = entry.value {
                for value in values { fields.append(LuaHeaderField(name: name, value: try text(value))) }
            } else if case .map(let nested) = entry.value, nested.isEmpty {
                continue
            } else {
                fields.append(LuaHeaderField(name: name, value: try text(entry.value)))
            }
        }
        return fields
    }

    private static func text(_ value: LuaValue) throws(LuaHeaderError) -> [UInt8] {
        switch value {
        case .string(let bytes): return bytes
        case .number(let number): return Array(text(number).utf8)
        case .boolean: throw .badValue("boolean")
        case .nil: throw .badValue("nil")
        case .array, .map: throw .badValue("table")
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
    /// A value of this type where a string belongs.
    case badValue(String)

    /// Raises it. Envoy counts the argument in its own stack: behind all that were given, key and value.
    func raise(_ call: borrowing LuaCall) -> LuaReply {
        switch self {
        case .message(let text): call.fail(text)
        case .badValue(let type): call.badArgument(call.count + 3, "string expected, got \(type)")
        }
    }
}
