import COpenSSL

extension TLSSession {
    /// RFC 1035: a host name has at most 255 bytes.
    private static let longestServerName = 255

    /// Takes the client's part, asks for the server's name and offers the newest session with this peer.
    func prepareClient(_ serverName: String?) throws(TLSError) {
        SSL_set_connect_state(ssl)
        if let serverName {
            guard (1...Self.longestServerName).contains(serverName.utf8.count), !serverName.utf8.contains(0) else {
                throw TLSError(.serverName, "server name of \(serverName.utf8.count) bytes (expected 1 to 255, no NUL)")
            }
            guard heddle_ssl_set_server_name(ssl, serverName) else {
                throw .fromQueue(.serverName, "OpenSSL does not take the server name '\(serverName)'")
            }
        }
        if let resumable = context.resumption.take(peer: resumptionPeer) {
            SSL_set_session(ssl, resumable.pointer)
        }
    }
}
