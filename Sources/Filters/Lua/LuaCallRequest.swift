import Bytes
import DataPlane
import HTTPModel
import LuaRuntime
import Reactor
import TrafficPolicy

/// A call of another service as a script asked for it, ready to begin.
@WorkerActor struct LuaCallPlan {
    let call: UpstreamCall
    let cluster: Cluster
    /// Nanoseconds; 0 for none.
    let timeout: UInt64
    /// The script does not wait for the answer.
    let isAsynchronous: Bool
    let keepsDuplicates: Bool

    /// Hands the script the answer: a table of headers, and the body or nil.
    func addResult(to results: borrowing LuaValues) {
        let fields = call.responseHeaders.fields
        results.addTable(recordHint: fields.count) { table in
            for (index, field) in fields.enumerated() {
                let later = fields[(index + 1)...].contains { $0.name == field.name }
                if keepsDuplicates {
                    guard !fields[..<index].contains(where: { $0.name == field.name }) else { continue }
                    table.add(field.name)
                    let all = fields.filter { $0.name == field.name }.map { LuaValue.text($0.value) }
                    if all.count == 1 { table.add(field.value) } else { table.add(.array(all)) }
                } else if !later {
                    table.add(field.name)
                    table.add(field.value)
                }
            }
        }
        if call.responseBody.isEmpty {
            results.add()
        } else {
            call.responseBody.withUnsafeBytes { results.add($0) }
        }
    }
}

/// Reads the arguments of `httpCall`.
@WorkerActor struct LuaCallRequest {
    enum Outcome {
        case planned(LuaCallPlan)
        case refused(LuaReply)
    }

    private let worker: WorkerContext
    private let bodyLimit: Int
    private let localAddress: SocketAddress.IP?
    private let whenDone: @WorkerActor (UpstreamCall) -> Void
    private let background: LuaBackgroundCalls

    /// - Parameters:
    ///   - bodyLimit: longest answer in bytes; 0 for no bound.
    ///   - localAddress: what the callee sees as `x-forwarded-for`.
    ///   - background: of the filter.
    ///   - whenDone: of a call that the script waits for.
    init(
        worker: WorkerContext, bodyLimit: Int, localAddress: SocketAddress.IP?, _ background: LuaBackgroundCalls,
        whenDone: @escaping @WorkerActor (UpstreamCall) -> Void
    ) {
        self.background = background
        self.worker = worker
        self.bodyLimit = bodyLimit
        self.localAddress = localAddress
        self.whenDone = whenDone
    }

    func plan(_ lua: borrowing LuaCall) -> Outcome {
        // In Envoy's order, since the first thing that is wrong is what a script hears of.
        let options: LuaCallOptions
        let fields: [LuaHeaderField]
        let cluster: Cluster
        do throws(LuaHeaderError) {
            options = try LuaCallOptions(lua)
            guard let name = lua.bytes(1) else { throw .badArgument(1, expected: "string") }
            guard lua.type(2) == .table else { throw .badArgument(2, expected: "table") }
            guard let found = worker.clusters.find(name) else { throw .message("http call cluster invalid. Must be configured") }
            cluster = found
            fields = try LuaHeaderField.list(lua, 2, method: "httpCall")
        } catch {
            return .refused(error.raise(lua))
        }
        for field in fields {
            if let problem = field.problem(.request) { return .refused(lua.fail(problem)) }
        }
        let call = makeCall(fields, options, bodyCount: lua.bytes(3)?.count ?? 0)
        lua.charge(fuel: Self.callFuel)
        guard call.requestHeaders.has(.path), call.requestHeaders.has(.method), call.requestHeaders.has(.authority) else {
            return .refused(lua.fail("http call headers must include ':path', ':method', and ':authority'"))
        }
        guard lua.isNil(3) || lua.bytes(3) != nil else { return .refused(lua.badArgument(3, expected: "string")) }
        if let body = lua.bytes(3) {
            lua.charge(bytes: body.count)
            call.requestBody = Array(body)
        }
        guard !options.isAsynchronous || background.begin(call.requestBody.count) else {
            return .refused(lua.fail("too many asynchronous http calls are under way"))
        }
        return .planned(
            LuaCallPlan(
                call: call, cluster: cluster, timeout: UInt64(min(options.timeoutMilliseconds, LuaCallOptions.longestTimeout) * 1e6),
                isAsynchronous: options.isAsynchronous, keepsDuplicates: options.keepsDuplicates))
    }

    /// What making a call costs, and beginning it.
    private static let callFuel = 2_000

    private func makeCall(_ fields: [LuaHeaderField], _ options: LuaCallOptions, bodyCount: Int) -> UpstreamCall {
        let background = background
        let call = UpstreamCall(
            worker: worker, bodyLimit: bodyLimit, whenDone: options.isAsynchronous ? { _ in background.end(bodyCount) } : whenDone)
        // Pseudo-headers come first on the wire.
        for isPseudo in [true, false] {
            for field in fields where (field.name.first == UInt8(ascii: ":")) == isPseudo {
                field.name.withUnsafeBytes { name in
                    field.value.withUnsafeBytes { value in
                        if name.equals("host") {
                            call.requestHeaders.set(.authority, value)
                        } else if isPseudo {
                            call.requestHeaders.set(name, value)
                        } else {
                            call.requestHeaders.append(name, value)
                        }
                    }
                }
            }
        }
        if !call.requestHeaders.has(.scheme) { call.requestHeaders.append(.scheme, "http") }
        call.requestHeaders.set("x-envoy-internal", "true")
        if options.timeoutMilliseconds > 0, options.timeoutMilliseconds < LuaCallOptions.longestTimeout {
            call.requestHeaders.set(.xEnvoyExpectedRequestTimeoutMS, decimal: Int(options.timeoutMilliseconds))
        }
        if options.sendsForwardedFor, let localAddress {
            var text = ByteWriter(capacity: 64)
            if let given = call.requestHeaders.get(.xForwardedFor) {
                text.append(given)
                text.append(",")
            }
            localAddress.append(to: &text)
            call.requestHeaders.set(.xForwardedFor, text.bytes)
        }
        return call
    }
}

/// The fourth argument of `httpCall`: a timeout and perhaps a flag behind it, or a table.
struct LuaCallOptions {
    private(set) var isAsynchronous = false
    private(set) var timeoutMilliseconds = 0.0
    private(set) var keepsDuplicates = false
    private(set) var sendsForwardedFor = true

    /// Milliseconds; a longer timeout is none that anybody would live to see.
    static let longestTimeout = 1e12

    init(_ lua: borrowing LuaCall) throws(LuaHeaderError) {
        if lua.type(4) == .table {
            let table: LuaValue
            do throws(LuaValueError) {
                table = try lua.value(4)
            } catch {
                if case .mixedKeys(let type) = error, type != "number" { throw .badKey(type) }
                throw .message("httpCall() options must be a table of plain values")
            }
            guard case .map(let entries) = table else { throw Self.unknownKey("1") }
            for entry in entries { try set(entry) }
            return
        }
        if lua.count >= 5 {
            guard let flag = lua.boolean(5) else {
                throw .message("http call asynchronous flag must be 'true', 'false', or empty")
            }
            isAsynchronous = flag
        }
        guard let timeout = lua.number(4) else { throw .badArgument(4, expected: "number") }
        try setTimeout(timeout)
    }

    private mutating func setTimeout(_ milliseconds: Double) throws(LuaHeaderError) {
        timeoutMilliseconds = milliseconds.isNaN ? 0 : milliseconds.rounded(.towardZero)
        guard timeoutMilliseconds >= 0 else { throw .message("http call timeout must be >= 0") }
    }

    private static func unknownKey(_ key: String) -> LuaHeaderError { .message("\"\(key)\" is not valid key for httpCall() options") }

    private mutating func set(_ entry: LuaField) throws(LuaHeaderError) {
        let key = String(decoding: entry.key, as: UTF8.self)
        // What is neither false nor nil is true in Lua.
        let flag = entry.value != .boolean(false)
        switch key {
        case "timeout_ms":
            guard let number = entry.value.number else { throw .badValue(entry.value.typeName, expected: "number") }
            try setTimeout(number)
        case "asynchronous": isAsynchronous = flag
        case "return_duplicate_headers": keepsDuplicates = flag
        case "send_xff": sendsForwardedFor = flag
        // There is no trace yet whose sampling could be decided.
        case "trace_sampled": break
        default: throw Self.unknownKey(key)
        }
    }
}

extension LuaValue {
    /// A number, or text that reads as one.
    fileprivate var number: Double? {
        switch self {
        case .number(let number): number
        case .string(let bytes): Double(String(decoding: bytes, as: UTF8.self).split { $0.isWhitespace }.joined(separator: " "))
        default: nil
        }
    }

    fileprivate var typeName: String {
        switch self {
        case .nil: "nil"
        case .boolean: "boolean"
        case .number: "number"
        case .string: "string"
        case .array, .map: "table"
        }
    }
}
