import Observability
import ProxyModel

/// What the admin interface asks of all listeners together.
extension Supervisor {
    /// Closes the listening sockets (`/drain_listeners`); what is open goes on.
    /// - Parameter inboundOnly: only those of listeners whose `traffic_direction` is INBOUND.
    func stopAccepting(inboundOnly: Bool = false) {
        guard inboundOnly else {
            fleet.broadcast(.stopAccepting(listeners: nil))
            ledger.listenerStats[.listenerStopped].add(UInt64(ledger.store.active(.listener).count))
            sockets.closeAll(keepsPaths: false)
            return
        }
        let inbound = ledger.store.active(.listener).compactMap { resource -> String? in
            guard let listener: Envoy_Config_Listener_V3_Listener = ConfigDump.decode(resource) else { return nil }
            return listener.trafficDirection == .inbound ? resource.key.name : nil
        }
        fleet.broadcast(.stopAccepting(listeners: inbound))
        ledger.listenerStats[.listenerStopped].add(UInt64(inbound.count))
        for name in inbound { sockets.remove(name) }
    }
}
