public import Bytes
import CNGHTTP2

/// Making bytes, and what the library calls while it does.
extension HTTP2Session {
    /// Appends what is to be sent, frame by frame, until `output` holds `limit` bytes or a frame more.
    /// - Returns: ``failure``. Drain the events afterwards: streams may have ended.
    @discardableResult
    public func produce(into output: inout ByteQueue, upTo limit: Int) -> HTTP2Failure? {
        withUnsafeMutablePointer(to: &output) { output in
            sink = output
            sinkLimit = limit
            while output.pointee.count < limit {
                var start: UnsafePointer<UInt8>?
                let count = nghttp2_session_mem_send(library, &start)
                if count > 0 { output.pointee.append(UnsafeRawBufferPointer(start: start, count: count)) }
                if failure == nil, floodFound != nil || count < 0 {
                    fail(libraryResult: count)
                    if count >= 0 { continue }  // The GOAWAY goes out at once.
                }
                if count <= 0 { break }
            }
            sink = nil
        }
        return failure
    }

    func readData(
        limit: Int, flags: UnsafeMutablePointer<UInt32>, source: nghttp2_data_source
    ) -> Int {
        // Safety: the source is a live stream of this session (see `dataProvider`).
        let stream = Unmanaged<HTTP2Stream>.fromOpaque(source.ptr)._withUnsafeGuaranteedRef { $0 }
        let count = min(limit, stream.outbound.count)
        let isLast = stream.outboundState == .finishing && count == stream.outbound.count
        if count == 0, !isLast {
            stream.isDeferred = true
            return CallbackResult.deferred
        }
        flags.pointee |= UInt32(NGHTTP2_DATA_FLAG_NO_COPY.rawValue)
        guard isLast else { return count }
        flags.pointee |= UInt32(NGHTTP2_DATA_FLAG_EOF.rawValue)
        if let section = stream.trailers {
            stream.trailers = nil
            flags.pointee |= UInt32(NGHTTP2_DATA_FLAG_NO_END_STREAM.rawValue)
            let (array, fieldCount) = headerArray(section.fields, section: .trailers)
            if nghttp2_submit_trailer(library, stream.id, array, fieldCount) == 0 { waitingHeads += 1 }
            pool.giveBack(Unmanaged.passRetained(section))
        }
        return count
    }

    func sendData(header: UnsafePointer<UInt8>, count: Int, source: nghttp2_data_source) -> Int32 {
        guard let sink else { return CallbackResult.failSession }
        if sink.pointee.count >= sinkLimit { return CallbackResult.wouldBlock }
        // Safety: as in `readData`.
        let unmanaged = Unmanaged<HTTP2Stream>.fromOpaque(source.ptr)
        let stream = unmanaged._withUnsafeGuaranteedRef { $0 }
        // The stream was reset after this frame was cut and before there was room for it.
        guard stream.outbound.count >= count else { return CallbackResult.resetStream }
        sink.pointee.append(UnsafeRawBufferPointer(start: header, count: 9))
        var rest = count
        while rest > 0 {
            let first = stream.outbound.first
            let size = min(first.count, rest)
            sink.pointee.append(first.slice(0, size))
            stream.outbound.consume(size)
            rest -= size
        }
        if stream.outbound.count <= stream.writableBelow {
            stream.writableBelow = -1
            events.push(HTTP2EventRecord(kind: .writable, stream: unmanaged))
        }
        return CallbackResult.proceed
    }

    func frameSent(_ frame: UnsafePointer<nghttp2_frame>) -> Int32 {
        let header = frame.pointee.hd
        switch header.type {
        case FrameType.data:
            abuse.dataFrameSent()
            if header.flags & FrameFlag.endStream != 0 { outboundEnded(header.stream_id) }
        case FrameType.headers:
            waitingHeads -= 1
            if header.flags & FrameFlag.endStream != 0 { outboundEnded(header.stream_id) }
        case FrameType.resetStream:
            return resetSent(frame)
        case FrameType.goAway:
            counters.goawaySent += 1
            let code = HTTP2ErrorCode(frame.pointee.goaway.error_code)
            if code != .noError, failure == nil, !isGoAwaySubmitted { failure = .protocolViolation(code) }
        default:
            break
        }
        return CallbackResult.proceed
    }

    /// A frame that the state of its stream forbids by now. Only a request that was never sent needs an end.
    func frameNotSent(_ frame: UnsafePointer<nghttp2_frame>) -> Int32 {
        guard frame.pointee.hd.type == FrameType.headers else { return CallbackResult.proceed }
        waitingHeads -= 1
        let id = frame.pointee.hd.stream_id
        guard frame.pointee.headers.cat == NGHTTP2_HCAT_REQUEST, stream(id) == nil else { return CallbackResult.proceed }
        var candidate = streams
        while let current = candidate {
            let (streamID, next) = current._withUnsafeGuaranteedRef { ($0.id, $0.next) }
            if streamID == id {
                end(current, code: HTTP2ErrorCode.refusedStream.rawValue, cause: .unprocessed)
                break
            }
            candidate = next
        }
        return CallbackResult.proceed
    }

    /// Our message is out. A request that is still coming in is not waited for: the stream ends with NO_ERROR
    /// (RFC 9113 section 8.1).
    private func outboundEnded(_ id: Int32) {
        guard let unmanaged = stream(id) else { return }
        let stream = unmanaged._withUnsafeGuaranteedRef { $0 }
        stream.outboundState = .ended
        if role == .server, stream.inboundState != .ended {
            nghttp2_submit_rst_stream(library, 0, id, HTTP2ErrorCode.noError.rawValue)
        }
    }

    /// Resets that the peer made us send are as good as its own (MadeYouReset).
    private func resetSent(_ frame: UnsafePointer<nghttp2_frame>) -> Int32 {
        counters.sentReset += 1
        guard frame.pointee.rst_stream.error_code != HTTP2ErrorCode.noError.rawValue else {
            return CallbackResult.proceed
        }
        let isOurs = stream(frame.pointee.hd.stream_id)?._withUnsafeGuaranteedRef { $0.owner == .released } ?? false
        return isOurs ? CallbackResult.proceed : checked(abuse.glitch(now: now))
    }
}
