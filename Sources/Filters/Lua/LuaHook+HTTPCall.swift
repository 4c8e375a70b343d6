import Bytes
import DataPlane
import HTTPModel
import LuaRuntime
import Observability
import Reactor
import TrafficPolicy

/// `httpCall`: asks a service of the configuration, waiting for its answer or not.
extension LuaHook {
    private struct CallOptions {
        var isAsynchronous = false
        var timeoutMilliseconds = 0.0
        var keepsDuplicates = false
        var sendsForwardedFor = true
    }

    func httpCall(_ lua: borrowing LuaCall) -> LuaReply {
        guard let stream else { return .results }
        guard let name = lua.bytes(1) else { return lua.badArgument(1, expected: "string") }
        guard lua.type(2) == .table else { return lua.badArgument(2, expected: "table") }
        guard lua.isNil(3) || lua.bytes(3) != nil else { return lua.badArgument(3, expected: "string") }
        let options: CallOptions
        let fields: [LuaHeaderField]
        do throws(LuaHeaderError) {
            options = try Self.options(lua)
            fields = try LuaHeaderField.list(lua, 2, method: "httpCall")
        } catch {
            if case .badValue("number") = error { return lua.badArgument(4, expected: "number") }
            return error.raise(lua)
        }
        guard options.timeoutMilliseconds >= 0 else { return lua.fail("http call timeout must be >= 0") }
        guard let cluster = stream.worker.clusters.find(name) else {
            return lua.fail("http call cluster invalid. Must be configured")
        }
        for field in fields {
            if let problem = field.problem(.request) { return lua.fail(problem) }
        }
        let call = makeCall(stream, fields, options)
        guard call.requestHeaders.has(.path), call.requestHeaders.has(.method), call.requestHeaders.has(.authority) else {
            return lua.fail("http call headers must include ':path', ':method', and ':authority'")
        }
        if let body = lua.bytes(3) { call.requestBody = Array(body) }
        factory.stats[.httpCalls].add()
        let timeout = UInt64(min(options.timeoutMilliseconds, Self.longestTimeout) * 1e6)
        if options.isAsynchronous {
            call.begin(cluster, timeout: timeout)
            return .results
        }
        self.call = call
        callCluster = cluster
        callTimeout = timeout
        callKeepsDuplicates = options.keepsDuplicates
        return lua.yield(Wait.call.reason)
    }

    /// Milliseconds; a longer timeout is none that anybody would live to see.
    private static let longestTimeout = 1e12

    private static func options(_ lua: borrowing LuaCall) throws(LuaHeaderError) -> CallOptions {
        var options = CallOptions()
        if lua.type(4) == .table {
            let table: LuaValue
            do throws(LuaValueError) {
                table = try lua.value(4)
            } catch {
                throw .message("httpCall() options must be a table of plain values")
            }
            guard case .map(let entries) = table else { throw .message("httpCall() options must have names") }
            for entry in entries { try set(&options, entry) }
            return options
        }
        guard let timeout = lua.number(4) else { throw .badValue("number") }
        options.timeoutMilliseconds = timeout
        if lua.count >= 5 {
            guard let flag = lua.boolean(5) else {
                throw .message("http call asynchronous flag must be 'true', 'false', or empty")
            }
            options.isAsynchronous = flag
        }
        return options
    }

    private static func set(_ options: inout CallOptions, _ entry: LuaField) throws(LuaHeaderError) {
        let key = String(decoding: entry.key, as: UTF8.self)
        switch (key, entry.value) {
        case ("timeout_ms", .number(let number)): options.timeoutMilliseconds = number
        case ("asynchronous", .boolean(let flag)): options.isAsynchronous = flag
        case ("return_duplicate_headers", .boolean(let flag)): options.keepsDuplicates = flag
        case ("send_xff", .boolean(let flag)): options.sendsForwardedFor = flag
        // There is no trace yet whose sampling could be decided.
        case ("trace_sampled", .boolean): break
        case ("timeout_ms", _), ("asynchronous", _), ("return_duplicate_headers", _), ("send_xff", _), ("trace_sampled", _):
            throw .message("\"\(key)\" of httpCall() options has a value of the wrong type")
        default: throw .message("\"\(key)\" is not valid key for httpCall() options")
        }
    }

    private func makeCall(_ stream: Stream, _ fields: [LuaHeaderField], _ options: CallOptions) -> UpstreamCall {
        var whenDone: (@WorkerActor (UpstreamCall) -> Void)?
        if !options.isAsynchronous { whenDone = { [weak self] ended in self?.callEnded(ended) } }
        let call = UpstreamCall(worker: stream.worker, bodyLimit: stream.config.bufferLimit, whenDone: whenDone)
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
        if options.timeoutMilliseconds > 0, options.timeoutMilliseconds < Self.longestTimeout {
            call.requestHeaders.set(.xEnvoyExpectedRequestTimeoutMS, decimal: Int(options.timeoutMilliseconds))
        }
        if options.sendsForwardedFor, let local = stream.info.downstreamLocalAddress?.ip {
            var text = ByteWriter(capacity: 64)
            local.append(to: &text)
            call.requestHeaders.set(.xForwardedFor, text.bytes)
        }
        return call
    }

    /// Hands the script the answer: a table of headers, and the body or nil.
    func addResult(of call: UpstreamCall, to results: borrowing LuaValues) {
        let fields = call.responseHeaders.fields
        results.addTable(recordHint: fields.count) { table in
            for (index, field) in fields.enumerated() {
                let later = fields[(index + 1)...].contains { $0.name == field.name }
                if callKeepsDuplicates {
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
