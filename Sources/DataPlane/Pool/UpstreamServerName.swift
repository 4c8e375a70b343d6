import Bytes
import HTTPModel
import Observability
import Reactor

/// How the connections of a pool name their host in TLS, and what they offer it, where the request decides.
struct UpstreamServerName: Hashable, Sendable {
    /// SNI; nil: as the cluster's TLS context says.
    var indication: String?
    /// The host's certificate must be made out to one of these; empty: whatever the context verifies is enough.
    var verified: [String] = []
    /// ALPN names that are offered; empty: those of the context.
    var protocols: [String] = []
}

extension ClusterConfig {
    /// What the request's authority (`auto_sni`, `auto_san_validation`), or the header that takes its place, says of the
    /// host's name, and what a filter has said of it before; nil where nobody says anything.
    func serverName(
        of socket: UpstreamSocket, for fields: borrowing HeaderBlock, _ state: FilterState?
    ) -> UpstreamServerName? {
        guard autoSNI || autoSANValidation || state != nil, socket.tls != nil else { return nil }
        var name = UpstreamServerName()
        if let state {
            if let text = state.own(FilterState.upstreamServerName), !text.isEmpty { name.indication = text }
            if let text = state.own(FilterState.upstreamNames) {
                name.verified = text.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
            }
            if let text = state.own(FilterState.applicationProtocols) { name.protocols = text.split(separator: ",").map(String.init) }
        }
        let asksIndication = autoSNI && name.indication == nil
        let asksVerified = autoSANValidation && name.verified.isEmpty
        if asksIndication || asksVerified, let host = namedHost(fields) {
            // An address is no server name (RFC 6066 section 3).
            if asksIndication, SocketAddress.IP(host) == nil { name.indication = host }
            if asksVerified { name.verified = [host] }
        }
        return name == UpstreamServerName() ? nil : name
    }

    private func namedHost(_ fields: borrowing HeaderBlock) -> String? {
        var value: UnsafeRawBufferPointer?
        if let header = serverNameHeader, let own = fields.get(header.bytes), !own.isEmpty { value = own }
        return (value ?? fields.get(.authority)).flatMap { Authority($0) }?.host.text.trimmed
    }
}

extension FilterState {
    /// Names under which filters leave what connections to hosts are made by; each is the name of its type, too.
    static let upstreamServerName = "envoy.network.upstream_server_name"
    static let upstreamNames = "envoy.network.upstream_subject_alt_names"
    static let applicationProtocols = "envoy.network.application_protocols"
    static let originalDestination = "envoy.network.transport_socket.original_dst_address"

    /// The text of an object under one of these names, if it has the type of that name.
    func own(_ name: String) -> String? { text(name, of: name) }
}

extension String {
    /// Without the brackets of an IPv6 address.
    fileprivate var trimmed: String {
        hasPrefix("[") && hasSuffix("]") ? String(dropFirst().dropLast()) : self
    }
}
