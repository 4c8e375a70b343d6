/// Index of a kind in ``StatSchema/kinds``.
enum StatKindID: Int, CaseIterable {
    case cluster, http, listener, listenerHTTP, http1, http2, clusterHTTP2, listenerTLS, clusterTLS, tcp, lua
    case luaMachines, luaCounter, luaGauge, luaHistogram, metricCounter, metricGauge, metricHistogram, bodyRoute, luaVersion, virtualCluster
    case clusterLua, clusterLuaCounter, clusterLuaGauge, clusterLuaHistogram
    case server, listenerManager, clusterManager, worker, filesystem
    case controlPlane, clusterDiscovery, listenerDiscovery, namedDiscovery
    case host
}

/// Lets the segment hand out typed views by their type.
protocol StatView {
    static var kind: StatKind { get }
    static var id: StatKindID { get }
    init(group: StatGroup)
}

/// All kinds that this program writes, and the form in which a region describes them.
///
/// ```
/// kinds u16, then for each: pattern (length u16, UTF-8), stats u16, then for each: type u8, name (length u16, UTF-8)
/// ```
public enum StatSchema {
    /// Most kinds, and statistics of a kind, that a reader accepts.
    static let maximumKinds = 1024
    static let maximumStats = 4096

    static let kinds: [StatKind] = StatKindID.allCases.map { id in
        let view = view(id)
        precondition(view.id == id, "a view in the wrong place")
        return view.kind
    }

    static let encoded: [UInt8] = encode(kinds)

    private static func view(_ id: StatKindID) -> any StatView.Type {
        switch id {
        case .cluster: ClusterStats.self
        case .http: HTTPStats.self
        case .listener: ListenerStats.self
        case .listenerHTTP: ListenerHTTPStats.self
        case .http1: HTTP1CodecStats.self
        case .http2: HTTP2CodecStats.self
        case .clusterHTTP2: ClusterHTTP2CodecStats.self
        case .listenerTLS: ListenerTLSStats.self
        case .clusterTLS: ClusterTLSStats.self
        case .tcp: TCPStats.self
        case .lua: LuaStats.self
        case .luaMachines: LuaMachineStats.self
        case .luaCounter: LuaCounterStat.self
        case .luaGauge: LuaGaugeStat.self
        case .luaHistogram: LuaHistogramStat.self
        case .metricCounter: MetricCounterStat.self
        case .metricGauge: MetricGaugeStat.self
        case .metricHistogram: MetricHistogramStat.self
        case .bodyRoute: BodyRouteStats.self
        case .luaVersion: LuaVersionStats.self
        case .virtualCluster: VirtualClusterStats.self
        case .clusterLua: ClusterLuaStats.self
        case .clusterLuaCounter: ClusterLuaCounterStat.self
        case .clusterLuaGauge: ClusterLuaGaugeStat.self
        case .clusterLuaHistogram: ClusterLuaHistogramStat.self
        case .server: ServerStats.self
        case .listenerManager: ListenerManagerStats.self
        case .clusterManager: ClusterManagerStats.self
        case .worker: WorkerStats.self
        case .filesystem: FilesystemStats.self
        case .host: HostStats.self
        case .controlPlane: ControlPlaneStats.self
        case .clusterDiscovery: ClusterDiscoveryStats.self
        case .listenerDiscovery: ListenerDiscoveryStats.self
        case .namedDiscovery: NamedDiscoveryStats.self
        }
    }

    static func encode(_ kinds: [StatKind]) -> [UInt8] {
        var bytes: [UInt8] = []
        func append(_ value: Int) { bytes += [UInt8(value & 0xFF), UInt8(value >> 8 & 0xFF)] }
        func append(_ text: String) {
            append(text.utf8.count)
            bytes += text.utf8
        }
        append(kinds.count)
        for kind in kinds {
            append(kind.pattern)
            append(kind.stats.count)
            for stat in kind.stats {
                bytes.append(stat.type.rawValue)
                append(stat.name)
            }
        }
        return bytes
    }

    /// Reads what another process wrote.
    static func decode(_ bytes: [UInt8]) throws(RegionError) -> [StatKind] {
        var cursor = Cursor(bytes: bytes)
        let count = try cursor.number(atMost: maximumKinds)
        var kinds: [StatKind] = []
        for _ in 0..<count {
            let pattern = try cursor.text()
            let statCount = try cursor.number(atMost: maximumStats)
            var stats: [StatDefinition] = []
            for _ in 0..<statCount {
                guard let type = StatType(rawValue: try cursor.byte()) else { throw cursor.failure("an unknown type") }
                stats.append(StatDefinition(name: try cursor.text(), type: type))
            }
            kinds.append(StatKind(pattern: pattern, stats: stats))
        }
        return kinds
    }

    private struct Cursor {
        let bytes: [UInt8]
        var offset = 0

        func failure(_ what: String) -> RegionError {
            .corrupt(what: "\(what) in the schema", offset: SharedRegion.headerSize + offset)
        }

        mutating func byte() throws(RegionError) -> UInt8 {
            guard offset < bytes.count else { throw failure("the end") }
            offset += 1
            return bytes[offset - 1]
        }

        mutating func number(atMost limit: Int) throws(RegionError) -> Int {
            let value = Int(try byte()) | Int(try byte()) << 8
            guard value <= limit else { throw failure("the number \(value)") }
            return value
        }

        mutating func text() throws(RegionError) -> String {
            let length = try number(atMost: 1024)
            guard length <= bytes.count - offset, let text = String(validating: bytes[offset..<offset + length], as: UTF8.self)
            else { throw failure("no text") }
            offset += length
            return text
        }
    }
}
