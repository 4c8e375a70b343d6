import Bytes
public import HTTPModel

/// Reads one side of an HTTP/1 connection (RFC 9112), strictly: what two peers could read in two ways is refused.
///
/// ```
///          head                   body, chunks            trailers
///   idle ───────► body(framing) ──────────────► trailers ──────────► ending ──► idle
///     │              └── untilClose ── endOfInput ──► idle (closed)
///     └─ CONNECT, 101 ──► switching ── becomeTunnel ──► tunnel
///   any ── a broken rule ──► failed
/// ```
///
/// Give ``next(_:into:)`` the bytes that wait, drop what it consumed, and call again, with no bytes too, until it says
/// ``HTTP1Event/needMore``. A head or trailer section is parsed when all of it lies in one piece of memory; until then
/// nothing of it is consumed, and how far the parser looked is remembered, so that the work is linear however the bytes
/// arrive. Body bytes are not copied.
///
/// The block belongs to the parser from the first byte of a head or trailer section until the event; body events do not
/// touch it.
public struct HTTP1Parser: ~Copyable {
    /// Which direction of a connection is read.
    public enum Role: UInt8, Sendable {
        /// Reads requests: the proxy is the server.
        case request
        /// Reads responses: the proxy is the client.
        case response
    }

    enum State: Equatable {
        /// Between messages, or within a head of which nothing was consumed. Next: head → body, ending, idle, switching.
        case idle
        /// Within a body of known length. Next: ending.
        case length(remaining: UInt64)
        /// Within chunk framing. Next: trailers.
        case chunks(ChunkedDecoder)
        /// Behind the last chunk. Next: trailersDone or ending.
        case trailers
        /// All read, the end not yet told. Next: idle.
        case ending
        /// Within a body that the connection's end delimits. Next: closed.
        case untilClose
        /// CONNECT or 101 seen: nothing is read until ``becomeTunnel()``. Next: tunnel.
        case switching
        /// All bytes are body. Next: closed.
        case tunnel
        /// The peer is gone.
        case closed
        /// Final.
        case failed(HTTP1Error)
    }

    /// What the response role knows of the request it reads the answer to.
    struct Expectation: Equatable {
        var toHead: Bool
        var toConnect: Bool
        var informationalHeads: Int32 = 0
    }

    let rules: HTTP1ParserRules
    var state = State.idle
    var expected: Expectation?
    /// Bytes of the unfinished head or trailer section known to hold no end of it.
    var searched: Int32 = 0
    /// Bytes there were when an unfinished head was last scanned for faults.
    var lastAttempt: Int32 = 0
    /// Empty lines skipped before a request (RFC 9112 section 2.2).
    var emptyLines: UInt8 = 0
    /// Fields that the last head had and that were left out for the underscores in their names.
    public internal(set) var droppedFields: UInt16 = 0

    /// Empty lines that may stand before a request.
    public static let maximumEmptyLines: UInt8 = 8

    var isRequest: Bool { rules.isRequest }
    var options: HTTP1Options { rules.options }

    /// A parser at the start of a connection, with rules that other connections share.
    public init(rules: HTTP1ParserRules) {
        self.rules = rules
    }

    /// A parser with rules of its own.
    public init(role: Role, options: HTTP1Options = HTTP1Options()) {
        self.init(rules: HTTP1ParserRules(role: role, options: options))
    }

    /// Whether the parser is between messages and has seen nothing of the next.
    public var isIdle: Bool { state == .idle && searched == 0 && expected == nil }

    /// Reads on. `input` begins with the bytes that the last call did not consume; the parser never looks behind it.
    public mutating func next(_ input: UnsafeRawBufferPointer, into fields: inout HeaderBlock) -> HTTP1Step {
        switch state {
        case .idle: return nextHead(input, into: &fields)
        case .length(let remaining): return nextOfLength(remaining, input)
        case .chunks(var decoder):
            let step = decoder.next(input, limit: options.maximumChunkExtensionBytes)
            switch step {
            case .needMore(let consumed):
                state = .chunks(decoder)
                return HTTP1Step(.needMore, consumed: consumed)
            case .data(let offset, let count):
                state = .chunks(decoder)
                return HTTP1Step(.body(offset: offset, count: count), consumed: offset + count)
            case .lastChunk(let consumed):
                state = .trailers
                searched = 0
                return nextTrailers(input, from: consumed, into: &fields)
            case .failed(let error): return fail(error)
            }
        case .trailers: return nextTrailers(input, from: 0, into: &fields)
        case .ending:
            state = .idle
            return HTTP1Step(.end)
        case .untilClose, .tunnel:
            guard !input.isEmpty else { return HTTP1Step(.needMore) }
            return HTTP1Step(.body(offset: 0, count: input.count), consumed: input.count)
        case .switching: return HTTP1Step(.needMore)
        case .closed:
            guard input.isEmpty else { return fail(.unexpectedData) }
            return HTTP1Step(.needMore)
        case .failed(let error): return HTTP1Step(.failed(error))
        }
    }

    /// The peer closed its side: ends a body that is delimited so, and anything else that is unfinished fails.
    public mutating func endOfInput() -> HTTP1Event {
        switch state {
        case .idle:
            guard searched == 0, expected == nil else { return fail(.incomplete).event }
            return .needMore
        case .ending:
            state = .idle
            return .end
        case .untilClose, .tunnel, .switching:
            state = .closed
            return .end
        case .closed: return .needMore
        case .length, .chunks, .trailers: return fail(.incomplete).event
        case .failed(let error): return .failed(error)
        }
    }

    /// Response role: a request was sent whose response is read next. Without it, bytes that arrive are a fault, for
    /// they would be taken for the answer to someone else's request.
    public mutating func expectResponse(toHead: Bool = false, toConnect: Bool = false) {
        precondition(!isRequest && expected == nil, "a response is expected already")
        expected = Expectation(toHead: toHead, toConnect: toConnect)
    }

    /// The connection changed protocols (101, or 2xx to CONNECT): all bytes from here on are body.
    public mutating func becomeTunnel() {
        switch state {
        case .switching, .idle, .ending: state = .tunnel
        case .length, .chunks, .trailers, .untilClose, .tunnel, .closed, .failed:
            preconditionFailure("a tunnel cannot begin in state \(state)")
        }
    }

    mutating func fail(_ error: HTTP1Error) -> HTTP1Step {
        state = .failed(error)
        return HTTP1Step(.failed(error))
    }

    private mutating func nextOfLength(_ remaining: UInt64, _ input: UnsafeRawBufferPointer) -> HTTP1Step {
        guard !input.isEmpty else { return HTTP1Step(.needMore) }
        let size = remaining < UInt64(input.count) ? Int(remaining) : input.count
        let rest = remaining - UInt64(size)
        state = rest == 0 ? .ending : .length(remaining: rest)
        return HTTP1Step(.body(offset: 0, count: size), consumed: size)
    }
}
