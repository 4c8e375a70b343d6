import Bytes
public import HTTPModel

/// One request and its response on a connection. Made, pooled and ended by ``HTTP2Session``.
///
/// The data plane may hold it from the first event (or from `submitRequest`) until it has seen `.closed` or called
/// `reset`; after that the object serves another stream.
public final class HTTP2Stream {
    /// How far the peer's message has come.
    enum Inbound: UInt8 {
        /// No final head yet. Next: `open`, `ended`.
        case head
        /// The head is complete, body or trailers may follow. Next: `ended`.
        case open
        /// END_STREAM came.
        case ended
    }

    /// How far our message has come.
    enum Outbound: UInt8 {
        /// No final head submitted. Next: `open`, `finishing`.
        case head
        /// The head is submitted, body or trailers may follow. Next: `finishing`.
        case open
        /// All of it is submitted. Next: `ended`.
        case finishing
        /// END_STREAM was produced.
        case ended
    }

    /// Who cares about the stream's events.
    enum Owner: UInt8 {
        /// The data plane has not heard of it. Next: `dataPlane`.
        case nobody
        /// The data plane has it. Next: `released`.
        case dataPlane
        /// The data plane let go of it; its events are dropped.
        case released
    }

    /// The stream identifier (RFC 9113 section 5.1.1).
    public internal(set) var id: Int32 = 0
    /// What the latest `.headers`, `.interim` or `.trailers` event brought. The data plane may swap it for a block of its own.
    public var fields = HeaderBlock()
    /// The data plane's object for this stream; cleared when the stream ends.
    public var context: AnyObject?
    /// Ask for one `.writable` event as soon as ``outboundCount`` is at most this; negative means no.
    public var writableBelow = -1
    /// When the rest of a complete message is given up unless the peer has taken it by then, nanoseconds; 0 for never.
    public var flushDeadline: UInt64 = 0

    /// Bytes that wait to be produced: what the data plane holds against its watermark.
    public var outboundCount: Int { outbound.count }
    /// Whether the peer's message is complete.
    public var isInboundEnded: Bool { inboundState == .ended }
    /// Whether our message is complete and produced.
    public var isOutboundEnded: Bool { outboundState == .ended }

    var outbound: ByteQueue
    var trailers: HTTP2FieldSection?
    var inboundState = Inbound.head
    var outboundState = Outbound.head
    var owner = Owner.nobody
    /// Whether the library knows the stream; when false, verbs on it do nothing.
    var isOpen = false
    /// Whether the library waits to be told that there is more to send.
    var isDeferred = false
    var isPeerReset = false
    /// Bytes received that the data plane has not passed on.
    var unconsumed = 0
    var interimCount = 0
    /// When the stream began, nanoseconds.
    var openedAt: UInt64 = 0

    // Safety: a live stream is linked into its session's list, which keeps it retained; a pooled one into the pool's.
    var next: Unmanaged<HTTP2Stream>?
    var previous: Unmanaged<HTTP2Stream>?

    init(blocks: BlockPool) {
        outbound = ByteQueue(pool: blocks)
    }

    /// Back to the state of a fresh object, memory kept.
    func recycle() {
        id = 0
        if fields.byteCount > HTTP2Pool.largestKeptSection { fields = HeaderBlock() } else { fields.reset() }
        context = nil
        writableBelow = -1
        flushDeadline = 0
        outbound.removeAll()
        inboundState = .head
        outboundState = .head
        owner = .nobody
        isOpen = false
        isDeferred = false
        isPeerReset = false
        unconsumed = 0
        interimCount = 0
    }
}
