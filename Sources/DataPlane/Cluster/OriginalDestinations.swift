import Bytes
import Observability
import Reactor

/// The hosts of a cluster of type ORIGINAL_DST: one for each address that clients were on their way to. A host that nobody
/// wanted for a while goes.
@WorkerActor final class OriginalDestinations {
    /// Where a request says that it wants to go, instead of its connection (`original_dst_lb_config`).
    struct Settings {
        /// `http_header_name`, lower-case; nil without `use_http_header`.
        var header: NamedText?
        /// `upstream_port_override`
        var port: UInt16?
        /// `cleanup_interval`, nanoseconds.
        var cleanupInterval: UInt64 = 5_000_000_000
    }

    /// Most hosts at once; clients may choose addresses.
    static let maximumHosts = 16_384

    private final class Entry {
        let host: Host
        var wasWanted = true

        init(_ host: Host) { self.host = host }
    }

    private let settings: Settings
    private var entries: [SocketAddress: Entry] = [:]
    private var timer: LoopTimer?

    init(_ settings: Settings) { self.settings = settings }

    /// The header that may name the address.
    var header: NamedText? { settings.header }

    var hosts: [Host] { entries.values.map(\.host) }

    /// The host at an address.
    /// - Returns: nil when the address is none of the internet's, or there are too many.
    func host(at address: SocketAddress, of cluster: Cluster) -> Host? {
        guard let ip = address.ip else { return nil }
        let address = settings.port.map { SocketAddress(ip, port: $0) } ?? address
        if let entry = entries[address] {
            entry.wasWanted = true
            return entry.host
        }
        guard entries.count < Self.maximumHosts else { return nil }
        let host = Host(
            address: address, hostname: nil, socket: cluster.config.sockets.socket(for: nil), slot: Host.noSlot, cluster: cluster)
        entries[address] = Entry(host)
        cluster.stats[.membershipTotal].set(entries.count)
        cluster.stats[.membershipHealthy].set(entries.count)
        cluster.stats[.membershipChange].add()
        if timer == nil { schedule(cluster) }
        return host
    }

    private func schedule(_ cluster: Cluster) {
        // Safety: the timer is this object's alone, which goes with its cluster; a freed timer is never called.
        let timer = LoopTimer(loop: cluster.worker.loop) { [unowned(unsafe) self, unowned(unsafe) cluster] in
            self.cleanUp(cluster)
        }
        timer.schedule(after: settings.cleanupInterval)
        self.timer = timer
    }

    private func cleanUp(_ cluster: Cluster) {
        timer = nil
        let unwanted = entries.filter { !$0.value.wasWanted && $0.value.host.useCount == 0 }
        for (address, entry) in unwanted {
            entries[address] = nil
            entry.host.drain()
        }
        for entry in entries.values { entry.wasWanted = false }
        if !unwanted.isEmpty {
            cluster.stats[.membershipTotal].set(entries.count)
            cluster.stats[.membershipHealthy].set(entries.count)
            cluster.stats[.membershipChange].add()
        }
        if !entries.isEmpty { schedule(cluster) }
    }
}
