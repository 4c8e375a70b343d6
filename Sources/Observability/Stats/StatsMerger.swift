/// The statistics of the whole proxy: the sum of its processes, living and dead.
///
/// When a worker ends, what it counted is folded into a base, so that no counter goes backwards; its gauges are dropped,
/// since what they measured is gone.
public struct StatsMerger {
    private var base = StatsSnapshot()
    private var live: [Int: StatsReader] = [:]

    public init() {}

    /// Adds a process; `id` is the caller's name for it and must be new.
    public mutating func add(_ id: Int, _ reader: StatsReader) {
        precondition(live[id] == nil, "a process added twice")
        live[id] = reader
    }

    /// Folds a process that has ended: nothing may write its region any longer.
    /// - Throws: what is wrong with its region; its counters are then lost, and the process is removed all the same.
    public mutating func fold(_ id: Int) throws(RegionError) {
        guard let reader = live.removeValue(forKey: id) else { return }
        base.merge(try reader.read().withoutGauges)
    }

    /// Drops what ended processes counted for a cluster that is no longer configured, as Envoy drops its statistics.
    public mutating func forgetCluster(_ name: String) {
        forget([StatKindID.cluster, .clusterHTTP1, .clusterHTTP2, .clusterTLS]) { $0 == name }
    }

    /// Drops what ended processes counted for a listener that is no longer configured.
    public mutating func forgetListener(_ address: String) {
        forget([StatKindID.listener, .listenerHTTP, .listenerTLS]) { GroupName.split($0).first == address }
    }

    /// All together, now. A region that cannot be read is left out and named in `failures`.
    public func snapshot() -> (stats: StatsSnapshot, failures: [Int: RegionError]) {
        var result = base
        var failures: [Int: RegionError] = [:]
        for (id, reader) in live.sorted(by: { $0.key < $1.key }) {
            do throws(RegionError) {
                result.merge(try reader.read())
            } catch {
                failures[id] = error
            }
        }
        return (result, failures)
    }

    private mutating func forget(_ ids: [StatKindID], _ isGone: (String) -> Bool) {
        let patterns = Set(ids.map { StatSchema.kinds[$0.rawValue].pattern })
        base.remove { patterns.contains($0.pattern) && isGone($0.name) }
    }
}
