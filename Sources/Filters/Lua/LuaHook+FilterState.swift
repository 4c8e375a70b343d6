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
            .worker("get") { hook, call in
                guard let name = call.text(1) else { return call.badArgument(1, expected: "string") }
                guard call.isNil(2) || call.bytes(2) != nil else { return call.badArgument(2, expected: "string") }
                // No type that scripts can make has fields.
                guard call.isNil(2), let value = hook.stream?.info.filterState?[name] else { return .results }
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
                guard stringFactories.contains(factory) else {
                    return call.fail("'\(factory)' does not have an object factory")
                }
                guard let stream = hook.stream, stream.info.filterStateForWriting().set(name, .string(Array(bytes))) else {
                    return call.fail("filterState is full")
                }
                return .results
            },
        ] + logMethods)

    /// Types whose objects are their bytes.
    private static let stringFactories = ["envoy.string", "envoy.hashable_string"]
}
