import CLinux

/// Tags of the records of a stats region; part of its layout.
enum RecordTag {
    static let group: UInt32 = 1
    static let histogram: UInt32 = 2
    static let codes: UInt32 = 3
}

/// Where things lie in a group record's payload: kind, name capacity, name length and number of slots (u32 each), the
/// slots, the name.
enum GroupLayout {
    static let kind = 0
    static let nameCapacity = 4
    static let nameLength = 8
    static let slotCount = 12
    static let slots = 16
}

/// The statistics of one process, in a region that the supervisor reads.
///
/// A group belongs to a name, and asking for the name again gives the same slots: counters survive a reload. Groups are
/// made while a snapshot is compiled, never on the request path. One thread writes.
public final class StatsSegment {
    /// Bound of one process: about 20,000 clusters with all their distributions in use. Only what is used costs memory.
    public static let defaultCapacity = 96 << 20
    static let purpose = "stats"
    /// Longest name that is stored; a longer one is cut.
    static let maximumName = 1024

    /// The memory; its descriptor goes to whoever merges.
    public let region: SharedRegion
    /// Groups that did not fit into the region and are counted nowhere but here.
    public private(set) var refusedGroups = 0

    /// The metrics that scripts have made.
    public let metrics = MetricBook()

    private struct Key: Hashable {
        let kind: Int
        let name: String
    }

    private var groups: [Key: UnsafeMutableRawPointer] = [:]
    /// Who has asked for the groups of hosts: a host may be there twice while a cluster changes.
    private var hostUsers: [String: Int] = [:]
    private var retired: [Int: [UnsafeMutableRawPointer]] = [:]
    private var privateMemory: [UnsafeMutablePointer<UInt64>] = []
    // Safety: the region's mapping, which lives as long as `region`.
    private let base: UnsafeMutableRawPointer

    /// Makes a region of its own; its descriptor is what the supervisor maps.
    public convenience init(named name: String, capacity: Int = StatsSegment.defaultCapacity) throws(RegionError) {
        let region = try SharedRegion(
            creating: name, purpose: StatsSegment.purpose, capacity: capacity, schema: StatSchema.encoded)
        try self.init(writing: region)
    }

    /// Takes over a region made by ``createRegion(named:capacity:)``, with the groups that are in it already.
    public convenience init(mapping descriptor: Int32) throws(RegionError) {
        try self.init(
            writing: SharedRegion(mapping: descriptor, purpose: StatsSegment.purpose, access: .writer))
    }

    private init(writing region: SharedRegion) throws(RegionError) {
        guard region.schema == StatSchema.encoded else { throw .schemaMismatch }
        self.region = region
        base = region.base
        var found: [Key: UnsafeMutableRawPointer] = [:]
        var free: [Int: [UnsafeMutableRawPointer]] = [:]
        try region.forEachRecord { record in
            guard record.tag == RecordTag.group, let group = GroupRecord(record), group.kind < StatSchema.kinds.count else { return }
            let payload = record.payload.baseAddress.unsafelyUnwrapped
            if record.sequence.pointee & 1 == 0 {
                found[Key(kind: group.kind, name: group.name)] = payload
            } else {
                free[group.kind, default: []].append(payload)
            }
        }
        groups = found
        retired = free
    }

    deinit {
        for memory in privateMemory { memory.deallocate() }
    }

    // MARK: Groups by name

    /// `cluster.<name>.`
    public func cluster(_ name: String) -> ClusterStats { view([name]) }
    /// `http.<prefix>.`
    public func http(prefix: String) -> HTTPStats { view([prefix]) }
    /// - Parameter address: Envoy's way to write it, `0.0.0.0_10000`, or the listener's stat prefix.
    public func listener(_ address: String) -> ListenerStats { view([address]) }
    /// `listener.<address>.http.<prefix>.`
    public func listenerHTTP(_ address: String, prefix: String) -> ListenerHTTPStats { view([address, prefix]) }
    /// `http1.`: the downstream codec, all listeners together.
    public func http1() -> HTTP1CodecStats { view([]) }
    /// `http2.`: the downstream codec, all listeners together.
    public func http2() -> HTTP2CodecStats { view([]) }
    /// `cluster.<name>.http2.`
    public func clusterHTTP2(_ name: String) -> ClusterHTTP2CodecStats { view([name]) }
    /// One host of a cluster; see ``retireHost(_:of:)``.
    public func host(_ address: String, of cluster: String) -> HostStats {
        hostUsers[GroupName.join([cluster, address]), default: 0] += 1
        return view([cluster, address])
    }
    /// `listener.<address>.ssl.`
    public func listenerTLS(_ address: String) -> ListenerTLSStats { view([address]) }
    /// `cluster.<name>.ssl.`
    public func clusterTLS(_ name: String) -> ClusterTLSStats { view([name]) }
    /// `vhost.<virtual host>.vcluster.<name>.`
    public func virtualCluster(_ name: String, of virtualHost: String) -> VirtualClusterStats { view([virtualHost, name]) }
    /// `tcp.<prefix>.`
    public func tcp(prefix: String) -> TCPStats { view([prefix]) }
    /// - Parameters:
    ///   - prefix: of the connection manager, or the name of the cluster whose filter it is.
    ///   - statPrefix: the filter's own, may be empty.
    public func lua(prefix: String, statPrefix: String, isUpstream: Bool = false) -> LuaStats {
        isUpstream ? LuaStats(group: group(.clusterLua, [prefix, statPrefix])) : view([prefix, statPrefix])
    }
    /// `http.STAT_PREFIX.lua.FILTER_STAT_PREFIX.version.VERSION.`
    public func luaVersion(prefix: String, statPrefix: String, version: String) -> LuaVersionStats { view([prefix, statPrefix, version]) }
    /// `lua.`
    public func luaMachines() -> LuaMachineStats { view([]) }
    /// A counter that a script made, below its filter's own.
    public func luaCounter(prefix: String, statPrefix: String, name: String, isUpstream: Bool = false) -> Counter {
        isUpstream
            ? (view([prefix, statPrefix, name]) as ClusterLuaCounterStat).handle : (view([prefix, statPrefix, name]) as LuaCounterStat).handle
    }
    /// As ``luaCounter(prefix:statPrefix:name:)``.
    public func luaGauge(prefix: String, statPrefix: String, name: String, isUpstream: Bool = false) -> Gauge {
        isUpstream
            ? (view([prefix, statPrefix, name]) as ClusterLuaGaugeStat).handle : (view([prefix, statPrefix, name]) as LuaGaugeStat).handle
    }
    /// As ``luaCounter(prefix:statPrefix:name:)``.
    public func luaHistogram(prefix: String, statPrefix: String, name: String, isUpstream: Bool = false) -> Histogram {
        isUpstream
            ? (view([prefix, statPrefix, name]) as ClusterLuaHistogramStat).handle : (view([prefix, statPrefix, name]) as LuaHistogramStat).handle
    }
    /// A counter of the business that the proxy carries: the name is the metric's own, whole.
    public func metricCounter(_ name: String, _ labels: StatLabels) -> Counter {
        (view([name, labels.encoded]) as MetricCounterStat).handle
    }
    /// As ``metricCounter(_:_:)``.
    public func metricGauge(_ name: String, _ labels: StatLabels) -> Gauge {
        (view([name, labels.encoded]) as MetricGaugeStat).handle
    }
    /// As ``metricCounter(_:_:)``.
    public func metricHistogram(_ name: String, _ labels: StatLabels) -> Histogram {
        (view([name, labels.encoded]) as MetricHistogramStat).handle
    }
    /// - Parameter statPrefix: the filter's own, may be empty.
    public func bodyRoute(prefix: String, statPrefix: String) -> BodyRouteStats { view([prefix, statPrefix]) }
    /// `server.`
    public func server() -> ServerStats { view([]) }
    /// `listener_manager.`
    public func listenerManager() -> ListenerManagerStats { view([]) }
    /// `cluster_manager.`
    public func clusterManager() -> ClusterManagerStats { view([]) }
    /// `worker.<number>.`
    public func worker(_ number: Int) -> WorkerStats { view([String(number)]) }
    /// `filesystem.`
    public func filesystem() -> FilesystemStats { view([]) }
    /// `control_plane.`
    public func controlPlane() -> ControlPlaneStats { view([]) }
    /// `cluster_manager.cds.`
    public func clusterDiscovery() -> ClusterDiscoveryStats { view([]) }
    /// `listener_manager.lds.`
    public func listenerDiscovery() -> ListenerDiscoveryStats { view([]) }
    /// `<service>.`: `eds.`, `rds.`, `sds.`
    public func discovery(_ service: String) -> NamedDiscoveryStats { view([service]) }

    /// Takes a cluster's groups out of the statistics. Nothing may hold a view of them any longer: their memory serves
    /// other clusters.
    public func retireCluster(_ name: String) {
        for id in [StatKindID.cluster, .clusterHTTP2, .clusterTLS] { retire(id, [name]) }
    }

    /// One that asked for a host's group needs it no longer; the last one takes it out, as ``retireCluster(_:)`` does a
    /// cluster's.
    public func retireHost(_ address: String, of cluster: String) {
        let name = GroupName.join([cluster, address])
        let left = (hostUsers[name] ?? 1) - 1
        hostUsers[name] = left > 0 ? left : nil
        if left <= 0 { retire(.host, [cluster, address]) }
    }

    /// Takes a listener's groups out, as ``retireCluster(_:)`` does a cluster's.
    public func retireListener(_ address: String) {
        for id in [StatKindID.listener, .listenerTLS] { retire(id, [address]) }
        let prefix = GroupName.join([address, ""])
        for key in groups.keys where key.kind == StatKindID.listenerHTTP.rawValue && key.name.hasPrefix(prefix) {
            retire(key)
        }
    }

    // MARK: Private parts

    private func view<View: StatView>(_ parts: [String]) -> View {
        View(group: group(View.id, parts))
    }

    private func group(_ id: StatKindID, _ parts: [String]) -> StatGroup {
        let key = Key(kind: id.rawValue, name: GroupName.join(parts))
        let slotCount = StatSchema.kinds[key.kind].stats.count
        if let payload = groups[key] ?? reuse(key) ?? append(key, slotCount: slotCount) {
            groups[key] = payload
            return StatGroup(slots: StatsSegment.slots(payload), segment: .passUnretained(self))
        }
        // The data plane goes on without being seen rather than not at all.
        refusedGroups += 1
        let memory = UnsafeMutablePointer<UInt64>.allocate(capacity: slotCount)
        memory.initialize(repeating: 0, count: slotCount)
        privateMemory.append(memory)
        return StatGroup(slots: memory, segment: .passUnretained(self))
    }

    private static func slots(_ payload: UnsafeMutableRawPointer) -> UnsafeMutablePointer<UInt64> {
        (payload + GroupLayout.slots).assumingMemoryBound(to: UInt64.self)
    }

    private func append(_ key: Key, slotCount: Int) -> UnsafeMutableRawPointer? {
        let name = GroupName.stored(key.name)
        // A little more room than needed, so that the record can serve another name later.
        let nameCapacity = (name.count + 31) & ~31
        return region.append(tag: RecordTag.group, payloadSize: GroupLayout.slots + slotCount * 8 + nameCapacity) { payload in
            payload.storeBytes(of: UInt32(key.kind), toByteOffset: GroupLayout.kind, as: UInt32.self)
            payload.storeBytes(of: UInt32(nameCapacity), toByteOffset: GroupLayout.nameCapacity, as: UInt32.self)
            payload.storeBytes(of: UInt32(name.count), toByteOffset: GroupLayout.nameLength, as: UInt32.self)
            payload.storeBytes(of: UInt32(slotCount), toByteOffset: GroupLayout.slotCount, as: UInt32.self)
            UnsafeMutableRawBufferPointer(rebasing: payload[(GroupLayout.slots + slotCount * 8)...]).copyBytes(from: name)
        }?.baseAddress
    }

    /// Gives a retired record of the same kind to a new name.
    private func reuse(_ key: Key) -> UnsafeMutableRawPointer? {
        let name = GroupName.stored(key.name)
        guard let free = retired[key.kind],
            let index = free.firstIndex(where: {
                Int($0.load(fromByteOffset: GroupLayout.nameCapacity, as: UInt32.self)) >= name.count
            })
        else { return nil }
        let payload = free[index]
        retired[key.kind]?.remove(at: index)
        let slots = StatsSegment.slots(payload)
        for (slot, stat) in StatSchema.kinds[key.kind].stats.enumerated() { clear(slots + slot, stat.type) }
        let nameStart = payload + GroupLayout.slots + StatSchema.kinds[key.kind].stats.count * 8
        UnsafeMutableRawBufferPointer(start: nameStart, count: name.count).copyBytes(from: name)
        payload.storeBytes(of: UInt32(name.count), toByteOffset: GroupLayout.nameLength, as: UInt32.self)
        let sequence = StatsSegment.sequence(payload)
        heddle_store_release_u64(sequence, heddle_load_relaxed_u64(sequence) &+ 1)
        return payload
    }

    /// Zeroes a slot; buckets that it has stay, empty.
    private func clear(_ slot: UnsafeMutablePointer<UInt64>, _ type: StatType) {
        let offset = heddle_load_relaxed_u64(slot)
        switch type {
        case .counter, .gauge, .sharedGauge:
            heddle_store_relaxed_u64(slot, 0)
        case .timing, .distribution:
            if offset != 0 { block(at: offset).update(repeating: 0, count: HistogramBuckets.words) }
        case .codes:
            var link = offset
            while link != 0 {
                let words = block(at: link)
                for word in 0..<(StatusCodes.words - 1) { heddle_store_relaxed_u64(words + word, 0) }
                link = heddle_load_relaxed_u64(words + StatusCodes.words - 1)
            }
        }
    }

    private func retire(_ id: StatKindID, _ parts: [String]) {
        retire(Key(kind: id.rawValue, name: GroupName.join(parts)))
    }

    private func retire(_ key: Key) {
        guard let payload = groups.removeValue(forKey: key) else { return }
        let sequence = StatsSegment.sequence(payload)
        heddle_store_relaxed_u64(sequence, heddle_load_relaxed_u64(sequence) &+ 1)
        heddle_fence_release()
        retired[key.kind, default: []].append(payload)
    }

    private static func sequence(_ payload: UnsafeMutableRawPointer) -> UnsafeMutablePointer<UInt64> {
        (payload - 8).assumingMemoryBound(to: UInt64.self)
    }

    // MARK: Blocks of distributions and status codes

    /// Appends zeroed words and stores their offset in `slot`.
    /// - Returns: the offset, 0 when the region is full.
    func allocateBlock(tag: UInt32, words: Int, for slot: UnsafeMutablePointer<UInt64>) -> UInt64 {
        guard let payload = region.append(tag: tag, payloadSize: words * 8, fill: { _ in }) else { return 0 }
        let offset = UInt64(payload.baseAddress.unsafelyUnwrapped - base)
        heddle_store_release_u64(slot, offset)
        return offset
    }

    func block(at offset: UInt64) -> UnsafeMutablePointer<UInt64> {
        (base + Int(truncatingIfNeeded: offset)).assumingMemoryBound(to: UInt64.self)
    }
}

/// The parts of a group's name as one text.
enum GroupName {
    /// Separates the parts; no part may hold it.
    private static let separator: Character = "\0"

    static func join(_ parts: [String]) -> String {
        // One clean part stays the caller's own string: a thousand clusters have several groups each.
        if parts.count == 1, !parts[0].contains(separator) { return parts[0] }
        return parts.map { $0.contains(separator) ? String($0.map { $0 == separator ? "_" : $0 }) : $0 }.joined(separator: String(separator))
    }

    static func split(_ name: String) -> [String] {
        name.split(separator: separator, omittingEmptySubsequences: false).map(String.init)
    }

    /// The bytes that a record holds: at most ``StatsSegment/maximumName``.
    static func stored(_ name: String) -> [UInt8] { Array(name.utf8.prefix(StatsSegment.maximumName)) }
}
