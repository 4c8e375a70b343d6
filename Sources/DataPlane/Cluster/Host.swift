package import Bytes
import HTTPModel
package import Observability
package import Reactor

/// One endpoint of a cluster, as this worker sees it: where it is, and its connection pools.
@WorkerActor package final class Host {
    package let address: SocketAddress
    /// `%UPSTREAM_HOST_NAME%`, and what `auto_host_rewrite` writes.
    package let hostname: NamedText?
    /// Place in the cluster's host table.
    package let slot: Int
    unowned let cluster: Cluster
    private var pools: [HTTPVersion: ConnectionPool] = [:]
    /// TCP connections of tcp_proxy to this host.
    var tunnelCount = 0

    init(address: SocketAddress, hostname: String?, slot: Int, cluster: Cluster) {
        self.address = address
        self.hostname = hostname.map { NamedText($0) }
        self.slot = slot
        self.cluster = cluster
    }

    func pool(_ version: HTTPVersion) -> ConnectionPool {
        if let pool = pools[version] { return pool }
        let pool = ConnectionPool(host: self, cluster: cluster, version: version)
        pools[version] = pool
        return pool
    }

    func drain() {
        for pool in pools.values { pool.drain() }
    }
}
