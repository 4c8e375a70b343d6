import Bytes
import DataPlane
import ProxyModel
import SwiftProtobuf
import TrafficPolicy

/// A cluster whose endpoints are names (STRICT_DNS, LOGICAL_DNS).
struct NamePlan: Equatable, Sendable {
    /// Which addresses of a name are wanted (`dns_lookup_family`).
    enum Family: Equatable, Sendable {
        case v4, v6
        /// One kind, and the other when there is none of it.
        case v6Preferred, v4Preferred
        case all
    }

    /// One endpoint of the configuration.
    struct Target: Hashable, Sendable {
        var host: String
        var port: UInt16
        var weight: UInt32
        var priority: Int
        var hostname: String
        var isDisabled: Bool
        var labels: SocketLabels?
    }

    /// Bytes that the different labels of a cluster's endpoints may have together: they travel in one message.
    static let maximumLabelBytes = 16 * 1024

    var cluster: String
    /// What the cluster is called in statistics.
    var statName: String
    /// LOGICAL_DNS: only the first address of the first name.
    var isLogical: Bool
    var family: Family
    var refresh: NameRefresh.Settings
    /// Servers of its own (the cluster's `typed_dns_resolver_config`); nil: those of the proxy.
    var resolver: NameResolver.Settings?
    var targets: [Target]

    init(_ message: Envoy_Config_Cluster_V3_Cluster) {
        cluster = message.name
        statName = message.statName
        isLogical = message.type == .logicalDns
        family =
            switch message.dnsLookupFamily {
            case .v4Only: .v4
            case .v6Only: .v6
            case .v4Preferred: .v4Preferred
            case .all: .all
            default: .v6Preferred
            }
        refresh = NameRefresh.Settings(message)
        // Validation has seen that it can be read.
        resolver = message.hasTypedDnsResolverConfig ? try? NameResolver.Settings(message.typedDnsResolverConfig) : nil
        targets = message.loadAssignment.endpoints.flatMap { locality in
            locality.lbEndpoints.map { member in
                let socket = member.endpoint.address.socketAddress
                return Target(
                    host: socket.address, port: UInt16(clamping: socket.portValue),
                    weight: member.hasLoadBalancingWeight ? member.loadBalancingWeight.value : 1,
                    priority: Int(locality.priority),
                    hostname: member.endpoint.hostname.isEmpty ? socket.address : member.endpoint.hostname,
                    isDisabled: member.healthStatus == .unhealthy || member.healthStatus == .draining || member.healthStatus == .timeout,
                    labels: .of(member.metadata, in: locality.metadata))
            }
        }
    }
}

extension NamePlan {
    /// Bytes of the different labels of the endpoints, as they travel.
    var labelBytes: Int { Set(targets.compactMap(\.labels)).reduce(0) { $0 + $1.encoded.count } }
}

/// When a name is asked for again. Pure: it is told the time to live and the random number.
struct NameRefresh: Equatable, Sendable {
    /// What the configuration says; in nanoseconds.
    struct Settings: Equatable, Sendable {
        var rate: UInt64 = 5_000_000_000
        var respectsTTL = false
        var jitter: UInt64 = 0
        var failureBase: UInt64 = 5_000_000_000
        var failureMaximum: UInt64 = 5_000_000_000

        init() {}

        init(_ message: Envoy_Config_Cluster_V3_Cluster) {
            if message.hasDnsRefreshRate { rate = max(1_000_000, message.dnsRefreshRate.nanoseconds) }
            respectsTTL = message.respectDnsTtl
            jitter = message.dnsJitter.nanoseconds
            failureBase = rate
            failureMaximum = rate
            if message.hasDnsFailureRefreshRate {
                failureBase = max(1_000_000, message.dnsFailureRefreshRate.baseInterval.nanoseconds)
                failureMaximum =
                    message.dnsFailureRefreshRate.hasMaxInterval
                    ? max(failureBase, message.dnsFailureRefreshRate.maxInterval.nanoseconds) : failureBase &* 10
            }
        }
    }

    let settings: Settings
    private var failures: UInt64 = 0

    init(_ settings: Settings) { self.settings = settings }

    /// An answer came.
    /// - Parameter ttl: seconds, the smallest of the answer's; nil when it has none.
    /// - Returns: nanoseconds until the name is asked for again.
    mutating func answered(ttl: Int?, random: UInt64) -> UInt64 {
        failures = 0
        let jitter = settings.jitter > 0 ? random % (settings.jitter + 1) : 0
        guard settings.respectsTTL, let ttl, ttl > 0 else { return settings.rate + jitter }
        return UInt64(ttl) * 1_000_000_000 + jitter
    }

    /// No answer came.
    /// - Returns: nanoseconds until the name is asked for again: random, in an interval that doubles up to a bound.
    mutating func failed(random: UInt64) -> UInt64 {
        let exponent = min(failures, 20)
        failures += 1
        let interval = min(settings.failureMaximum, settings.failureBase << exponent)
        guard settings.failureMaximum > settings.failureBase else { return interval }
        return max(settings.failureBase / 2, random % (interval + 1))
    }
}
