import Bytes
package import Observability
package import Reactor
import SecureTransport

/// One way of a listener to treat a connection: TLS or not, and the network filter behind it.
@WorkerActor package final class FilterChain {
    package let name: NamedText?
    package let networkFilter: any NetworkFilterFactory
    /// Nil: connections are taken without TLS.
    package let tls: TLSReference?
    /// Tells whether a chain of a newer configuration is the same; see ``SnapshotCompiler``.
    let fingerprint: Fingerprint
    /// Of what a connection is bound to for its life: all but the routes and HTTP filters, which each stream takes anew.
    /// Connections go on under a newer chain that has the same.
    let connectionForm: Fingerprint
    /// Where the listener counts.
    package let listenerStats: ListenerCounters
    /// Nanoseconds that a TLS handshake may take; 0 switches off.
    package var handshakeTimeout: UInt64 = 10_000_000_000
    /// How its match reads in an explanation.
    package var matchText = ""

    package init(
        name: String, networkFilter: any NetworkFilterFactory, tls: TLSReference?, listenerStats: ListenerCounters,
        fingerprint: Fingerprint, connectionForm: Fingerprint
    ) {
        self.name = name.isEmpty ? nil : NamedText(name)
        self.networkFilter = networkFilter
        self.tls = tls
        self.listenerStats = listenerStats
        self.fingerprint = fingerprint
        self.connectionForm = connectionForm
    }
}

/// What a listener counts, as events; the names are Envoy's (`listener.<address>.*`).
package struct ListenerCounters: Sendable {
    let listener: ListenerStats
    let tls: ListenerTLSStats?

    package init(listener: ListenerStats, tls: ListenerTLSStats?) {
        self.listener = listener
        self.tls = tls
    }

    func accepted() {
        listener[.downstreamCxTotal].add()
        listener[.downstreamCxActive].add()
    }

    func accepted(inOneEvent count: Int) { listener[.connectionsAcceptedPerSocketEvent].record(UInt64(count)) }

    func closed(age: UInt64) {
        listener[.downstreamCxActive].subtract()
        listener[.downstreamCxDestroy].add()
        listener[.downstreamCxLengthMS].record(nanoseconds: age)
    }

    func inspectionBegan() { listener[.downstreamPreCxActive].add() }
    func inspectionEnded() { listener[.downstreamPreCxActive].subtract() }
    func inspectionFailed() { listener[.downstreamListenerFilterError].add() }
    func closedDuringInspection() { listener[.downstreamListenerFilterRemoteClose].add() }
    func refused() { listener[.downstreamCxOverflow].add() }
    func noFilterChain() { listener[.noFilterChainMatch].add() }
    func inspectionTimedOut() { listener[.downstreamPreCxTimeout].add() }
    func handshakeTimeout() { listener[.downstreamCxTransportSocketConnectTimeout].add() }

    func handshakeDone(_ session: TLSSession) {
        guard let tls else { return }
        for event in HandshakeEvent.done(session) { tls.count(event) }
    }

    func handshakeFailed(_ error: TLSError?) {
        guard let error else {
            tls?[.connectionError].add()
            return
        }
        if let event = HandshakeEvent(error.code) { tls?.count(event) }
    }
}
