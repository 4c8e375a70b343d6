public import HTTPModel

/// How the end of a message's body is found (RFC 9112 section 6.3).
public enum HTTP1Framing: Equatable, Sendable {
    /// There is no body.
    case none
    /// As many bytes as `Content-Length` says.
    case length(UInt64)
    /// `Transfer-Encoding: chunked`.
    case chunked
    /// A response whose body ends with the connection.
    case untilClose

    /// Whether a body may follow the head.
    public var hasBody: Bool {
        switch self {
        case .none: false
        case .length(let length): length > 0
        case .chunked, .untilClose: true
        }
    }
}

/// What a head says about its connection and its body; the fields are in the ``HeaderBlock``.
public struct HTTP1Head: Equatable, Sendable {
    public var version: HTTPVersion
    public var framing: HTTP1Framing
    /// Whether the peer will take or send another message on this connection.
    public var keepAlive: Bool
    /// The client waits for 100 before it sends the body.
    public var expectContinue: Bool
    /// `Connection: upgrade` and an `Upgrade` field that names something other than `h2c`.
    public var hasUpgrade: Bool
    /// There is a field that ``HopByHop/strip(_:keepUpgrade:)`` would take away.
    public var hasHopByHop: Bool
    /// A HEAD request, or the response to one.
    public var isHead: Bool
    /// A CONNECT request, or the response to one.
    public var isConnect: Bool
    /// A response with a 1xx status other than 101: another head follows.
    public var informational: Bool

    public init(
        version: HTTPVersion = .http11, framing: HTTP1Framing = .none, keepAlive: Bool = true,
        expectContinue: Bool = false,
        hasUpgrade: Bool = false, hasHopByHop: Bool = false, isHead: Bool = false, isConnect: Bool = false,
        informational: Bool = false
    ) {
        self.version = version
        self.framing = framing
        self.keepAlive = keepAlive
        self.expectContinue = expectContinue
        self.hasUpgrade = hasUpgrade
        self.hasHopByHop = hasHopByHop
        self.isHead = isHead
        self.isConnect = isConnect
        self.informational = informational
    }
}

/// One thing that an ``HTTP1Parser`` found.
public enum HTTP1Event: Equatable, Sendable {
    /// Nothing more can be said: keep the bytes that were not consumed and call again with more behind them.
    case needMore
    /// A head; its fields are in the block, pseudo-headers first (`:method`, `:path`, `:scheme` of an absolute form,
    /// `:authority`; or `:status`). `Host` has become `:authority`. Hop-by-hop fields are still there.
    case head(HTTP1Head)
    /// A piece of decoded body: `count` bytes at `offset` of the input.
    case body(offset: Int, count: Int)
    /// The trailer section; its fields are in the block. Those that RFC 9110 section 6.5.1 forbids are gone.
    case trailers
    /// The message is complete.
    case end
    /// The peer broke the protocol; every later call fails the same way. The connection is of no more use.
    case failed(HTTP1Error)
}

/// What one call of ``HTTP1Parser/next(_:into:)`` found, and how many bytes of its input are done with.
public struct HTTP1Step: Equatable, Sendable {
    public var event: HTTP1Event
    public var consumed: Int

    init(_ event: HTTP1Event, consumed: Int = 0) {
        self.event = event
        self.consumed = consumed
    }
}
