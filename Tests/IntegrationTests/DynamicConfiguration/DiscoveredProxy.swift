import Foundation
import TestKit

/// What a proxy gets from a control plane, in protobuf's JSON form, and the bootstrap that makes it ask.
struct DiscoveredProxy {
    /// How the sources are spoken to.
    enum Sources: String, CaseIterable, Sendable {
        case stateOfTheWorld = "GRPC"
        case delta = "DELTA_GRPC"
    }

    static let listener = "type.googleapis.com/envoy.config.listener.v3.Listener"
    static let manager =
        "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
    static let router = "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"
    private static var ads: [String: Any] { ["ads": [String: Any](), "resource_api_version": "V3"] }

    static func address(_ port: UInt16, host: String = Loopback.address) -> [String: Any] {
        ["socket_address": ["address": host, "port_value": Int(port)]]
    }

    static func cluster(_ name: String, connectTimeout: String = "1s") -> [String: Any] {
        [
            "@type": "type.googleapis.com/envoy.config.cluster.v3.Cluster", "name": name, "type": "EDS",
            "connect_timeout": connectTimeout, "eds_cluster_config": ["eds_config": ads],
        ]
    }

    static func endpoints(_ cluster: String, _ ports: [UInt16]) -> [String: Any] {
        [
            "@type": "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment", "cluster_name": cluster,
            "endpoints": [["lb_endpoints": ports.map { ["endpoint": ["address": address($0)]] }]],
        ]
    }

    static func routes(_ name: String = "routes", to cluster: String) -> [String: Any] {
        [
            "@type": "type.googleapis.com/envoy.config.route.v3.RouteConfiguration", "name": name,
            "virtual_hosts": [
                [
                    "name": "all", "domains": ["*"],
                    "routes": [["match": ["prefix": "/"], "route": ["cluster": cluster]]],
                ]
            ],
        ]
    }

    static func listener(_ name: String = "in", port: UInt16, routes: String = "routes") -> [String: Any] {
        let chain: [String: Any] = [
            "filters": [
                [
                    "name": "hcm",
                    "typed_config": [
                        "@type": manager, "stat_prefix": name,
                        "rds": ["route_config_name": routes, "config_source": ads],
                        "http_filters": [["name": "router", "typed_config": ["@type": router]]],
                    ],
                ]
            ]
        ]
        return ["@type": listener, "name": name, "address": address(port), "filter_chains": [chain]]
    }

    /// A bootstrap that has everything from one control plane.
    static func bootstrap(
        _ sources: Sources, controlPlane: String, admin: UInt16, fetchTimeout: String = "15s",
        transportSocket: String = ""
    ) -> String {
        """
        node: {id: node-1, cluster: test, metadata: {role: sidecar, labels: {app: reviews}}}
        admin: {address: {socket_address: {address: \(Loopback.address), port_value: \(admin)}}}
        dynamic_resources:
          ads_config:
            api_type: \(sources.rawValue)
            transport_api_version: V3
            set_node_on_first_message_only: true
            grpc_services: [{envoy_grpc: {cluster_name: xds}}]
          lds_config: {ads: {}, resource_api_version: V3, initial_fetch_timeout: \(fetchTimeout)}
          cds_config: {ads: {}, resource_api_version: V3, initial_fetch_timeout: \(fetchTimeout)}
        static_resources:
          clusters:
          - name: xds
            connect_timeout: 1s
            typed_extension_protocol_options:
              envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
                "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
                explicit_http_config: {http2_protocol_options: {}}
            load_assignment: {cluster_name: xds, endpoints: [{lb_endpoints: [{endpoint: {address: \(controlPlane)}}]}]}
        \(transportSocket)
        """
    }

    static func bootstrap(
        _ sources: Sources, _ peer: ControlPlanePeer, admin: UInt16, fetchTimeout: String = "15s"
    ) -> String {
        bootstrap(
            sources, controlPlane: "{socket_address: {address: 127.0.0.1, port_value: \(peer.port)}}", admin: admin,
            fetchTimeout: fetchTimeout)
    }
}
