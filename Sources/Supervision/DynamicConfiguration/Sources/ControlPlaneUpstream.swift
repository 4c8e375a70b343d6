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
    private let message: Envoy_Config_Cluster_V3_Cluster
    private let secrets: [String: Envoy_Extensions_TransportSockets_Tls_V3_Secret]
    private let authority: String
    private let metadata: [(name: String, value: String)]
    private let limits: GRPCLimits

    /// - Parameters:
    ///   - clusters: the static ones.
    ///   - secrets: the static ones.
    init(
        _ service: Envoy_Config_Core_V3_GrpcService, clusters: [Envoy_Config_Cluster_V3_Cluster],
        secrets: [Envoy_Extensions_TransportSockets_Tls_V3_Secret] = []
    ) throws(ConfigProblem) {
        let target = service.envoyGrpc
        guard let message = clusters.first(where: { $0.name == target.clusterName }) else {
            throw ConfigProblem("there is no static cluster \"\(target.clusterName)\"")
        }
        cluster = message.name
        self.message = message
        self.secrets = Dictionary(secrets.map { ($0.name, $0) }) { first, _ in first }
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
    }

    /// A call to one of the endpoints. Keys and authorities are read anew for each, so that those that were replaced count.
    /// - Parameter seed: for the jitter of PINGs.
    func target(_ address: SocketAddress, path: String, seed: UInt64) throws(ConfigProblem) -> GRPCTarget {
        var target = GRPCTarget(address: address, authority: authority, path: path)
        target.metadata = metadata
        target.limits = limits
        target.limits.pingSeed = seed
        guard message.hasTransportSocket, let client = try ClientTLS.compile(message.transportSocket, protocols: ["h2"])
        else { return target }
        var found = secrets
        for config in client.secrets where config.hasSdsConfig { found[config.name] = try Self.secret(config) }
        guard let settings = try SecretDirectory.settings(client.recipe, { found[$0] }) else {
            let missing = client.recipe.names.filter { found[$0] == nil }
            throw ConfigProblem("secret \"\(missing.joined(separator: "\", \""))\" is not there", path: message.name)
        }
        target.tls = settings
        target.serverName = client.serverName
        return target
    }

    /// A secret that a file holds; who reaches the control plane cannot wait for others.
    private static func secret(
        _ config: Envoy_Extensions_TransportSockets_Tls_V3_SdsSecretConfig
    ) throws(ConfigProblem) -> Envoy_Extensions_TransportSockets_Tls_V3_Secret? {
        let path: String
        switch config.sdsConfig.configSourceSpecifier {
        case .path(let file)?: path = file
        case .pathConfigSource(let file)?: path = file.path
        case .ads?, .apiConfigSource?, nil:
            throw ConfigProblem("the cluster of a control plane has its secrets from static_resources.secrets or from files")
        }
        do throws(ConfigErrors) {
            let resources = try FileSource.response(path).resources
            let secrets = resources.compactMap { try? $0.unpack(Envoy_Extensions_TransportSockets_Tls_V3_Secret.self) }
            return secrets.first { $0.name == config.name }
        } catch {
            throw ConfigProblem(error.description)
        }
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
