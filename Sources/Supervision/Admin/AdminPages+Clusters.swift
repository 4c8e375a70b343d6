import Bytes
import DataPlane
import Observability
import ProxyModel
import Reactor
import ServiceKit
import SwiftProtobuf
import TrafficPolicy

extension AdminPages {
    /// A host of a cluster, with what all workers have counted of it.
    private struct Member {
        let address: SocketAddress
        let hostname: String
        let weight: UInt32
        let priority: Int
        let health: HostHealthFlags
        var locality = Envoy_Config_Core_V3_Locality()
        var counts: [(name: String, level: Int64, isGauge: Bool)] = []

        init(_ endpoint: Endpoint) {
            address = endpoint.address
            hostname = endpoint.hostname ?? ""
            weight = endpoint.weight
            priority = endpoint.priority
            health = endpoint.health
        }
    }

    /// The hosts of a cluster: its own, or those that names and discovery gave it.
    private func members(_ cluster: Envoy_Config_Cluster_V3_Cluster, _ statistics: HostStatistics) -> [Member] {
        var assignment = cluster.loadAssignment
        var members: [Member]
        if let endpoints = supervisor.names.known(cluster.name) {
            members = endpoints.map { Member($0) }
        } else {
            if cluster.type == .eds {
                let name = cluster.edsClusterConfig.serviceName.isEmpty ? cluster.name : cluster.edsClusterConfig.serviceName
                let held = supervisor.ledger.store.active[ResourceKey(.clusterLoadAssignment, name)]
                assignment = held.flatMap { ConfigDump.decode($0) } ?? assignment
            }
            members = assignment.endpoints.flatMap { locality in
                locality.lbEndpoints.compactMap { message in
                    guard let endpoint = try? Endpoint(message, priority: locality.priority) else { return nil }
                    var member = Member(endpoint)
                    member.locality = locality.locality
                    return member
                }
            }
        }
        for index in members.indices {
            members[index].counts = statistics.counts(cluster: cluster.statName, host: members[index].address.description)
        }
        return members
    }

    func clusters(_ request: ServiceRequest) -> ServiceResponse {
        guard supervisor.bootstrap != nil else { return Self.notReady }
        let clusters = supervisor.ledger.store.active(.cluster)
        let statistics = supervisor.hostStatistics()
        guard request.query("format") == "json" else {
            return ServiceResponse(text: clusters.map { text($0, statistics) }.joined())
        }
        var json = JSONText()
        json.object { json in
            json.array("cluster_statuses") { json in
                for resource in clusters {
                    guard let cluster: Envoy_Config_Cluster_V3_Cluster = ConfigDump.decode(resource) else { continue }
                    json.object { append(cluster, isStatic: resource.origin == .bootstrap, statistics, to: &$0) }
                }
            }
        }
        return .json(json.bytes)
    }

    private func append(
        _ cluster: Envoy_Config_Cluster_V3_Cluster, isStatic: Bool, _ statistics: HostStatistics, to json: inout JSONText
    ) {
        json.field("name", cluster.name)
        json.field("observability_name", cluster.statName)
        json.field("added_via_api", !isStatic)
        json.array("host_statuses") { json in
            for member in members(cluster, statistics) {
                json.object { json in
                    json.object("address") { Self.append(member.address, to: &$0) }
                    json.array("stats") { json in
                        for count in member.counts {
                            json.object { json in
                                if count.isGauge { json.field("type", "GAUGE") }
                                json.field("name", count.name)
                                json.field("value", "\(count.level)")
                            }
                        }
                    }
                    json.field("hostname", member.hostname)
                    json.field("weight", Int(member.weight))
                    json.field("priority", member.priority)
                    json.object("locality") { json in
                        json.field("region", member.locality.region)
                        json.field("zone", member.locality.zone)
                        json.field("sub_zone", member.locality.subZone)
                    }
                    json.object("health_status") { $0.field("eds_health_status", member.health.discovered) }
                }
            }
        }
    }

    private func text(_ resource: StoredResource, _ statistics: HostStatistics) -> String {
        guard let cluster: Envoy_Config_Cluster_V3_Cluster = ConfigDump.decode(resource) else { return "" }
        let name = cluster.name
        var text = "\(name)::observability_name::\(cluster.statName)\n"
        let (normal, high) = CircuitThresholds.compile(cluster.circuitBreakers)
        for (priority, limits) in [("default", normal), ("high", high)] {
            text += "\(name)::\(priority)_priority::max_connections::\(limits.maxConnections)\n"
            text += "\(name)::\(priority)_priority::max_pending_requests::\(limits.maxPendingRequests)\n"
            text += "\(name)::\(priority)_priority::max_requests::\(limits.maxRequests)\n"
            text += "\(name)::\(priority)_priority::max_retries::\(limits.maxRetries)\n"
        }
        text += "\(name)::added_via_api::\(resource.origin != .bootstrap)\n"
        for member in members(cluster, statistics) {
            let start = "\(name)::\(member.address)::"
            for count in member.counts { text += "\(start)\(count.name)::\(count.level)\n" }
            text += "\(start)hostname::\(member.hostname)\n"
            text += "\(start)health_flags::\(member.health.text)\n"
            text += "\(start)weight::\(member.weight)\n"
            text += "\(start)region::\(member.locality.region)\n"
            text += "\(start)zone::\(member.locality.zone)\n"
            text += "\(start)sub_zone::\(member.locality.subZone)\n"
            text += "\(start)priority::\(member.priority)\n"
        }
        return text
    }
}

extension Envoy_Config_Cluster_V3_Cluster {
    /// What the cluster is called in statistics.
    var statName: String { altStatName.isEmpty ? name : altStatName }
}

extension HostHealthFlags {
    /// As `/clusters` writes what endpoint discovery says of a host.
    fileprivate var text: String {
        if contains(.unhealthyByDiscovery) { return "/failed_eds_health" }
        return contains(.degradedByDiscovery) ? "/degraded_eds_health" : "healthy"
    }

    /// The same in Envoy's JSON.
    fileprivate var discovered: String {
        if contains(.unhealthyByDiscovery) { return "UNHEALTHY" }
        return contains(.degradedByDiscovery) ? "DEGRADED" : "HEALTHY"
    }
}
