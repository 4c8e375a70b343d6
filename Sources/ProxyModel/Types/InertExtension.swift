package import SwiftProtobuf

/// An extension that configurations name and that does nothing here: what Istio's build of Envoy has beside Envoy's own,
/// and what only counts. It is taken in, so that what Istio's control plane sends loads, and left out of the chain.
///
/// Nothing that keeps a request out may ever stand in this table.
package struct InertExtension: Sendable {
    /// Where it may stand: the message whose `typed_config` it is.
    package enum Place: String, Sendable {
        case http = "envoy.extensions.filters.network.http_connection_manager.v3.HttpFilter"
        case network = "envoy.config.listener.v3.Filter"
        case upstreamNetwork = "envoy.config.cluster.v3.Filter"
    }

    /// The full name of its configuration's message.
    package let messageName: String
    package let places: [Place]
    /// Whether it is only taken in without settings: with some it would do what Heddle does not.
    package let mustBeEmpty: Bool
    /// What is missing without it, for people.
    package let effect: String

    /// The table.
    package static let all = [
        InertExtension(
            "io.istio.http.peer_metadata.Config", [.http],
            "peers tell each other nothing about their workloads in headers"),
        InertExtension(
            "envoy.tcp.metadataexchange.config.MetadataExchange", [.network, .upstreamNetwork],
            "peers tell each other nothing about their workloads in the first bytes; "
                + "`istio-peer-exchange` is taken out of the ALPN lists beside it, so that no peer sends any"),
        InertExtension("stats.PluginConfig", [.http, .network], "istio_* metrics are not written; Envoy's are"),
        InertExtension(
            "istio.envoy.config.filter.http.alpn.v2alpha1.FilterConfig", [.http],
            "the cluster's own alpn_protocols are offered upstream"),
        InertExtension(
            "envoy.extensions.filters.http.grpc_stats.v3.FilterConfig", [.http], "gRPC calls are counted as requests"),
        InertExtension(
            "envoy.extensions.filters.http.fault.v3.HTTPFault", [.http], mustBeEmpty: true,
            "nothing: faults come with routes, and those are refused"),
        InertExtension(
            "envoy.extensions.filters.http.cors.v3.Cors", [.http], mustBeEmpty: true,
            "nothing: policies come with routes, and those are refused"),
    ]

    /// The ALPN name with which peers agree that each begins with a header, which is not the application's.
    package static let exchangeProtocol = "istio-peer-exchange"

    /// Whether it would take the header off that peers send who agreed on ``exchangeProtocol``.
    package var takesExchange: Bool { messageName == "envoy.tcp.metadataexchange.config.MetadataExchange" }

    private init(_ messageName: String, _ places: [Place], mustBeEmpty: Bool = false, _ effect: String) {
        self.messageName = messageName
        self.places = places
        self.mustBeEmpty = mustBeEmpty
        self.effect = effect
    }

    private static let byName = Dictionary(uniqueKeysWithValues: all.map { ($0.messageName, $0) })

    /// The extension of a message name.
    static func named(_ messageName: String) -> InertExtension? { byName[messageName] }

    /// The messages that wrap a configuration whose type the sender has no message for: type URL in field 1, fields as
    /// a `Struct` in field 2.
    static let wrappers: Set<String> = [UDPATypedStruct.messageName, XDSTypedStruct.messageName]

    /// The extension of a configuration as it comes: under its own type, or wrapped.
    package init?(_ config: Google_Protobuf_Any) {
        guard let found = Self.named(Self.innerName(config.messageName, [UInt8](config.value)[...])) else { return nil }
        self = found
    }

    /// The name of the message that a configuration is meant to be.
    static func innerName(_ name: String, _ content: ArraySlice<UInt8>) -> String {
        guard wrappers.contains(name) else { return name }
        var reader = WireReader(content)
        var inner = ""
        while !reader.isAtEnd, let (number, value) = reader.next() {
            if number == 1, case .bytes(let text) = value { inner = String(decoding: text, as: UTF8.self) }
        }
        return TypeRegistry.messageName(ofTypeURL: inner)
    }

    /// What is said of it where somebody should know that it does nothing.
    var description: String { "\(messageName) does nothing here: \(effect)" }

    /// What is wrong with it where it stands; nil when nothing is.
    func problem(in message: String, content: ArraySlice<UInt8>) -> String? {
        guard places.contains(where: { $0.rawValue == message }) else { return "\(messageName) cannot stand here" }
        guard mustBeEmpty, !content.isEmpty else { return nil }
        return "\(messageName) is taken in without settings only: Heddle does not support them yet"
    }
}
