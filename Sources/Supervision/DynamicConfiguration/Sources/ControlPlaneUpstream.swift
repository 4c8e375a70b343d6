import Bytes
import DataPlane
import ProxyModel
import Reactor
import SecureTransport
import ServiceKit
import SwiftProtobuf

/// How the control plane of a `grpc_services` entry is reached: what its static cluster says, for calls of the
/// supervisor's own.
@WorkerActor struct ControlPlaneUpstream {
    /// One endpoint.
    enum Endpoint: Equatable, Sendable {
        case address(SocketAddress)
        case name(String, port: UInt16)
    }

    let cluster: String
    let endpoints: [Endpoint]
    private let tls: TLSContextConfig?
    private let serverName: String?
    private let authority: String
    private let metadata: [(name: String, value: String)]
    private let limits: GRPCLimits

    /// - Parameter clusters: the static ones.
    init(
        _ service: Envoy_Config_Core_V3_GrpcService, clusters: [Envoy_Config_Cluster_V3_Cluster]
    ) throws(ConfigProblem) {
        let target = service.envoyGrpc
        guard let message = clusters.first(where: { $0.name == target.clusterName }) else {
            throw ConfigProblem("there is no static cluster \"\(target.clusterName)\"")
        }
        cluster = message.name
        authority = target.authority.isEmpty ? message.name : target.authority
        metadata = service.initialMetadata.map { ($0.key.lowercased(), $0.value) }
        endpoints = try Self.endpoints(message)
        var limits = GRPCLimits()
        if message.hasConnectTimeout { limits.connectTime = message.connectTimeout.nanoseconds }
        if target.hasMaxReceiveMessageLength { limits.messageBytes = Int(target.maxReceiveMessageLength.value) }
        let keepalive = try Self.http2(message).connectionKeepalive
        limits.pingInterval = keepalive.interval.nanoseconds
        if keepalive.hasTimeout { limits.pingTime = keepalive.timeout.nanoseconds }
        if keepalive.hasIntervalJitter { limits.pingJitterPercent = keepalive.intervalJitter.value }
        self.limits = limits
        guard message.transportSocketMatches.isEmpty else {
            throw ConfigProblem("the cluster of a control plane cannot have transport_socket_matches", path: message.name)
        }
        guard message.hasTransportSocket,
            let client = try ClientTLS.compile(message.transportSocket, protocols: ["h2"])
        else {
            (tls, serverName) = (nil, nil)
            return
        }
        guard client.recipe.names.isEmpty else {
            throw ConfigProblem("the cluster of a control plane cannot have its secrets from SDS", path: message.name)
        }
        tls = client.recipe.settings
        serverName = client.serverName
    }

    /// A call to one of the endpoints.
    /// - Parameter seed: for the jitter of PINGs.
    func target(_ address: SocketAddress, path: String, seed: UInt64) -> GRPCTarget {
        var target = GRPCTarget(address: address, authority: authority, path: path)
        target.tls = tls
        target.serverName = serverName
        target.metadata = metadata
        target.limits = limits
        target.limits.pingSeed = seed
        return target
    }

    private static func endpoints(_ message: Envoy_Config_Cluster_V3_Cluster) throws(ConfigProblem) -> [Endpoint] {
        var endpoints: [Endpoint] = []
        for locality in message.loadAssignment.endpoints {
            for member in locality.lbEndpoints {
                if case .success(let address) = Address.compile(member.endpoint.address) {
                    endpoints.append(.address(address))
                } else {
                    let socket = member.endpoint.address.socketAddress
                    endpoints.append(.name(socket.address, port: UInt16(clamping: socket.portValue)))
                }
            }
        }
        guard !endpoints.isEmpty else { throw ConfigProblem("cluster \"\(message.name)\" has no endpoints") }
        return endpoints
    }

    private static func http2(
        _ message: Envoy_Config_Cluster_V3_Cluster
    ) throws(ConfigProblem) -> Envoy_Config_Core_V3_Http2ProtocolOptions {
        typealias Options = Envoy_Extensions_Upstreams_Http_V3_HttpProtocolOptions
        guard let any = message.typedExtensionProtocolOptions[Options.protoMessageName] else {
            return message.http2ProtocolOptions
        }
        let options: Options
        do throws(UnpackError) {
            options = try any.unpack()
        } catch {
            throw ConfigProblem("\(error)")
        }
        return options.explicitHTTPConfig.http2ProtocolOptions
    }
}
