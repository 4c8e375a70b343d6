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
    // Safety: see Cluster: a host's connections and requests keep its cluster.
    unowned(unsafe) let cluster: Cluster
    private var http1: ConnectionPool?
    private var http2: ConnectionPool?
    /// TCP connections of tcp_proxy to this host.
    var tunnelCount = 0

    init(address: SocketAddress, hostname: String?, slot: Int, cluster: Cluster) {
        self.address = address
        self.hostname = hostname.map { NamedText($0) }
        self.slot = slot
        self.cluster = cluster
    }

    func pool(_ version: HTTPVersion) -> ConnectionPool {
        if let pool = version == .http2 ? http2 : http1 { return pool }
        let pool = ConnectionPool(host: self, cluster: cluster, version: version)
        if version == .http2 { http2 = pool } else { http1 = pool }
        return pool
    }

    func drain() {
        let pools = [http1, http2]
        http1 = nil
        http2 = nil
        for pool in pools { pool?.drain() }
    }
}
