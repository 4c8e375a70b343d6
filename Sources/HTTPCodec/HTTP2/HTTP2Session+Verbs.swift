public import Bytes
import CNGHTTP2
public import HTTPModel

/// What the owner asks for. All of it waits until `produce`; on a stream that has ended every verb does nothing.
extension HTTP2Session {
    /// Opens a stream with a request.
    /// - Parameters:
    ///   - fields: pseudo-headers anywhere among them; connection-specific ones and `host` are left out.
    ///   - endStream: whether the request has neither body nor trailers.
    /// - Returns: nil when ``canOpenStream`` is false or stream ids are used up.
    public func submitRequest(
        _ fields: borrowing HeaderBlock, endStream: Bool, context: AnyObject?
    ) -> HTTP2Stream? {
        guard canOpenStream else { return nil }
        let unmanaged = pool.takeStream()
        let stream = unmanaged._withUnsafeGuaranteedRef { $0 }
        let (array, count) = headerArray(fields, section: .request)
        let id: Int32
        if endStream {
            id = nghttp2_submit_request(library, nil, array, count, nil, unmanaged.toOpaque())
        } else {
            var provider = dataProvider(unmanaged)
            id = nghttp2_submit_request(library, nil, array, count, &provider, unmanaged.toOpaque())
        }
        guard id > 0 else {
            pool.giveBack(unmanaged)
            return nil
        }
        stream.id = id
        stream.owner = .dataPlane
        stream.context = context
        stream.outboundState = endStream ? .finishing : .open
        waitingHeads += 1
        begin(unmanaged)
        return stream
    }

    /// Answers a request with a final head.
    public func submitResponse(_ stream: HTTP2Stream, _ fields: borrowing HeaderBlock, endStream: Bool) {
        guard stream.isOpen, stream.outboundState == .head else { return }
        let (array, count) = headerArray(fields, section: .response)
        stream.outboundState = endStream ? .finishing : .open
        let result: Int32
        if endStream {
            result = nghttp2_submit_response(library, stream.id, array, count, nil)
        } else {
            var provider = dataProvider(.passUnretained(stream))
            result = nghttp2_submit_response(library, stream.id, array, count, &provider)
        }
        if result == 0 { waitingHeads += 1 }
    }

    /// Sends an interim (1xx) head before the final one.
    public func submitInterim(_ stream: HTTP2Stream, _ fields: borrowing HeaderBlock) {
        guard stream.isOpen, stream.outboundState == .head else { return }
        let (array, count) = headerArray(fields, section: .response)
        if nghttp2_submit_headers(library, 0, stream.id, nil, array, count, nil) == 0 { waitingHeads += 1 }
    }

    /// Queues a copy of `bytes` behind the head; `endStream` ends our side.
    public func submitData(_ stream: HTTP2Stream, _ bytes: UnsafeRawBufferPointer, endStream: Bool) {
        guard stream.isOpen, stream.outboundState == .open else { return }
        if bytes.count > 0 { stream.outbound.append(bytes) }
        if endStream { stream.outboundState = .finishing }
        resume(stream)
    }

    /// Moves all of `bytes` behind the head without a copy; both must use one block pool.
    public func submitData(_ stream: HTTP2Stream, moving bytes: inout ByteQueue, endStream: Bool) {
        guard stream.isOpen, stream.outboundState == .open else { return }
        bytes.moveAll(to: &stream.outbound)
        if endStream { stream.outboundState = .finishing }
        resume(stream)
    }

    /// Ends our side with trailers, behind the body that waits.
    public func submitTrailers(_ stream: HTTP2Stream, _ fields: borrowing HeaderBlock) {
        guard stream.isOpen, stream.outboundState == .open else { return }
        let section = pool.takeSection()
        section._withUnsafeGuaranteedRef { $0.fields.copy(from: fields) }
        stream.trailers = section.takeRetainedValue()
        stream.outboundState = .finishing
        resume(stream)
    }

    /// Lets go of a stream: RST_STREAM if it is open, and no event any more. The object must not be used afterwards.
    public func reset(_ stream: HTTP2Stream, _ code: HTTP2ErrorCode) {
        guard stream.owner == .dataPlane else { return }
        stream.owner = .released
        stream.context = nil
        stream.outbound.removeAll()
        guard stream.isOpen else { return }
        if stream.unconsumed > 0 {
            nghttp2_session_consume_connection(library, stream.unconsumed)
            stream.unconsumed = 0
        }
        nghttp2_submit_rst_stream(library, 0, stream.id, code.rawValue)
    }

    /// The id of the request whose head has begun and not ended, 0 for none. There is no more than one: no other frame may
    /// come between HEADERS and its CONTINUATION frames (RFC 9113 section 6.10).
    public var unfinishedRequest: Int32 {
        guard role == .server, let headerStream else { return 0 }
        return headerStream._withUnsafeGuaranteedRef { $0.inboundState == .head ? $0.id : 0 }
    }

    /// Gives the data plane the request whose head does not end, so that it can be answered. What still comes of it is
    /// decoded for the table's sake and dropped.
    public func takeUnfinishedRequest() -> HTTP2Stream? {
        guard unfinishedRequest != 0, let unmanaged = headerStream else { return nil }
        dropHeaderSection()
        let stream = unmanaged._withUnsafeGuaranteedRef { $0 }
        stream.owner = .dataPlane
        stream.inboundState = .open
        return stream
    }

    /// Resets the streams whose ``HTTP2Stream/flushDeadline`` is over: a peer that gives no window would have what waits
    /// for it kept for ever.
    /// - Returns: the earliest deadline of the others, nil when there is none.
    public func resetUnflushed(now: UInt64) -> UInt64? {
        var earliest: UInt64?
        var candidate = streams
        while let current = candidate {
            let stream = current._withUnsafeGuaranteedRef { $0 }
            candidate = stream.next
            guard stream.isOpen, stream.flushDeadline > 0, !stream.isOutboundEnded else { continue }
            if stream.flushDeadline > now {
                earliest = min(earliest ?? .max, stream.flushDeadline)
            } else {
                stream.flushDeadline = 0
                counters.sentFlushTimeout += 1
                reset(stream, .internalError)
            }
        }
        return earliest
    }

    /// The data plane has passed on `count` bytes of the stream's body: the peer may send as many more.
    public func consumed(_ stream: HTTP2Stream, _ count: Int) {
        guard stream.isOpen, count > 0 else { return }
        let size = min(count, stream.unconsumed)
        stream.unconsumed -= size
        if size > 0 { nghttp2_session_consume(library, stream.id, size) }
    }

    /// First half of a graceful end: tells the peer to open no more streams, but serves those under way to us.
    public func shutdownNotice() {
        guard role == .server, failure == nil else { return }
        isGoAwaySubmitted = true
        nghttp2_submit_shutdown_notice(library)
    }

    /// Tells the peer that streams after the last one seen are not served. Those open go on.
    public func goAway(_ code: HTTP2ErrorCode = .noError) {
        guard failure == nil else { return }
        isGoAwaySubmitted = true
        let last = nghttp2_session_get_last_proc_stream_id(library)
        nghttp2_submit_goaway(library, 0, last, code.rawValue, nil, 0)
    }

    /// GOAWAY, then nothing more: open streams are given up.
    public func terminate(_ code: HTTP2ErrorCode) {
        isGoAwaySubmitted = true
        nghttp2_session_terminate_session(library, code.rawValue)
    }

    /// Sends a PING; its answer comes as `.pingAck` with the same eight bytes.
    public func ping(_ opaque: UInt64) {
        guard failure == nil else { return }
        withUnsafeBytes(of: opaque.bigEndian) {
            _ = nghttp2_submit_ping(library, 0, $0.baseAddress?.assumingMemoryBound(to: UInt8.self))
        }
    }

    // MARK: Private parts

    private func resume(_ stream: HTTP2Stream) {
        guard stream.isDeferred else { return }
        stream.isDeferred = false
        nghttp2_session_resume_data(library, stream.id)
    }

    private func dataProvider(_ stream: Unmanaged<HTTP2Stream>) -> nghttp2_data_provider {
        // Safety: the library drops the provider with its stream, before this session forgets its own.
        nghttp2_data_provider(source: nghttp2_data_source(ptr: stream.toOpaque()), read_callback: HTTP2Callbacks.readData)
    }
}
