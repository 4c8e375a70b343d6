package import Bytes
import HTTPModel
package import Observability
package import Reactor
import TrafficPolicy

/// Where the hosts of one cluster count.
@WorkerActor final class HostCounterBook {
    private let segment: StatsSegment
    private let cluster: String

    /// - Parameter cluster: as statistics call it.
    init(_ segment: StatsSegment, cluster: String) {
        self.segment = segment
        self.cluster = cluster
    }

    func begin(_ address: SocketAddress) -> HostStats { segment.host(address.description, of: cluster) }

    /// Nobody counts on the host any longer.
    func end(_ address: SocketAddress) { segment.retireHost(address.description, of: cluster) }
}

/// One endpoint of a cluster, as this worker sees it: where it is, and its connection pools.
@WorkerActor package final class Host {
    package let address: SocketAddress
    /// `%UPSTREAM_HOST_NAME%`, and what `auto_host_rewrite` writes.
    package let hostname: NamedText?
    /// TLS or not.
    package let socket: UpstreamSocket
    /// Place in the cluster's host table.
    package let slot: Int
    // Safety: see Cluster: a host's connections and requests keep its cluster.
    unowned(unsafe) let cluster: Cluster
    private var http1: ConnectionPool?
    private var http2: ConnectionPool?
    private var negotiated: ConnectionPool?
    /// Those of routes with `priority: HIGH`, whose connections count for themselves.
    private var urgent: [HTTPVersion?: ConnectionPool] = [:]
    /// By the name that requests gave the host.
    private var named: [UpstreamServerName: [NamedPool: ConnectionPool]] = [:]
    /// Clients choose these names: so many have pools of their own at once.
    private static let maximumNames = 256
    /// Requests and TCP connections that this host was picked for and that have not ended; counted for hosts without a slot.
    var useCount = 0
    /// Of hosts that no list has.
    static let noSlot = -1
    /// Whoever counts on the host keeps it: now nobody does any longer.
    isolated deinit { counters.end(address) }

    private struct NamedPool: Hashable {
        let version: HTTPVersion?
        let priority: RoutingPriority
    }

    /// What `/clusters` shows of the host.
    let stats: HostStats
    private let counters: HostCounterBook

    init(address: SocketAddress, hostname: String?, socket: UpstreamSocket, slot: Int, cluster: Cluster) {
        self.address = address
        counters = cluster.hostCounters
        stats = cluster.hostCounters.begin(address)
        self.hostname = hostname.map { NamedText($0) }
        self.socket = socket
        self.slot = slot
        self.cluster = cluster
    }

    /// The pool for a version, nil for what ALPN agrees on.
    func pool(_ version: HTTPVersion?, priority: RoutingPriority) -> ConnectionPool {
        if priority == .high { return urgentPool(version) }
        switch version {
        case .http2?: if let http2 { return http2 }
        case nil: if let negotiated { return negotiated }
        default: if let http1 { return http1 }
        }
        let pool = ConnectionPool(host: self, cluster: cluster, version: version)
        switch version {
        case .http2?: http2 = pool
        case nil: negotiated = pool
        default: http1 = pool
        }
        return pool
    }

    private func urgentPool(_ version: HTTPVersion?) -> ConnectionPool {
        if let pool = urgent[version] { return pool }
        let pool = ConnectionPool(host: self, cluster: cluster, version: version, priority: .high)
        urgent[version] = pool
        return pool
    }

    /// The pool of the connections that know the host by a name.
    /// - Returns: nil when too many names are in use.
    func pool(_ version: HTTPVersion?, priority: RoutingPriority, as name: UpstreamServerName) -> ConnectionPool? {
        let key = NamedPool(version: version, priority: priority)
        if let pool = named[name]?[key] { return pool }
        if named.count >= Self.maximumNames {
            named = named.filter { !$0.value.values.allSatisfy(\.isEmpty) }
            guard named.count < Self.maximumNames else { return nil }
        }
        let pool = ConnectionPool(host: self, cluster: cluster, version: version, priority: priority, serverName: name)
        named[name, default: [:]][key] = pool
        return pool
    }

    func drain() {
        let pools = [http1, http2, negotiated] + Array(urgent.values) + named.values.flatMap(\.values)
        http1 = nil
        http2 = nil
        negotiated = nil
        urgent = [:]
        named = [:]
        for pool in pools { pool?.drain() }
    }
}
