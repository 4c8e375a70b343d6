package import Bytes
import HTTPModel
package import Observability
package import Reactor

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
    /// By the name that requests gave the host.
    private var named: [UpstreamServerName: [HTTPVersion?: ConnectionPool]] = [:]
    /// Clients choose these names: so many have pools of their own at once.
    private static let maximumNames = 256
    /// Requests and TCP connections that this host was picked for and that have not ended; counted for hosts without a slot.
    var useCount = 0
    /// Of hosts that no list has.
    static let noSlot = -1

    init(address: SocketAddress, hostname: String?, socket: UpstreamSocket, slot: Int, cluster: Cluster) {
        self.address = address
        self.hostname = hostname.map { NamedText($0) }
        self.socket = socket
        self.slot = slot
        self.cluster = cluster
    }

    /// The pool for a version, nil for what ALPN agrees on.
    func pool(_ version: HTTPVersion?) -> ConnectionPool {
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

    /// The pool of the connections that know the host by a name.
    /// - Returns: nil when too many names are in use.
    func pool(_ version: HTTPVersion?, as name: UpstreamServerName) -> ConnectionPool? {
        if let pool = named[name]?[version] { return pool }
        if named.count >= Self.maximumNames {
            named = named.filter { !$0.value.values.allSatisfy(\.isEmpty) }
            guard named.count < Self.maximumNames else { return nil }
        }
        let pool = ConnectionPool(host: self, cluster: cluster, version: version, serverName: name)
        named[name, default: [:]][version] = pool
        return pool
    }

    func drain() {
        let pools = [http1, http2, negotiated] + named.values.flatMap(\.values)
        http1 = nil
        http2 = nil
        negotiated = nil
        named = [:]
        for pool in pools { pool?.drain() }
    }
}
