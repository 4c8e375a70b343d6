/// What a TLS session is known by, as text that logs print. One object a connection, shared by its streams.
public final class TLSFacts: Sendable {
    /// For instance `TLSv1.3`.
    public let version: NamedText?
    /// OpenSSL's name of the cipher suite.
    public let cipher: NamedText?
    public let sessionID: NamedText?
    /// The name that the client asked for (SNI).
    public let serverName: NamedText?
    /// Facts of the peer's certificate, nil when it showed none.
    public let peer: TLSCertificateFacts?
    public let local: TLSCertificateFacts?
    /// Whether the peer's certificate was checked and passed.
    public let isPeerValidated: Bool
    /// The cipher suite's number on the wire, 0xFFFF for none.
    public let cipherNumber: UInt16
    /// What few ask for and costs work: computed when it is.
    public let details: (any TLSDetails)?

    public init(
        version: NamedText?, cipher: NamedText?, sessionID: NamedText? = nil, peer: TLSCertificateFacts? = nil,
        local: TLSCertificateFacts? = nil, serverName: NamedText? = nil, isPeerValidated: Bool = false, cipherNumber: UInt16 = 0xFFFF,
        details: (any TLSDetails)? = nil
    ) {
        self.isPeerValidated = isPeerValidated
        self.cipherNumber = cipherNumber
        self.details = details
        self.version = version
        self.cipher = cipher
        self.sessionID = sessionID
        self.serverName = serverName
        self.peer = peer
        self.local = local
    }
}

/// What logs print of one certificate; lists are joined with commas.
public struct TLSCertificateFacts: Sendable {
    public var subject: NamedText?
    public var issuer: NamedText?
    public var serial: NamedText?
    /// SHA-256 of the DER encoding in lower-case hexadecimal.
    public var fingerprint256: NamedText?
    public var uriSAN: NamedText?
    public var dnsSAN: NamedText?

    public init() {}
}

/// Facts of a TLS session's certificates that are computed when they are asked for.
public protocol TLSDetails: AnyObject, Sendable {
    /// PEM of the peer's certificate, URL-encoded; empty without one.
    var peerPEM: String { get }
    /// PEM of all certificates that the peer showed, leaf first, URL-encoded.
    var peerChainPEM: String { get }
    /// The first common name of the peer's subject.
    var peerCommonName: String { get }
    var peerOrganizations: [String] { get }
    /// Seconds since 1970; nil without a certificate.
    var peerValidFrom: Int64? { get }
    var peerValidUntil: Int64? { get }
    /// Object identifiers of the extensions, in dotted form.
    var peerOIDs: [String] { get }
    var localOIDs: [String] { get }
    /// Alternative names, in their order.
    var peerURIs: [String] { get }
    var peerDNSNames: [String] { get }
    var localURIs: [String] { get }
    var peerIPAddresses: [String] { get }
    var localIPAddresses: [String] { get }
    var peerEmails: [String] { get }
    var localEmails: [String] { get }
    /// Of all certificates that the peer showed, leaf first, in hexadecimal.
    var peerChainSHA1: [String] { get }
    var peerChainSHA256: [String] { get }
    var peerChainSerials: [String] { get }
}
