/// `listener.ADDRESS.ssl.`: TLS handshakes with clients.
public struct ListenerTLSStats: StatView, Sendable {
    /// What only grows; a raw value is the rest of Envoy's name.
    public enum Counters: String, StatKey {
        case handshake
        case sessionReused = "session_reused"
        case noCertificate = "no_certificate"
        case connectionError = "connection_error"
        case failVerifyNoCert = "fail_verify_no_cert"
        case failVerifyError = "fail_verify_error"
        case failVerifySAN = "fail_verify_san"
        case failVerifyCertHash = "fail_verify_cert_hash"
    }

    static let kind = StatKind(
        "listener.{envoy_listener_address}.ssl.", counters: Counters.self)
    static let id = StatKindID.listenerTLS

    let group: StatGroup

    /// The handle of one counter; free to make, costs a load and a store to use.
    public subscript(counter: Counters) -> Counter { group.counter(ordinal(counter)) }
}

/// `cluster.NAME.ssl.`: TLS handshakes with upstream hosts.
public struct ClusterTLSStats: StatView, Sendable {
    /// What only grows; a raw value is the rest of Envoy's name.
    public enum Counters: String, StatKey {
        case handshake
        case sessionReused = "session_reused"
        case noCertificate = "no_certificate"
        case connectionError = "connection_error"
        case failVerifyNoCert = "fail_verify_no_cert"
        case failVerifyError = "fail_verify_error"
        case failVerifySAN = "fail_verify_san"
        case failVerifyCertHash = "fail_verify_cert_hash"
    }

    static let kind = StatKind(
        "cluster.{envoy_cluster_name}.ssl.", counters: Counters.self)
    static let id = StatKindID.clusterTLS

    let group: StatGroup

    /// The handle of one counter; free to make, costs a load and a store to use.
    public subscript(counter: Counters) -> Counter { group.counter(ordinal(counter)) }
}
