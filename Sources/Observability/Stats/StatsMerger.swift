/// The statistics of the whole proxy: the sum of its processes, living and dead.
///
/// When a worker ends, what it counted is folded into a base, so that no counter goes backwards; its gauges are dropped,
/// since what they measured is gone.
public struct StatsMerger {
    private var base = StatsSnapshot()
    private var live: [Int: StatsReader] = [:]
    /// Processes of the program that this one has taken over from; they end by themselves.
    private var inherited: [(reader: StatsReader, isWorker: Bool)] = []

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
        var last = try reader.read().withoutGauges
        // Hosts come and go: what a dead worker counted of them is not worth keeping for ever.
        _ = last.takeHosts()
        base.merge(last)
    }

    /// What ended processes have counted: what a program that takes over begins with.
    public var ended: StatsSnapshot { base }

    /// The regions of the processes that live, whose descriptors stay this object's.
    public var regions: [(id: Int, descriptor: Int32)] {
        live.sorted { $0.key < $1.key }.map { ($0.key, $0.value.descriptor) }
    }

    /// Goes on from what another program's ended processes had counted.
    public mutating func inherit(_ ended: StatsSnapshot) { base.merge(ended) }

    /// Adds a process of the program that this one has taken over from.
    /// - Parameter isWorker: its levels count too, such as open connections.
    public mutating func inherit(_ reader: StatsReader, isWorker: Bool) { inherited.append((reader, isWorker)) }

    /// The other program has ended: what its processes counted stays.
    /// - Returns: how many regions could not be read.
    public mutating func foldInherited() -> Int {
        var failures = 0
        for (reader, _) in inherited {
            do throws(RegionError) {
                var last = try reader.read().withoutGauges
                _ = last.takeHosts()
                base.merge(last)
            } catch {
                failures += 1
            }
        }
        inherited = []
        return failures
    }

    /// Drops what ended processes counted for a cluster that is no longer configured, as Envoy drops its statistics.
    public mutating func forgetCluster(_ name: String) {
        forget([StatKindID.cluster, .clusterHTTP2, .clusterTLS]) { $0 == name }
    }

    /// Drops what ended processes counted for a listener that is no longer configured.
    public mutating func forgetListener(_ address: String) {
        forget([StatKindID.listener, .listenerHTTP, .listenerTLS]) { GroupName.split($0).first == address }
    }

    /// All together, now. A region that cannot be read is left out and named in `failures`.
    /// - Parameter isWanted: whether groups of a kind are read from the regions at all.
    public func snapshot(_ isWanted: (StatKind) -> Bool = { _ in true }) -> (stats: StatsSnapshot, failures: [Int: RegionError]) {
        var result = base
        var failures: [Int: RegionError] = [:]
        for (id, reader) in live.sorted(by: { $0.key < $1.key }) {
            do throws(RegionError) {
                result.merge(try reader.read(isWanted))
            } catch {
                failures[id] = error
            }
        }
        for (reader, isWorker) in inherited {
            // What cannot be read now is told of when it is folded.
            guard let stats = try? reader.read(isWanted) else { continue }
            result.merge(isWorker ? stats.withoutSharedGauges : stats.withoutGauges)
        }
        return (result, failures)
    }

    private mutating func forget(_ ids: [StatKindID], _ isGone: (String) -> Bool) {
        let patterns = Set(ids.map { StatSchema.kinds[$0.rawValue].pattern })
        base.remove { patterns.contains($0.pattern) && isGone($0.name) }
    }
}
