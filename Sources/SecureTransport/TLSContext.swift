import COpenSSL

/// What many sessions share: OpenSSL's `SSL_CTX`, made from a `TLSContextConfig` and then unchanged but for the
/// sessions that it keeps to resume.
///
/// It does no I/O and belongs to one thread. Each session holds its context, so a new configuration's context replaces
/// the old one at once and the old one goes with its last session.
///
/// What is set for every context, and why:
/// - renegotiation, compression and early data are off: nothing of ours needs them and each had its attacks;
/// - `RELEASE_BUFFERS`: an idle session holds no record buffer (10 KB of resident memory less);
/// - read-ahead: one `recv` brings header and body of a record, and more records; without it each record costs two
///   and the knowledge that the socket is empty a third;
/// - partial and moving writes: a full socket is answered at once and the bytes may move meanwhile.
package final class TLSContext {
    package let config: TLSContextConfig
    let handle: ContextHandle
    let identities: [Identity]
    let serverNames: ServerNameTable
    let pins: CertificatePins
    /// `applicationProtocols` as they stand on the wire.
    let protocolList: ProtocolList
    /// A client's sessions to resume.
    var resumption: ResumptionCache

    /// Whether a peer that shows a certificate is held against authorities or pins.
    package var verifiesPeers: Bool { config.trustedCA != nil || !pins.isEmpty }

    /// Loads keys, certificates and authorities; throws what is wrong with them, by the name of their source.
    /// - Parameter ticketKeys: what a server seals session tickets with; nil: a key that nobody else knows.
    package init(_ config: TLSContextConfig, ticketKeys: TicketKeyring? = nil) throws(TLSError) {
        self.config = config
        guard config.peerNames.isEmpty || config.trustedCA != nil else {
            throw TLSError(.peerNames, "without a trusted CA anybody can show any name, so that matching names is no check")
        }
        pins = try CertificatePins(
            certificateHashes: config.certificateHashes, publicKeyHashes: config.publicKeyHashes)
        protocolList = try ProtocolList(config.applicationProtocols)
        resumption = ResumptionCache(capacity: config.resumptionCapacity)
        var identities: [Identity] = []
        for source in config.certificates { identities.append(try Identity(source)) }
        self.identities = identities
        serverNames = ServerNameTable(
            identities.map { ServerNameTable.Entry(names: $0.certificate.serverNames, keyKind: $0.keyKind) })

        let handle = try ContextHandle(role: config.role)
        try handle.applyParameters(of: config)
        try handle.trust(config)
        try handle.applyTickets(of: config, keyring: ticketKeys)
        self.handle = handle
        try installIdentities()
        try installCallbacks()
    }

    /// How many sessions are kept to resume.
    package var resumableSessionCount: Int { resumption.count }

    private func installIdentities() throws(TLSError) {
        guard config.role == .client || !identities.isEmpty else {
            throw TLSError(.certificateChain, "a server needs at least one certificate")
        }
        let shown = config.role == .server ? serverNames.fallback : Array(identities.indices.prefix(1))
        for index in shown where !identities[index].install(in: handle.pointer) {
            throw .fromQueue(
                .certificateChain, "\(config.certificates[index].name): OpenSSL does not take the certificate")
        }
    }
}
