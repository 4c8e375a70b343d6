import Observability
package import ProxyModel
package import Reactor
package import SwiftProtobuf

/// How a host is spoken to below HTTP, which is a matter of its cluster and of the host's own labels.
@WorkerActor package final class UpstreamSocket {
    /// Nil: without TLS.
    package let tls: TLSReference?
    /// SNI, where neither host nor request decides it.
    private let serverName: String?
    /// `auto_host_sni`: the host's own name is its server name.
    private let namesHost: Bool

    /// Without TLS unless `tls` is given.
    package nonisolated init(tls: TLSReference? = nil, serverName: String? = nil, namesHost: Bool = false) {
        self.tls = tls
        self.serverName = serverName
        self.namesHost = namesHost
    }

    /// SNI for a connection to a host, where no request decides it.
    func serverName(of host: Host) -> String? {
        namesHost ? host.hostname?.text ?? serverName : serverName
    }
}

/// What an endpoint and its locality say of the socket that is for it: the metadata `envoy.transport_socket_match`.
package final class SocketLabels: Sendable, Hashable {
    /// The key of the metadata.
    private static let key = "envoy.transport_socket_match"

    /// Those of the endpoint, and those of its locality, which are asked when they lead to nothing.
    package let endpoint: Google_Protobuf_Struct
    package let locality: Google_Protobuf_Struct

    package init(endpoint: Google_Protobuf_Struct, locality: Google_Protobuf_Struct) {
        self.endpoint = endpoint
        self.locality = locality
    }

    /// Nil where nothing is said.
    /// - Parameter last: labels that are shared with an endpoint before this one if they are the same.
    package static func of(
        _ endpoint: Envoy_Config_Core_V3_Metadata, in locality: Envoy_Config_Core_V3_Metadata, sharing last: SocketLabels? = nil
    ) -> SocketLabels? {
        let own = endpoint.filterMetadata[key]
        let common = locality.filterMetadata[key]
        guard own != nil || common != nil else { return nil }
        let labels = SocketLabels(endpoint: own ?? .init(), locality: common ?? .init())
        return labels == last ? last : labels
    }

    package static func == (left: SocketLabels, right: SocketLabels) -> Bool {
        left === right || (left.endpoint == right.endpoint && left.locality == right.locality)
    }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(endpoint)
        hasher.combine(locality)
    }
}

/// Which of a cluster's sockets is for which hosts (`transport_socket_matches`).
@WorkerActor package struct UpstreamSocketChoice {
    /// One socket, and the labels that a host must have for it.
    package struct Match {
        package let labels: Google_Protobuf_Struct
        package let socket: UpstreamSocket

        package init(labels: Google_Protobuf_Struct, socket: UpstreamSocket) {
            self.labels = labels
            self.socket = socket
        }

        /// Other labels than those asked for do no harm; without any every host fits.
        func fits(_ offered: Google_Protobuf_Struct?) -> Bool {
            labels.fields.allSatisfy { offered?.fields[$0.key] == $0.value }
        }
    }

    /// The first that fits counts.
    package var matches: [Match] = []
    /// Where none fits.
    package var otherwise = UpstreamSocket()

    package nonisolated init() {}

    /// Whether hosts differ.
    package var isChoice: Bool { !matches.isEmpty }
    /// Whether some host, or each that there can be, is spoken to by TLS.
    package var usesTLS: Bool { otherwise.tls != nil || matches.contains { $0.socket.tls != nil } }
    package var needsTLS: Bool { otherwise.tls != nil && matches.allSatisfy { $0.socket.tls != nil } }

    /// The endpoint's own labels are asked first, with every match; then those of its locality.
    func socket(for labels: SocketLabels?) -> UpstreamSocket {
        guard isChoice else { return otherwise }
        let match = matches.first { $0.fits(labels?.endpoint) } ?? matches.first { $0.fits(labels?.locality) }
        return match?.socket ?? otherwise
    }
}
