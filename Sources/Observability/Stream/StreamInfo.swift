public import Bytes
public import HTTPModel

/// What is known about one request or one TCP connection, for logs, header values, filters and statistics.
///
/// Lives inside its stream and is used again for the next one: ``reset()`` and every verb allocate nothing. Names are
/// references to objects of the configuration. Not copyable, so that nobody pays for a copy by accident.
public struct StreamInfo: ~Copyable {
    /// When the stream began and the moments since then.
    public var times = StreamTimes()

    // MARK: Identity

    /// The downstream connection (`%CONNECTION_ID%`); unique in this process.
    public var connectionID: UInt64 = 0
    /// Unique in this process; `%STREAM_ID%` prefers the request id header, as Envoy does.
    public var streamID: UInt64 = 0
    public var accessLogType = AccessLogType.downstreamEnd

    // MARK: Result

    /// Nil for a TCP connection.
    public var downstreamProtocol: HTTPVersion?
    public var upstreamProtocol: HTTPVersion?
    /// The status sent downstream, 0 when none was.
    public var responseCode: UInt16 = 0
    public var responseFlags = ResponseFlags.none
    /// Envoy's `response_code_details`, for instance `via_upstream`.
    public var responseCodeDetails = TextReference.absent
    public var connectionTerminationDetails = TextReference.absent
    public var upstreamTransportFailureReason = TextReference.absent
    public var downstreamTransportFailureReason = TextReference.absent
    /// What the response ended with, nil when it was no gRPC response or is not known yet.
    public var grpcStatus: UInt32?
    /// Body of a local reply (`%LOCAL_REPLY_BODY%`).
    public var localReplyBody = TextReference.absent

    // MARK: Sizes

    /// Request body bytes taken from downstream, and response body bytes given to it.
    public var bytesReceived: UInt64 = 0
    public var bytesSent: UInt64 = 0
    /// Bytes on the wire, heads and framing included.
    public var downstreamWireBytesReceived: UInt64 = 0
    public var downstreamWireBytesSent: UInt64 = 0
    public var upstreamWireBytesReceived: UInt64 = 0
    public var upstreamWireBytesSent: UInt64 = 0
    /// Head bytes on the wire.
    public var downstreamHeaderBytesReceived: UInt64 = 0
    public var downstreamHeaderBytesSent: UInt64 = 0
    public var upstreamHeaderBytesReceived: UInt64 = 0
    public var upstreamHeaderBytesSent: UInt64 = 0

    // MARK: Where it went

    /// The names in the configuration of what was chosen; nil while it was not.
    public var filterChainName: NamedText?
    public var virtualHostName: NamedText?
    /// Of the virtual cluster that the router found; nil for the one of the rest (`other`), too.
    public var virtualClusterName: NamedText?
    public var routeName: NamedText?
    public var clusterName: NamedText?
    /// Name of the upstream host as configured (`%UPSTREAM_HOST_NAME%`), nil when it has none but its address.
    public var upstreamHostName: NamedText?
    public var upstreamRemoteAddress: SocketAddress?
    public var upstreamLocalAddress: SocketAddress?
    public var upstreamConnectionID: UInt64?
    /// Times the request was sent upstream, retries included; 0 when never.
    public var upstreamAttemptCount: UInt32 = 0

    /// Attempts that had a connection and were given up for another; see ``giveUpAttempt()``.
    public private(set) var earlierAttempts: [UpstreamAttempt] = []

    // MARK: Who asks

    /// Our end of the downstream connection, or the original destination.
    public var downstreamLocalAddress: SocketAddress?
    /// The client as the proxy believes it, after x-forwarded-for.
    public var downstreamRemoteAddress: SocketAddress?
    /// The other end of the socket.
    public var downstreamDirectRemoteAddress: SocketAddress?
    public var requestedServerName = TextReference.absent

    // MARK: TLS

    /// Facts of the downstream session; nil on plaintext. Made once a connection.
    public var downstreamTLS: TLSFacts?
    public var upstreamTLS: TLSFacts?

    /// Nil until a filter writes some.
    public private(set) var dynamicMetadata: DynamicMetadata?
    /// What filters left for each other by name, with a type (`filter_state`); nil until one does.
    public private(set) var filterState: FilterState?

    public init() {}

    /// The metadata, made now when no filter has written any yet.
    public mutating func metadataForWriting() -> DynamicMetadata {
        if let dynamicMetadata { return dynamicMetadata }
        let fresh = DynamicMetadata()
        dynamicMetadata = fresh
        return fresh
    }

    /// The filter state, made now when no filter has written any yet.
    public mutating func filterStateForWriting() -> FilterState {
        if let filterState { return filterState }
        let fresh = FilterState()
        filterState = fresh
        return fresh
    }

    /// The attempt under way, or the last.
    public var presentAttempt: UpstreamAttempt {
        UpstreamAttempt(address: upstreamRemoteAddress, hostName: upstreamHostName, connectionID: upstreamConnectionID)
    }

    /// The request is sent once more: what it was sent on before is kept for the log. One that never had a connection is
    /// not, as in Envoy.
    public mutating func giveUpAttempt() {
        guard upstreamConnectionID != nil else { return }
        earlierAttempts.append(presentAttempt)
        upstreamConnectionID = nil
    }

    /// Begins anew, for the next request.
    ///
    /// Field by field, since most references are nil and `self = StreamInfo()` would release every one; a test compares
    /// the result with a fresh one.
    public mutating func reset() {
        resetPlainFields()
        if !responseCodeDetails.isAbsent { responseCodeDetails = .absent }
        if !connectionTerminationDetails.isAbsent { connectionTerminationDetails = .absent }
        if !upstreamTransportFailureReason.isAbsent { upstreamTransportFailureReason = .absent }
        if !downstreamTransportFailureReason.isAbsent { downstreamTransportFailureReason = .absent }
        if !localReplyBody.isAbsent { localReplyBody = .absent }
        if !requestedServerName.isAbsent { requestedServerName = .absent }
        if filterChainName != nil { filterChainName = nil }
        if virtualHostName != nil { virtualHostName = nil }
        if virtualClusterName != nil { virtualClusterName = nil }
        if routeName != nil { routeName = nil }
        if clusterName != nil { clusterName = nil }
        if upstreamHostName != nil { upstreamHostName = nil }
        if !earlierAttempts.isEmpty { earlierAttempts = [] }
        if upstreamRemoteAddress != nil { upstreamRemoteAddress = nil }
        if upstreamLocalAddress != nil { upstreamLocalAddress = nil }
        if downstreamLocalAddress != nil { downstreamLocalAddress = nil }
        if downstreamRemoteAddress != nil { downstreamRemoteAddress = nil }
        if downstreamDirectRemoteAddress != nil { downstreamDirectRemoteAddress = nil }
        if downstreamTLS != nil { downstreamTLS = nil }
        if upstreamTLS != nil { upstreamTLS = nil }
        if dynamicMetadata != nil { dynamicMetadata = nil }
        if filterState != nil { filterState = nil }
    }

    private mutating func resetPlainFields() {
        times = StreamTimes()
        connectionID = 0
        streamID = 0
        accessLogType = .downstreamEnd
        downstreamProtocol = nil
        upstreamProtocol = nil
        responseCode = 0
        responseFlags = .none
        grpcStatus = nil
        bytesReceived = 0
        bytesSent = 0
        downstreamWireBytesReceived = 0
        downstreamWireBytesSent = 0
        upstreamWireBytesReceived = 0
        upstreamWireBytesSent = 0
        downstreamHeaderBytesReceived = 0
        downstreamHeaderBytesSent = 0
        upstreamHeaderBytesReceived = 0
        upstreamHeaderBytesSent = 0
        upstreamConnectionID = nil
        upstreamAttemptCount = 0
    }
}

/// Where a request was sent.
public struct UpstreamAttempt: Equatable, Sendable {
    public var address: SocketAddress?
    public var hostName: NamedText?
    public var connectionID: UInt64?

    public static func == (left: UpstreamAttempt, right: UpstreamAttempt) -> Bool {
        left.address == right.address && left.hostName?.text == right.hostName?.text && left.connectionID == right.connectionID
    }
}

/// Why an access log line is written (`%ACCESS_LOG_TYPE%`).
public enum AccessLogType: UInt8, Sendable {
    case downstreamEnd, tcpConnectionEnd, downstreamStart

    /// Envoy's name of the type.
    public var name: StaticString {
        switch self {
        case .downstreamEnd: "DownstreamEnd"
        case .tcpConnectionEnd: "TcpConnectionEnd"
        case .downstreamStart: "DownstreamStart"
        }
    }
}
