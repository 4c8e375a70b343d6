import Bytes
import DataPlane
import HTTPModel
import LuaRuntime
import Observability
import Reactor
import TrafficPolicy

/// What is known of the stream and its connection.
extension LuaHook {
    static let streamInfoType = LuaClass<LuaHook>(
        "StreamInfo",
        methods: [
            .worker("protocol") { hook, call in
                if let version = hook.stream?.info.downstreamProtocol { call.results.add(version.name) }
                return .results
            },
            .worker("routeName") { hook, call in
                if let name = hook.stream?.route?.name { call.results.add(name.bytes) } else { call.results.add("") }
                return .results
            },
            .worker("virtualClusterName") { hook, call in
                if let name = hook.stream?.info.virtualClusterName { call.results.add(name.bytes) } else { call.results.add("") }
                return .results
            },
            .worker("requestedServerName") { hook, call in call.returning(hook.stream?.info.requestedServerName.text ?? "") },
            .worker("downstreamLocalAddress") { hook, call in hook.address(call, hook.stream?.info.downstreamLocalAddress) },
            .worker("downstreamDirectLocalAddress") { hook, call in hook.address(call, hook.stream?.info.downstreamLocalAddress) },
            .worker("downstreamRemoteAddress") { hook, call in hook.address(call, hook.stream?.info.downstreamRemoteAddress) },
            .worker("downstreamDirectRemoteAddress") { hook, call in
                hook.address(call, hook.stream?.info.downstreamDirectRemoteAddress)
            },
            .worker("dynamicMetadata") { hook, call in hook.give(call, .dynamic) },
            // Filters that write typed metadata of a stream there are none.
            .worker("dynamicTypedMetadata") { hook, call in hook.giveTyped(call, nil) },
            .worker("filterState") { hook, call in
                call.results.add(filterStateType, hook, scope: .run, slot: 17)
                return .results
            },
            .worker("drainConnectionUponCompletion") { hook, _ in
                hook.stream?.manager.drain()
                return .results
            },
            .worker("downstreamSslConnection") { hook, call in hook.giveSSL(call) },
        ] + logMethods)

    static let connectionType = LuaClass<LuaHook>(
        "Connection", methods: [.worker("ssl") { hook, call in hook.giveSSL(call) }] + logMethods)

    /// What is known of the connection alone.
    static let connectionInfoType = LuaClass<LuaHook>(
        "ConnectionStreamInfo",
        methods: [
            .worker("dynamicMetadata") { hook, call in hook.give(call, .connection) },
            .worker("dynamicTypedMetadata") { hook, call in hook.giveTyped(call, hook.stream?.manager.connectionMetadata) },
        ] + logMethods)

    /// A message that a filter left, as a table of its fields that are set. The one kind that there is: the fields of a PROXY
    /// header, `envoy.data.core.v3.TlvsMetadata`.
    private func giveTyped(_ call: borrowing LuaCall, _ metadata: ConnectionMetadata?) -> LuaReply {
        guard let name = call.text(1) else { return call.badArgument(1, expected: "string") }
        guard let fields = metadata?.fields[name] else {
            call.results.add()
            return .results
        }
        call.charge(fuel: fields.count * 16)
        let values = fields.sorted { $0.key < $1.key }.map { LuaField($0.key, .string($0.value)) }
        call.results.add(.map([LuaField("typed_metadata", .map(values))]))
        return .results
    }

    private func address(_ call: borrowing LuaCall, _ address: SocketAddress?) -> LuaReply {
        call.returning(address?.description ?? "")
    }
}
