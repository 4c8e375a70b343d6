import Observability
import SecureTransport

/// What a TLS handshake counts as; the raw value is the name below `ssl.`.
///
/// As in Envoy `connection_error` stands for what OpenSSL found wrong besides the peer's certificate; a peer that only
/// went away counts nowhere.
enum HandshakeEvent: String {
    case handshake = "handshake"
    case sessionReused = "session_reused"
    case noCertificate = "no_certificate"
    case connectionError = "connection_error"
    case failVerifyNoCert = "fail_verify_no_cert"
    case failVerifyError = "fail_verify_error"
    case failVerifySAN = "fail_verify_san"
    case failVerifyCertHash = "fail_verify_cert_hash"

    /// What a handshake that came to its end counts as.
    static func done(_ session: TLSSession) -> [HandshakeEvent] {
        var events = [HandshakeEvent.handshake]
        if session.isResumed { events.append(.sessionReused) }
        if !session.hasPeerCertificate { events.append(.noCertificate) }
        if let flaw = session.toleratedFlaw.flatMap({ HandshakeEvent($0) }) { events.append(flaw) }
        return events
    }

    /// What a failure counts as; nil for none.
    init?(_ code: TLSError.Code) {
        switch code {
        case .peerCertificateMissing: self = .failVerifyNoCert
        case .peerCertificateRejected: self = .failVerifyError
        case .peerCertificateMisnamed: self = .failVerifySAN
        case .peerCertificateNotPinned: self = .failVerifyCertHash
        case .closedDuringHandshake, .system: return nil
        default: self = .connectionError
        }
    }
}

extension ListenerTLSStats {
    func count(_ event: HandshakeEvent) {
        if let counter = Counters(rawValue: event.rawValue) { self[counter].add() }
    }
}

extension ClusterTLSStats {
    func count(_ event: HandshakeEvent) {
        if let counter = Counters(rawValue: event.rawValue) { self[counter].add() }
    }

    /// A connection to a host is up.
    func done(_ session: TLSSession?) {
        guard let session else { return }
        for event in HandshakeEvent.done(session) { count(event) }
    }

    /// A connection to a host did not come up.
    func failed(_ failure: TLSError?) {
        if let failure, let event = HandshakeEvent(failure.code) { count(event) }
    }
}
