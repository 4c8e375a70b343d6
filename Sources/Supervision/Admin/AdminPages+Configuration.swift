import Bytes
import DataPlane
import Observability
import ProxyModel
import Reactor
import SecureTransport
import ServiceKit
import SwiftProtobuf

extension AdminPages {
    private static let notReady = ServiceResponse(503, text: "no configuration is in force\n")

    func listeners(_ request: ServiceRequest) -> ServiceResponse {
        let bound = supervisor.sockets.bound
        guard request.query("format") == "json" else {
            return ServiceResponse(text: bound.map { "\($0.binding.listener)::\($0.address)\n" }.joined())
        }
        var json = JSONText()
        json.object { json in
            json.array("listener_statuses") { json in
                for socket in bound {
                    json.object { json in
                        json.field("name", socket.binding.listener)
                        json.object("local_address") { Self.append(socket.address, to: &$0) }
                    }
                }
            }
        }
        return .json(json.bytes)
    }

    private static func append(_ address: SocketAddress, to json: inout JSONText) {
        switch address.kind {
        case .ip(_, let port):
            var host = ByteWriter(capacity: 64)
            address.appendHost(to: &host)
            let text = host.text
            json.object("socket_address") { json in
                json.field("address", text)
                json.field("port_value", Int(port))
            }
        case .unix(let path): json.object("pipe") { $0.field("path", path) }
        }
    }

    // MARK: Clusters

    private struct Member {
        let address: SocketAddress
        let hostname: String
        let weight: UInt32
        let priority: Int
    }

    private func members(_ cluster: Envoy_Config_Cluster_V3_Cluster) -> [Member] {
        if let endpoints = supervisor.names.known(cluster.name) {
            return endpoints.map { Member(address: $0.address, hostname: $0.hostname ?? "", weight: $0.weight, priority: $0.priority) }
        }
        var assignment = cluster.loadAssignment
        if cluster.type == .eds {
            let name = cluster.edsClusterConfig.serviceName.isEmpty ? cluster.name : cluster.edsClusterConfig.serviceName
            let held = supervisor.ledger.store.active[ResourceKey(.clusterLoadAssignment, name)]
            assignment = held.flatMap { ConfigDump.decode($0) } ?? assignment
        }
        return assignment.endpoints.flatMap { locality in
            locality.lbEndpoints.compactMap { member in
                guard case .success(let address) = Address.compile(member.endpoint.address) else { return nil }
                return Member(
                    address: address, hostname: member.endpoint.hostname,
                    weight: member.hasLoadBalancingWeight ? member.loadBalancingWeight.value : 1, priority: Int(locality.priority))
            }
        }
    }

    func clusters(_ request: ServiceRequest) -> ServiceResponse {
        guard supervisor.bootstrap != nil else { return Self.notReady }
        let clusters = supervisor.ledger.store.active(.cluster)
        guard request.query("format") == "json" else {
            return ServiceResponse(text: clusters.map { clusterText($0) }.joined())
        }
        var json = JSONText()
        json.object { json in
            json.array("cluster_statuses") { json in
                for resource in clusters {
                    guard let cluster: Envoy_Config_Cluster_V3_Cluster = ConfigDump.decode(resource) else { continue }
                    json.object { append(cluster, isStatic: resource.origin == .bootstrap, to: &$0) }
                }
            }
        }
        return .json(json.bytes)
    }

    private func append(_ cluster: Envoy_Config_Cluster_V3_Cluster, isStatic: Bool, to json: inout JSONText) {
        json.field("name", cluster.name)
        json.field("added_via_api", !isStatic)
        json.array("host_statuses") { json in
            for member in members(cluster) {
                json.object { json in
                    json.object("address") { Self.append(member.address, to: &$0) }
                    json.field("hostname", member.hostname)
                    json.field("weight", Int(member.weight))
                    json.field("priority", member.priority)
                    json.object("health_status") { $0.field("eds_health_status", "HEALTHY") }
                }
            }
        }
    }

    private func clusterText(_ resource: StoredResource) -> String {
        guard let cluster: Envoy_Config_Cluster_V3_Cluster = ConfigDump.decode(resource) else { return "" }
        let name = cluster.name
        var text = ""
        for (index, priority) in ["default", "high"].enumerated() {
            let threshold = cluster.circuitBreakers.thresholds.first { $0.priority.rawValue == index }
            func limit(_ has: Bool?, _ value: UInt32?, _ usual: UInt32) -> UInt32 { has == true ? value ?? usual : usual }
            text += "\(name)::\(priority)_priority::max_connections::\(limit(threshold?.hasMaxConnections, threshold?.maxConnections.value, 1024))\n"
            text += "\(name)::\(priority)_priority::max_pending_requests::\(limit(threshold?.hasMaxPendingRequests, threshold?.maxPendingRequests.value, 1024))\n"
            text += "\(name)::\(priority)_priority::max_requests::\(limit(threshold?.hasMaxRequests, threshold?.maxRequests.value, 1024))\n"
            text += "\(name)::\(priority)_priority::max_retries::\(limit(threshold?.hasMaxRetries, threshold?.maxRetries.value, 3))\n"
        }
        text += "\(name)::added_via_api::\(resource.origin != .bootstrap)\n"
        for member in members(cluster) {
            text += "\(name)::\(member.address)::hostname::\(member.hostname)\n"
            text += "\(name)::\(member.address)::weight::\(member.weight)\n"
            text += "\(name)::\(member.address)::priority::\(member.priority)\n"
        }
        return text
    }

    // MARK: The dump

    func configDump(_ request: ServiceRequest) -> ServiceResponse {
        guard let bootstrap = supervisor.bootstrap else { return Self.notReady }
        do {
            var selection = ConfigDump.Selection()
            selection.includesEndpoints = request.query("include_eds") != nil
            selection.resource = request.query("resource")
            let dump = ConfigDump(store: supervisor.ledger.store, bootstrap: bootstrap.bytes, selection: selection)
            return .json(try dump.json())
        } catch let error as ConfigDump.Unknown {
            return ServiceResponse(400, text: error.description + "\n")
        } catch {
            return ServiceResponse(500, text: "the configuration cannot be shown: \(error)\n")
        }
    }

    /// What has been accepted and is not in force yet, in Envoy's shape, and what each still waits for.
    func initDump(_ request: ServiceRequest) -> ServiceResponse {
        var json = JSONText()
        let ledger = supervisor.ledger
        json.object { json in
            json.array("unready_targets_dumps") { json in
                for resource in ledger.store.all where ledger.warming.isWaiting(resource.key) {
                    json.object { json in
                        json.field("name", resource.key.description)
                        json.array("target_names") { json in
                            for need in ledger.warming.missing(resource.key).map(\.description).sorted() { json.item(need) }
                        }
                    }
                }
            }
        }
        return .json(json.bytes)
    }

    func certificates(_ request: ServiceRequest) -> ServiceResponse {
        guard supervisor.bootstrap != nil else { return Self.notReady }
        var json = JSONText()
        json.object { json in
            json.array("certificates") { json in
                for source in CertificateSources.all(supervisor.ledger.store) {
                    json.object { json in
                        json.field("path", source.name)
                        json.field("kind", source.kind)
                        json.array("certificates") { source.append(to: &$0) }
                    }
                }
            }
        }
        return .json(json.bytes)
    }
}
