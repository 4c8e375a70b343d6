import Bytes
import HTTPModel
import Observability
import Reactor

/// How the connections of a pool name their host in TLS, where the request decides.
struct UpstreamServerName: Hashable, Sendable {
    /// SNI; nil: as the cluster's TLS context says.
    var indication: String?
    /// What the host's certificate must be made out to; nil: whatever the context verifies is enough.
    var verified: String?
}

extension ClusterConfig {
    /// What the request's authority (`auto_sni`, `auto_san_validation`), or the header that takes its place, says of the
    /// host's name; nil where the cluster does not ask.
    func serverName(of socket: UpstreamSocket, for fields: borrowing HeaderBlock) -> UpstreamServerName? {
        guard autoSNI || autoSANValidation, socket.tls != nil else { return nil }
        var value: UnsafeRawBufferPointer?
        if let header = serverNameHeader, let own = fields.get(header.bytes), !own.isEmpty { value = own }
        guard let authority = (value ?? fields.get(.authority)).flatMap({ Authority($0) }) else { return nil }
        let host = authority.host.text.trimmed
        // An address is no server name (RFC 6066 section 3).
        let isAddress = SocketAddress.IP(host) != nil
        return UpstreamServerName(
            indication: autoSNI && !isAddress ? host : nil, verified: autoSANValidation ? host : nil)
    }
}

extension String {
    /// Without the brackets of an IPv6 address.
    fileprivate var trimmed: String {
        hasPrefix("[") && hasSuffix("]") ? String(dropFirst().dropLast()) : self
    }
}
