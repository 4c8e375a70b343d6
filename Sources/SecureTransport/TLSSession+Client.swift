import COpenSSL

extension TLSSession {
    /// RFC 1035: a host name has at most 255 bytes.
    private static let longestServerName = 255

    /// Takes the client's part, asks for the server's name and offers the newest session with this peer.
    /// - Parameter protocols: what is offered in ALPN in the place of the context's list; empty for that one.
    func prepareClient(_ serverName: String?, _ protocols: [String]) throws(TLSError) {
        SSL_set_connect_state(ssl)
        if let serverName {
            guard (1...Self.longestServerName).contains(serverName.utf8.count), !serverName.utf8.contains(0) else {
                throw TLSError(.serverName, "server name of \(serverName.utf8.count) bytes (expected 1 to 255, no NUL)")
            }
            guard heddle_ssl_set_server_name(ssl, serverName) else {
                throw .fromQueue(.serverName, "OpenSSL does not take the server name '\(serverName)'")
            }
        }
        if !protocols.isEmpty {
            // OpenSSL copies the list.
            let list = try ProtocolList(protocols)
            // Unlike the rest of OpenSSL this answers 0 for success.
            guard SSL_set_alpn_protos(ssl, list.bytes.baseAddress, UInt32(list.bytes.count)) == 0 else {
                throw .fromQueue(.applicationProtocols, "OpenSSL does not take the ALPN list")
            }
        }
        if let resumable = context.resumption.take(peer: resumptionPeer) {
            SSL_set_session(ssl, resumable.pointer)
        }
    }
}
