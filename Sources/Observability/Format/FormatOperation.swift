/// What an operator prints; the raw values are Envoy's names.
enum FormatOperation: String, CaseIterable, Sendable {
    // Fields of messages
    case request = "REQ"
    case response = "RESP"
    case trailer = "TRAILER"
    case requestWithoutQuery = "REQ_WITHOUT_QUERY"
    case path = "PATH"
    case queryParameter = "QUERY_PARAM"
    case queryParameters = "QUERY_PARAMS"
    case requestHeadersBytes = "REQUEST_HEADERS_BYTES"
    case responseHeadersBytes = "RESPONSE_HEADERS_BYTES"
    case responseTrailersBytes = "RESPONSE_TRAILERS_BYTES"
    // Result
    case `protocol` = "PROTOCOL"
    case upstreamProtocol = "UPSTREAM_PROTOCOL"
    case responseCode = "RESPONSE_CODE"
    case responseCodeDetails = "RESPONSE_CODE_DETAILS"
    case responseFlags = "RESPONSE_FLAGS"
    case responseFlagsLong = "RESPONSE_FLAGS_LONG"
    case connectionTerminationDetails = "CONNECTION_TERMINATION_DETAILS"
    case localReplyBody = "LOCAL_REPLY_BODY"
    case grpcStatus = "GRPC_STATUS"
    case grpcStatusNumber = "GRPC_STATUS_NUMBER"
    // Times
    case startTime = "START_TIME"
    case startTimeLocal = "START_TIME_LOCAL"
    case emitTime = "EMIT_TIME"
    case emitTimeLocal = "EMIT_TIME_LOCAL"
    case duration = "DURATION"
    case requestDuration = "REQUEST_DURATION"
    case requestTXDuration = "REQUEST_TX_DURATION"
    case responseDuration = "RESPONSE_DURATION"
    case responseTXDuration = "RESPONSE_TX_DURATION"
    case upstreamConnectionPoolReadyDuration = "UPSTREAM_CONNECTION_POOL_READY_DURATION"
    case commonDuration = "COMMON_DURATION"
    case downstreamHandshakeDuration = "DOWNSTREAM_HANDSHAKE_DURATION"
    /// Of QUIC alone, as in Envoy: never there.
    case roundtripDuration = "ROUNDTRIP_DURATION"
    // Sizes
    case bytesReceived = "BYTES_RECEIVED"
    case bytesSent = "BYTES_SENT"
    case downstreamWireBytesReceived = "DOWNSTREAM_WIRE_BYTES_RECEIVED"
    case downstreamWireBytesSent = "DOWNSTREAM_WIRE_BYTES_SENT"
    case upstreamWireBytesReceived = "UPSTREAM_WIRE_BYTES_RECEIVED"
    case upstreamWireBytesSent = "UPSTREAM_WIRE_BYTES_SENT"
    case downstreamHeaderBytesReceived = "DOWNSTREAM_HEADER_BYTES_RECEIVED"
    case downstreamHeaderBytesSent = "DOWNSTREAM_HEADER_BYTES_SENT"
    case upstreamHeaderBytesReceived = "UPSTREAM_HEADER_BYTES_RECEIVED"
    case upstreamHeaderBytesSent = "UPSTREAM_HEADER_BYTES_SENT"
    /// Of QUIC alone, as in Envoy: 0.
    case bytesRetransmitted = "BYTES_RETRANSMITTED"
    case packetsRetransmitted = "PACKETS_RETRANSMITTED"
    // Addresses
    case downstreamRemoteAddress = "DOWNSTREAM_REMOTE_ADDRESS"
    case downstreamRemoteAddressWithoutPort = "DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT"
    case downstreamRemotePort = "DOWNSTREAM_REMOTE_PORT"
    case downstreamDirectRemoteAddress = "DOWNSTREAM_DIRECT_REMOTE_ADDRESS"
    case downstreamDirectRemoteAddressWithoutPort = "DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT"
    case downstreamDirectRemotePort = "DOWNSTREAM_DIRECT_REMOTE_PORT"
    case downstreamLocalAddress = "DOWNSTREAM_LOCAL_ADDRESS"
    case downstreamLocalAddressWithoutPort = "DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT"
    case downstreamLocalPort = "DOWNSTREAM_LOCAL_PORT"
    case upstreamHost = "UPSTREAM_HOST"
    case upstreamRemoteAddress = "UPSTREAM_REMOTE_ADDRESS"
    case upstreamRemoteAddressWithoutPort = "UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT"
    case upstreamRemotePort = "UPSTREAM_REMOTE_PORT"
    case upstreamLocalAddress = "UPSTREAM_LOCAL_ADDRESS"
    case upstreamLocalAddressWithoutPort = "UPSTREAM_LOCAL_ADDRESS_WITHOUT_PORT"
    case upstreamLocalPort = "UPSTREAM_LOCAL_PORT"
    // Where it went
    case upstreamHostName = "UPSTREAM_HOST_NAME"
    case upstreamHostNameWithoutPort = "UPSTREAM_HOST_NAME_WITHOUT_PORT"
    case upstreamHostsAttempted = "UPSTREAM_HOSTS_ATTEMPTED"
    case upstreamHostsAttemptedWithoutPort = "UPSTREAM_HOSTS_ATTEMPTED_WITHOUT_PORT"
    case upstreamHostNamesAttempted = "UPSTREAM_HOST_NAMES_ATTEMPTED"
    case upstreamHostNamesAttemptedWithoutPort = "UPSTREAM_HOST_NAMES_ATTEMPTED_WITHOUT_PORT"
    case upstreamConnectionIDsAttempted = "UPSTREAM_CONNECTION_IDS_ATTEMPTED"
    case upstreamCluster = "UPSTREAM_CLUSTER"
    case upstreamClusterRaw = "UPSTREAM_CLUSTER_RAW"
    case upstreamRequestAttemptCount = "UPSTREAM_REQUEST_ATTEMPT_COUNT"
    case upstreamConnectionID = "UPSTREAM_CONNECTION_ID"
    case upstreamTransportFailureReason = "UPSTREAM_TRANSPORT_FAILURE_REASON"
    case downstreamTransportFailureReason = "DOWNSTREAM_TRANSPORT_FAILURE_REASON"
    case routeName = "ROUTE_NAME"
    case filterChainName = "FILTER_CHAIN_NAME"
    case virtualClusterName = "VIRTUAL_CLUSTER_NAME"
    // TLS
    case requestedServerName = "REQUESTED_SERVER_NAME"
    case downstreamTLSVersion = "DOWNSTREAM_TLS_VERSION"
    case downstreamTLSCipher = "DOWNSTREAM_TLS_CIPHER"
    case downstreamTLSSessionID = "DOWNSTREAM_TLS_SESSION_ID"
    case upstreamTLSVersion = "UPSTREAM_TLS_VERSION"
    case upstreamTLSCipher = "UPSTREAM_TLS_CIPHER"
    case upstreamTLSSessionID = "UPSTREAM_TLS_SESSION_ID"
    case downstreamPeerSubject = "DOWNSTREAM_PEER_SUBJECT"
    case downstreamPeerIssuer = "DOWNSTREAM_PEER_ISSUER"
    case downstreamPeerSerial = "DOWNSTREAM_PEER_SERIAL"
    case downstreamPeerFingerprint256 = "DOWNSTREAM_PEER_FINGERPRINT_256"
    case downstreamPeerURISAN = "DOWNSTREAM_PEER_URI_SAN"
    case downstreamPeerDNSSAN = "DOWNSTREAM_PEER_DNS_SAN"
    case downstreamPeerCertificate = "DOWNSTREAM_PEER_CERT"
    case downstreamPeerValidFrom = "DOWNSTREAM_PEER_CERT_V_START"
    case downstreamPeerValidUntil = "DOWNSTREAM_PEER_CERT_V_END"
    case downstreamPeerFingerprint1 = "DOWNSTREAM_PEER_FINGERPRINT_1"
    case downstreamPeerIPSAN = "DOWNSTREAM_PEER_IP_SAN"
    case downstreamPeerEmailSAN = "DOWNSTREAM_PEER_EMAIL_SAN"
    case downstreamPeerChainFingerprints1 = "DOWNSTREAM_PEER_CHAIN_FINGERPRINTS_1"
    case downstreamPeerChainFingerprints256 = "DOWNSTREAM_PEER_CHAIN_FINGERPRINTS_256"
    case downstreamPeerChainSerials = "DOWNSTREAM_PEER_CHAIN_SERIALS"
    case downstreamLocalIPSAN = "DOWNSTREAM_LOCAL_IP_SAN"
    case downstreamLocalEmailSAN = "DOWNSTREAM_LOCAL_EMAIL_SAN"
    case downstreamLocalSubject = "DOWNSTREAM_LOCAL_SUBJECT"
    case downstreamLocalURISAN = "DOWNSTREAM_LOCAL_URI_SAN"
    case downstreamLocalDNSSAN = "DOWNSTREAM_LOCAL_DNS_SAN"
    case upstreamPeerSubject = "UPSTREAM_PEER_SUBJECT"
    case upstreamPeerIssuer = "UPSTREAM_PEER_ISSUER"
    case upstreamPeerURISAN = "UPSTREAM_PEER_URI_SAN"
    case upstreamPeerDNSSAN = "UPSTREAM_PEER_DNS_SAN"
    case upstreamLocalSubject = "UPSTREAM_LOCAL_SUBJECT"
    case upstreamLocalURISAN = "UPSTREAM_LOCAL_URI_SAN"
    case upstreamLocalDNSSAN = "UPSTREAM_LOCAL_DNS_SAN"
    case upstreamPeerCertificate = "UPSTREAM_PEER_CERT"
    case upstreamPeerValidFrom = "UPSTREAM_PEER_CERT_V_START"
    case upstreamPeerValidUntil = "UPSTREAM_PEER_CERT_V_END"
    case upstreamPeerIPSAN = "UPSTREAM_PEER_IP_SAN"
    case upstreamLocalIPSAN = "UPSTREAM_LOCAL_IP_SAN"
    case upstreamServerName = "UPSTREAM_SERVER_NAME"
    // Identity
    case connectionID = "CONNECTION_ID"
    case streamID = "STREAM_ID"
    case uniqueID = "UNIQUE_ID"
    case accessLogType = "ACCESS_LOG_TYPE"
    case hostname = "HOSTNAME"
    case environment = "ENVIRONMENT"
    case dynamicMetadata = "DYNAMIC_METADATA"
    case metadata = "METADATA"
    case filterState = "FILTER_STATE"
    /// Of `upstream_log` alone, as in Envoy: never there.
    case upstreamFilterState = "UPSTREAM_FILTER_STATE"
    // Parts of the format itself
    case literal = ""
    /// Separates from the sibling before and writes a key of a JSON object.
    case jsonKey = "{"
    /// Separates from the sibling before in a JSON list.
    case jsonItem = "["

    /// Envoy's other names of the same.
    static let aliases: [String: FormatOperation] = [
        "REQUEST_HEADER": .request, "RESPONSE_HEADER": .response, "RESPONSE_TRAILER": .trailer,
        "DOWNSTREAM_DIRECT_LOCAL_ADDRESS": .downstreamLocalAddress,
        "DOWNSTREAM_DIRECT_LOCAL_ADDRESS_WITHOUT_PORT": .downstreamLocalAddressWithoutPort,
        "DOWNSTREAM_DIRECT_LOCAL_PORT": .downstreamLocalPort,
    ]

    /// What Envoy 1.40 prints and this proxy does not know.
    static let unsupported: Set<String> = [
        "DOWNSTREAM_DECOMPRESSED_HEADER_BYTES_RECEIVED", "DOWNSTREAM_DECOMPRESSED_HEADER_BYTES_SENT",
        "UPSTREAM_DECOMPRESSED_HEADER_BYTES_RECEIVED", "UPSTREAM_DECOMPRESSED_HEADER_BYTES_SENT",
        "DOWNSTREAM_REMOTE_ADDRESS_ENDPOINT_ID", "DOWNSTREAM_DIRECT_REMOTE_ADDRESS_ENDPOINT_ID",
        "DOWNSTREAM_LOCAL_ADDRESS_ENDPOINT_ID", "DOWNSTREAM_DIRECT_LOCAL_ADDRESS_ENDPOINT_ID",
        "UPSTREAM_REMOTE_ADDRESS_ENDPOINT_ID", "UPSTREAM_LOCAL_ADDRESS_ENDPOINT_ID",
        "UPSTREAM_DETECTED_CLOSE_TYPE", "DOWNSTREAM_DETECTED_CLOSE_TYPE", "UPSTREAM_LOCAL_CLOSE_REASON",
        "DOWNSTREAM_LOCAL_CLOSE_REASON", "DOWNSTREAM_TLS_GROUP", "UPSTREAM_TLS_GROUP",
        "DOWNSTREAM_PEER_OTHERNAME_SAN", "DOWNSTREAM_LOCAL_OTHERNAME_SAN", "TLS_JA3_FINGERPRINT",
        "TLS_JA4_FINGERPRINT", "ROUTE_RESOLUTION_COUNT", "ROUTE_RESOLUTION_TIME_US", "TRACE_ID",
        "SPAN_ID", "CUSTOM_FLAGS", "CLUSTER_METADATA", "UPSTREAM_METADATA",
        "DOWNSTREAM_CX_RTT", "CEL", "TYPED_CEL", "COALESCE",
    ]

    /// Whether the value is written as JSON by itself, and not between quotes.
    var writesJSON: Bool { isNumber || self == .dynamicMetadata || self == .filterState }

    /// Whether JSON shows the value as a number.
    var isNumber: Bool {
        switch self {
        case .requestHeadersBytes, .responseHeadersBytes, .responseTrailersBytes, .responseCode, .grpcStatusNumber, .duration,
            .requestDuration, .requestTXDuration, .responseDuration, .responseTXDuration,
            .upstreamConnectionPoolReadyDuration, .commonDuration, .bytesReceived, .bytesSent, .downstreamWireBytesReceived,
            .downstreamWireBytesSent, .upstreamWireBytesReceived, .upstreamWireBytesSent, .downstreamHeaderBytesReceived,
            .downstreamHeaderBytesSent, .upstreamHeaderBytesReceived, .upstreamHeaderBytesSent, .downstreamRemotePort,
            .downstreamDirectRemotePort, .downstreamLocalPort, .upstreamRemotePort, .upstreamLocalPort,
            .upstreamRequestAttemptCount, .upstreamConnectionID, .connectionID, .downstreamHandshakeDuration,
            .roundtripDuration, .bytesRetransmitted, .packetsRetransmitted:
            true
        default: false
        }
    }
}
