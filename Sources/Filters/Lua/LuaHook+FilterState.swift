import Bytes
import DataPlane
import HTTPModel
import LuaRuntime
import Observability
import Reactor
import TrafficPolicy

/// Filter state: what filters leave for each other under a name, with a type.
extension LuaHook {
    static let filterStateType = LuaClass<LuaHook>(
        "FilterState",
        methods: [
            .worker("get", orNil: true) { hook, call in
                guard let name = call.text(1) else { return call.badArgument(1, expected: "string") }
                guard let state = hook.stream?.info.filterState, let value = state[name] else { return .results }
                guard call.isNil(2) || call.bytes(2) != nil else { return call.badArgument(2, expected: "string") }
                // No type that scripts can make has fields, and some cannot be read, as in Envoy.
                guard call.isNil(2), !FilterStateType.unreadable.contains(state.type(name)) else { return .results }
                switch value {
                case .string(let bytes): bytes.withUnsafeBytes { call.results.add($0) }
                case .integer(let number): call.results.add(Int(number))
                }
                return .results
            },
            .worker("set") { hook, call in
                guard let name = call.text(1) else { return call.badArgument(1, expected: "string") }
                guard let factory = call.text(2) else { return call.badArgument(2, expected: "string") }
                guard let bytes = call.bytes(3) else { return call.badArgument(3, expected: "string") }
                guard let type = FilterStateType.factories[factory] else {
                    return call.fail("'\(factory)' does not have an object factory")
                }
                guard let object = type.object(bytes) else {
                    return call.fail("failed to create an object '\(name)' from value '\(bytes.text)'")
                }
                guard let stream = hook.stream, stream.info.filterStateForWriting().set(name, .string(object), type: factory) else {
                    return call.fail("filterState is full")
                }
                return .results
            },
        ] + logMethods)
}

/// What a factory of objects takes, and how its object reads.
enum FilterStateType {
    /// Any bytes, as they are.
    case bytes
    /// `ip:port`
    case address
    /// An IP, which reads as an address with port 0.
    case ip
    /// `true`, `t`, `yes`, `y`, `1` and their opposites, in either case.
    case boolean
    /// `true`; everything else is false.
    case flag
    /// A number without a sign.
    case number(maximum: UInt64)

    /// By name: those of Envoy whose objects can be read.
    static let factories: [String: FilterStateType] = [
        "envoy.network.application_protocols": .bytes, "envoy.string": .bytes, "envoy.hashable_string": .bytes, "envoy.bool": .boolean, "envoy.network.ip": .ip,
        "envoy.network.network_namespace": .bytes, "envoy.network.upstream_server_name": .bytes,
        "envoy.network.upstream_subject_alt_names": .bytes,
        "envoy.network.transport_socket.original_dst_address": .address,
        "envoy.filters.listener.original_dst.local_ip": .address,
        "envoy.filters.listener.original_dst.remote_ip": .address, "envoy.tcp_proxy.cluster": .bytes,
        "envoy.tcp_proxy.disable_tunneling": .flag, "envoy.tcp_proxy.per_connection_idle_timeout_ms": .number(maximum: .max),
        "envoy.upstream.dynamic_host": .bytes, "envoy.upstream.dynamic_port": .number(maximum: UInt64(UInt32.max)),
        "envoy.ratelimit.hits_addend": .number(maximum: UInt64(UInt32.max)),
    ]

    /// Whose objects have no text.
    static let unreadable: Set<String> = ["envoy.network.application_protocols"]

    private static let yes: [StaticString] = ["true", "t", "yes", "y", "1"]
    private static let no: [StaticString] = ["false", "f", "no", "n", "0"]

    /// The object as text; nil when the value is none of the type.
    func object(_ value: UnsafeRawBufferPointer) -> [UInt8]? {
        // What C reads ends there.
        if case .bytes = self {} else if value.contains(0) { return nil }
        switch self {
        case .bytes: return Array(value)
        case .flag: return Array((value.equals("true") ? "true" : "false").utf8)
        case .boolean:
            if Self.yes.contains(where: { value.equalsIgnoringCase($0) }) { return Array("true".utf8) }
            return Self.no.contains { value.equalsIgnoringCase($0) } ? Array("false".utf8) : nil
        case .number(let maximum): return value.decimal.flatMap { $0 <= maximum ? Array("\($0)".utf8) : nil }
        case .ip: return SocketAddress(host: value.text, port: 0).map { Array("\($0)".utf8) }
        case .address:
            guard let address = SocketAddress(value.text), address.ip != nil else { return nil }
            return Array("\(address)".utf8)
        }
    }
}
