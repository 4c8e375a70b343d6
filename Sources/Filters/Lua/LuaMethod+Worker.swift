import Bytes
import DataPlane
import HTTPModel
import LuaRuntime
import Observability
import Reactor
import TrafficPolicy

extension LuaMethod {
    /// `logTrace` to `logCritical`.
    static func logMethods(_ log: @escaping @Sendable @WorkerActor (Host) -> Log) -> [LuaMethod] {
        let levels: [(String, LogLevel)] = [
            ("logTrace", .trace), ("logDebug", .debug), ("logInfo", .info), ("logWarn", .warning), ("logErr", .error),
            ("logCritical", .critical),
        ]
        return levels.map { name, level in
            .worker(name) { host, call in
                guard let bytes = call.bytes(1) else { return call.badArgument(1, expected: "string") }
                let log = log(host)
                guard log.isEnabled(level, .lua) else { return .results }
                call.charge(fuel: LuaLibrary.lineFuel)
                log.write(level, .lua, "script log: \(LuaLibrary.line(bytes))")
                return .results
            }
        }
    }

    /// A method of an object that lives on the worker. The scripts of filters run nowhere else: their hooks start and
    /// resume them, and hooks are isolated to it.
    static func worker(
        _ name: String, hidden: Bool = false, orNil: Bool = false,
        _ call: @escaping @Sendable @WorkerActor (Host, borrowing LuaCall) -> LuaReply
    ) -> LuaMethod {
        // Safety: isolation is no part of a closure's representation, and it holds wherever a filter's script runs.
        LuaMethod(name, hidden: hidden, orNil: orNil, unsafeBitCast(call, to: (@Sendable (Host, borrowing LuaCall) -> LuaReply).self))
    }
}
