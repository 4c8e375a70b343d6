import Bytes
import DataPlane
import HTTPModel
import LuaRuntime
import Observability
import Reactor
import TrafficPolicy

extension LuaMethod {
    /// A method of an object that lives on the worker. The scripts of filters run nowhere else: their hooks start and
    /// resume them, and hooks are isolated to it.
    static func worker(
        _ name: String, hidden: Bool = false,
        _ call: @escaping @Sendable @WorkerActor (Host, borrowing LuaCall) -> LuaReply
    ) -> LuaMethod {
        // Safety: isolation is no part of a closure's representation, and it holds wherever a filter's script runs.
        LuaMethod(name, hidden: hidden, unsafeBitCast(call, to: (@Sendable (Host, borrowing LuaCall) -> LuaReply).self))
    }
}
