import Glibc
import Observability
import ProxyModel
import Reactor
import TrafficPolicy

extension Supervisor {
    /// The sum of all processes, now, as far as the configuration wants it.
    func statistics() -> StatsSnapshot {
        serverStats[.uptime].set(Int((loop.now - startedAt) / 1_000_000_000))
        serverStats[.state].set(state == .live ? 0 : state == .draining ? 1 : 2)
        serverStats[.daysUntilFirstCertExpiring].set(daysUntilFirstExpiry)
        var physical = 0
        for process in [getpid()] + fleet.slots.map(\.process) where process != 0 {
            physical += ProcessFiles.memory(process)?.proportional ?? 0
        }
        serverStats[.memoryPhysicalSize].set(physical)
        let heap = HeapSize.current
        serverStats[.memoryAllocated].set(heap.allocated)
        serverStats[.memoryHeapSize].set(heap.held)
        var (snapshot, failures) = fleet.merger.snapshot()
        for (index, failure) in failures { log.error(.stats, "the statistics of worker \(index) cannot be read: \(failure)") }
        _ = snapshot.takeHosts()
        addLimits(to: &snapshot)
        snapshot.texts = discovery.texts
        return statsRules.select(snapshot)
    }

    /// Whole days; the largest number of 32 bits without certificates, as in Envoy.
    private var daysUntilFirstExpiry: Int {
        let expiry = firstExpiry ?? CertificateSources.all(ledger.store).compactMap(\.firstExpiry).min() ?? .max
        firstExpiry = expiry
        let now = loop.wallNow / 1_000_000_000
        return expiry == .max ? Int(UInt32.max) : Int(expiry > now ? (expiry - now) / 86400 : 0)
    }

    /// What the workers have counted of single hosts.
    func hostStatistics() -> HostStatistics {
        var (snapshot, _) = fleet.merger.snapshot()
        return snapshot.takeHosts()
    }

    /// Labels of metrics.
    var statTags: StatTags { statsRules.tags }

    private var statsRules: StatsRules { bootstrap?.statsRules ?? StatsRules() }

    /// The state of the circuit breakers, which workers count in a region of its own.
    private func addLimits(to snapshot: inout StatsSnapshot) {
        for resource in ledger.store.active(.cluster) {
            guard let group = ledger.limitGroup(of: resource.key.name),
                let cluster: Envoy_Config_Cluster_V3_Cluster = ConfigDump.decode(resource)
            else { continue }
            let limits = ClusterLimitLevels(cluster.circuitBreakers, fleet.limitCounters(group: group))
            snapshot.setCluster(cluster.statName, limits.levels)
        }
    }
}
