import DataPlane
import LuaRuntime
package import Reactor

/// Notes what hooks of scripts cost, for tools that try scripts out. A proxy has none.
@WorkerActor package final class LuaProbe {
    /// One hook of one message.
    package struct Record: Equatable, Sendable {
        /// The filter's name in the configuration, and `request` or `response`.
        package let filter: String
        package let hook: String
        /// Fuel that it spent; see ``LuaLimits/fuel``.
        package fileprivate(set) var fuel: Int64 = 0
        /// Time in which it ran, in nanoseconds; waiting does not count.
        package fileprivate(set) var nanoseconds: UInt64 = 0
        /// Bytes that the script's state held when it stopped, garbage included.
        package fileprivate(set) var memoryBytes = 0
    }

    /// The hooks that began since this was emptied, in their order.
    package var records: [Record] = []
    private var running: [ObjectIdentifier: Int] = [:]
    private var started: UInt64 = 0

    package init() {}

    func begins(_ hook: LuaHook) {
        running[ObjectIdentifier(hook)] = records.count
        records.append(Record(filter: hook.factory.name, hook: hook.direction == .request ? "request" : "response"))
        goesOn(hook)
    }

    func goesOn(_ hook: LuaHook) {
        hook.factory.worker.loop.updateTime()
        started = hook.factory.worker.loop.now
    }

    func stops(_ hook: LuaHook, _ state: LuaState, fuelLeft: Int64) {
        hook.factory.worker.loop.updateTime()
        guard let index = running[ObjectIdentifier(hook)], records.indices.contains(index) else { return }
        records[index].nanoseconds += hook.factory.worker.loop.now - started
        // A trusted script has more than its limits say, since nobody counts.
        records[index].fuel = max(state.limits.fuel - fuelLeft, 0)
        records[index].memoryBytes = state.statistics.memoryBytes
    }
}
