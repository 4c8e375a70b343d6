import Bytes
import CNGHTTP2
import HTTPModel

/// One HTTP/2 connection without its socket: bytes in, events out; verbs in, bytes out.
///
/// The owner calls ``receive(_:now:)`` with what it read, drains ``nextEvent()``, and writes what
/// ``produce(into:upTo:)`` makes; `produce` may queue events too (streams that end), so it is followed by draining
/// again. Nothing is called back: while draining, any verb may be used on any session.
///
/// Flow control is manual: the peer gets window back for a piece of body when the owner says ``consumed(_:_:)``.
/// Framing, HPACK and the stream states of RFC 9113 are nghttp2's; ``AbuseGuard`` and ``HTTP2FieldRules`` add what it
/// leaves out.
public final class HTTP2Session {
    public let role: HTTP2Role
    public let options: HTTP2Options
    /// Why the connection cannot go on; nil while it can. Write what `produce` still gives, then close.
    public internal(set) var failure: HTTP2Failure?
    /// Streams that are open for the library: those that count against a limit of concurrency.
    public internal(set) var activeStreams = 0
    /// Whether the peer has sent GOAWAY: no new stream can be opened.
    public internal(set) var isGoAwayReceived = false
    /// Whether this side has begun to go away.
    public internal(set) var isGoAwaySubmitted = false

    let pool: HTTP2Pool
    let counters: HTTP2Counters
    // Safety: the library's session, owned by this object and deleted in `deinit`; its user data is this object, which
    // outlives it.
    var library: OpaquePointer
    var events: HTTP2EventQueue
    var abuse: AbuseGuard
    /// What a callback found; the verb that made the library call it turns it into `failure`.
    var floodFound: HTTP2Flood?
    /// A malformed message came, and the options let none pass.
    var malformedFound = false
    var now: UInt64
    /// All streams of this session, linked; each is retained by the list.
    var streams: Unmanaged<HTTP2Stream>?
    /// The stream whose header section is being decoded, and the section.
    var headerStream: Unmanaged<HTTP2Stream>?
    var headerSection: Unmanaged<HTTP2FieldSection>?
    /// The stream that the latest DATA frame was for.
    var dataStream: Unmanaged<HTTP2Stream>?
    var dataStreamID: Int32 = 0
    /// The stream whose `.closed` event the owner is looking at.
    private var endingStream: Unmanaged<HTTP2Stream>?
    /// Where `produce` writes. Only set while it runs.
    var sink: UnsafeMutablePointer<ByteQueue>?
    var sinkLimit = 0
    /// Pieces of body that wait in `events` and point into memory of the owner.
    var waitingPieces = 0
    /// HEADERS frames submitted and not yet produced.
    var waitingHeads = 0
    /// The highest id of a stream that HEADERS came for.
    var highestStreamID: Int32 = 0
    var peerLastStreamID = Int32.max
    var remoteMaxConcurrentStreams: UInt32 = 100

    /// - Parameters:
    ///   - now: the loop's clock, nanoseconds.
    /// - Returns: nil when the library has no memory.
    public init?(role: HTTP2Role, options: HTTP2Options, pool: HTTP2Pool, counters: HTTP2Counters, now: UInt64) {
        self.role = role
        self.options = options
        self.pool = pool
        self.counters = counters
        self.now = now
        events = HTTP2EventQueue(pool: pool)
        abuse = AbuseGuard(limits: options.abuse, now: now)
        guard let library = HTTP2Session.makeLibrarySession(role: role, options: options, memory: pool.memory) else { return nil }
        self.library = library
        nghttp2_session_set_user_data(library, Unmanaged.passUnretained(self).toOpaque())
        guard submitPreface() else { return nil }
    }

    deinit {
        nghttp2_session_del(library)
        if let section = headerSection { pool.giveBack(section) }
        while let record = events.pop() {
            if let section = record.section { pool.giveBack(section) }
        }
        while let stream = streams {
            streams = stream._withUnsafeGuaranteedRef { $0.next }
            stream._withUnsafeGuaranteedRef { if $0.isOpen { counters.streamsActive -= 1 } }
            pool.giveBack(stream)
        }
    }

    /// Whether `produce` has something to write.
    public var wantsWrite: Bool { nghttp2_session_want_write(library) != 0 }

    /// Whether nothing more will be read or written: the connection can be closed.
    public var isFinished: Bool {
        !wantsWrite && (failure != nil || nghttp2_session_want_read(library) == 0)
    }

    /// Whether events wait to be drained.
    public var hasEvents: Bool { !events.isEmpty }

    /// Streams that the peer lets us have open at once; meaningful for a client.
    public var peerMaxConcurrentStreams: Int { Int(remoteMaxConcurrentStreams) }

    /// Whether a client can open a stream now.
    public var canOpenStream: Bool {
        role == .client && failure == nil && !isGoAwayReceived && !isGoAwaySubmitted
            && activeStreams < Int(remoteMaxConcurrentStreams) && nghttp2_session_check_request_allowed(library) != 0
    }

    // MARK: Receiving

    /// Takes bytes from the peer. All earlier `.data` events must have been drained; those of this call point into
    /// `bytes`.
    /// - Returns: ``failure``.
    public func receive(_ bytes: UnsafeRawBufferPointer, now: UInt64) -> HTTP2Failure? {
        precondition(waitingPieces == 0, "received while pieces of the last read wait to be drained")
        self.now = now
        guard failure == nil, let start = bytes.baseAddress, bytes.count > 0 else { return failure }
        let taken = nghttp2_session_mem_recv(library, start.assumingMemoryBound(to: UInt8.self), bytes.count)
        if floodFound == nil, taken >= 0 {
            floodFound = abuse.outboundQueued(
                frames: nghttp2_session_get_outbound_queue_size(library), heads: waitingHeads)
        }
        if floodFound != nil || malformedFound || taken < 0 { fail(libraryResult: taken) }
        return failure
    }

    /// The next thing that happened; nil when there is no more.
    public func nextEvent() -> HTTP2Event? {
        if let stream = endingStream {
            endingStream = nil
            forget(stream)
        }
        while let record = events.pop() {
            if record.kind == .data { waitingPieces -= 1 }
            guard let unmanaged = record.stream else { return connectionEvent(record) }
            let stream = unmanaged._withUnsafeGuaranteedRef { $0 }
            if stream.owner != .dataPlane {
                drop(record, of: unmanaged)
                continue
            }
            switch record.kind {
            case .headers:
                present(record.section, to: stream)
                return HTTP2Event(kind: .headers(endStream: record.endStream), stream: stream)
            case .interim:
                present(record.section, to: stream)
                return HTTP2Event(kind: .interim, stream: stream)
            case .trailers:
                present(record.section, to: stream)
                return HTTP2Event(kind: .trailers, stream: stream)
            case .data:
                let piece = UnsafeRawBufferPointer(start: record.bytes, count: Int(record.number))
                return HTTP2Event(kind: .data(piece, endStream: record.endStream), stream: stream)
            case .writable:
                return HTTP2Event(kind: .writable, stream: stream)
            case .closed:
                endingStream = unmanaged
                return HTTP2Event(kind: .closed(HTTP2ErrorCode(record.code), record.cause), stream: stream)
            case .goAway, .settingsChanged, .pingAck:
                continue
            }
        }
        return nil
    }

    private func connectionEvent(_ record: HTTP2EventRecord) -> HTTP2Event? {
        switch record.kind {
        case .goAway:
            let id = Int32(truncatingIfNeeded: record.number)
            return HTTP2Event(kind: .goAway(lastStreamID: id, HTTP2ErrorCode(record.code)), stream: nil)
        case .settingsChanged:
            return HTTP2Event(kind: .settingsChanged(maxConcurrentStreams: record.code), stream: nil)
        case .pingAck:
            return HTTP2Event(kind: .pingAck(record.number), stream: nil)
        case .headers, .interim, .trailers, .data, .writable, .closed:
            preconditionFailure("a stream's event without its stream")
        }
    }

    private func present(_ section: Unmanaged<HTTP2FieldSection>?, to stream: HTTP2Stream) {
        guard let section else { return }
        section._withUnsafeGuaranteedRef { swap(&stream.fields, &$0.fields) }
        pool.giveBack(section)
    }

    /// What a stream that nobody owns any longer still had to tell.
    private func drop(_ record: HTTP2EventRecord, of stream: Unmanaged<HTTP2Stream>) {
        if let section = record.section { pool.giveBack(section) }
        if record.kind == .closed { forget(stream) }
    }

    // MARK: Streams

    /// Puts a pooled stream to work.
    func begin(_ stream: Unmanaged<HTTP2Stream>) {
        stream._withUnsafeGuaranteedRef {
            $0.isOpen = true
            $0.openedAt = now
            $0.previous = nil
            $0.next = streams
        }
        streams?._withUnsafeGuaranteedRef { $0.previous = stream }
        streams = stream
        activeStreams += 1
        counters.streamsActive += 1
        abuse.streamOpened()
    }

    /// The library has no such stream any longer.
    func end(_ unmanaged: Unmanaged<HTTP2Stream>, code: UInt32, cause: HTTP2CloseCause) {
        let stream = unmanaged._withUnsafeGuaranteedRef { $0 }
        guard stream.isOpen else { return }
        stream.isOpen = false
        stream.isDeferred = false
        activeStreams -= 1
        counters.streamsActive -= 1
        if stream.unconsumed > 0 {
            // The connection's window must not shrink with each stream that ends before its body was passed on.
            nghttp2_session_consume_connection(library, stream.unconsumed)
            stream.unconsumed = 0
        }
        if dataStream?.toOpaque() == unmanaged.toOpaque() { dataStream = nil }
        if headerStream?.toOpaque() == unmanaged.toOpaque() { dropHeaderSection() }
        events.push(HTTP2EventRecord(kind: .closed, cause: cause, code: code, stream: unmanaged))
    }

    /// Unlinks a stream that has told all and returns it to the pool.
    private func forget(_ stream: Unmanaged<HTTP2Stream>) {
        let (next, previous) = stream._withUnsafeGuaranteedRef { ($0.next, $0.previous) }
        if let previous { previous._withUnsafeGuaranteedRef { $0.next = next } } else { streams = next }
        next?._withUnsafeGuaranteedRef { $0.previous = previous }
        pool.giveBack(stream)
    }

    func dropHeaderSection() {
        if let section = headerSection { pool.giveBack(section) }
        headerSection = nil
        headerStream = nil
    }

    /// The transport is gone: every stream ends with `.closed(.cancel, .connectionLost)`.
    public func connectionLost() {
        if failure == nil { failure = .library(0) }
        var stream = streams
        while let current = stream {
            stream = current._withUnsafeGuaranteedRef { $0.next }
            end(current, code: HTTP2ErrorCode.cancel.rawValue, cause: .connectionLost)
        }
    }

    // MARK: Failing

    /// Settles on a reason and queues the GOAWAY that says it.
    func fail(libraryResult: Int) {
        guard failure == nil else { return }
        let code: HTTP2ErrorCode
        if let flood = floodFound {
            failure = .flood(flood)
            counters.count(flood)
            code = .enhanceYourCalm
        } else if malformedFound {
            failure = .protocolViolation(.protocolError)
            code = .protocolError
        } else if libraryResult == Int(NGHTTP2_ERR_FLOODED.rawValue) {
            failure = .flood(.outboundControlFrames)
            counters.count(.outboundControlFrames)
            code = .enhanceYourCalm
        } else if libraryResult == Int(NGHTTP2_ERR_BAD_CLIENT_MAGIC.rawValue) {
            failure = .notHTTP2
            code = .protocolError
        } else {
            failure = .library(libraryResult)
            code = .internalError
        }
        nghttp2_session_terminate_session(library, code.rawValue)
    }
}
