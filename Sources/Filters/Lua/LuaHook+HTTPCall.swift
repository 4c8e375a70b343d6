import Bytes
import DataPlane
import HTTPModel
import LuaRuntime
import Observability
import Reactor
import TrafficPolicy

/// `httpCall`: asks a service of the configuration, waiting for its answer or not.
extension LuaHook {
    func httpCall(_ lua: borrowing LuaCall) -> LuaReply {
        guard let stream else { return .results }
        let request = LuaCallRequest(
            worker: stream.worker, bodyLimit: stream.config.bufferLimit, localAddress: stream.info.downstreamLocalAddress?.ip,
            factory.backgroundCalls
        ) { [weak self] in self?.callEnded($0) }
        switch request.plan(lua) {
        case .refused(let reply): return reply
        case .planned(let plan):
            factory.stats[.httpCalls].add()
            explain("httpCall to \(plan.cluster.config.name.text)\(plan.isAsynchronous ? ", not waiting" : "")")
            if plan.isAsynchronous {
                plan.call.begin(plan.cluster, timeout: plan.timeout)
                return .results
            }
            call = plan
            return lua.yield(Wait.call.reason)
        }
    }
}
