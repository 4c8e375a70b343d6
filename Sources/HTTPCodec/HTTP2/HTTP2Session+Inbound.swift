import Bytes
import CNGHTTP2
import HTTPModel

/// What the library calls while it reads. Each queues events or refuses; none calls the owner.
extension HTTP2Session {
    func frameBegan(_ header: nghttp2_frame_hd) -> Int32 {
        if let flood = abuse.frameReceived(type: header.type, flags: header.flags, length: header.length, now: now) {
            return checked(flood)
        }
        if header.type == FrameType.headers {
            // The library decodes a head for a stream that is over, and says nothing.
            if header.stream_id <= highestStreamID, stream(header.stream_id) == nil { return checked(abuse.glitch(now: now)) }
            highestStreamID = max(highestStreamID, header.stream_id)
        }
        return CallbackResult.proceed
    }

    func headersBegan(_ frame: UnsafePointer<nghttp2_frame>) -> Int32 {
        dropHeaderSection()
        guard frame.pointee.hd.type == FrameType.headers else { return CallbackResult.resetStream }
        let id = frame.pointee.hd.stream_id
        if role == .server, frame.pointee.headers.cat == NGHTTP2_HCAT_REQUEST {
            let stream = pool.takeStream()
            stream._withUnsafeGuaranteedRef { $0.id = id }
            nghttp2_session_set_stream_user_data(library, id, stream.toOpaque())
            begin(stream)
            headerStream = stream
        } else {
            headerStream = stream(id)
        }
        if headerStream != nil { headerSection = pool.takeSection() }
        return CallbackResult.proceed
    }

    func headerReceived(name: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer) -> Int32 {
        guard let section = headerSection else { return CallbackResult.proceed }
        if options.underscores != .allow, role == .server, name.offset(of: UInt8(ascii: "_")) != nil {
            guard options.underscores == .rejectMessage else {
                counters.droppedFieldsWithUnderscores += 1
                return CallbackResult.proceed
            }
            counters.requestsRejectedForUnderscores += 1
            return rejectHeaderSection(.protocolError)
        }
        let isWithinLimits = section._withUnsafeGuaranteedRef { section -> Bool in
            guard section.fields.count < options.maxHeaderCount,
                section.fields.byteCount + name.count + value.count <= options.maxHeaderBytes
            else { return false }
            if let known = KnownHeader.lookup(name) {
                section.fields.append(known, value)
            } else {
                section.fields.append(name, value)
            }
            return true
        }
        if isWithinLimits { return CallbackResult.proceed }
        counters.headerOverflow += 1
        return rejectHeaderSection(.enhanceYourCalm)
    }

    /// The library would leave the field out and go on; it reports the frame as invalid when this returns.
    func invalidHeaderReceived(_ id: Int32) -> Int32 {
        rejectHeaderSection(.protocolError, id: id)
    }

    /// Resets the stream whose section is being decoded; the library decodes the rest for its table only.
    private func rejectHeaderSection(_ code: HTTP2ErrorCode, id: Int32? = nil) -> Int32 {
        let id = id ?? headerStream?._withUnsafeGuaranteedRef { $0.id } ?? 0
        dropHeaderSection()
        nghttp2_submit_rst_stream(library, 0, id, code.rawValue)
        return CallbackResult.resetStream
    }

    func dataReceived(id: Int32, _ bytes: UnsafeRawBufferPointer) -> Int32 {
        guard let unmanaged = dataTarget(id) else {
            nghttp2_session_consume_connection(library, bytes.count)
            return CallbackResult.proceed
        }
        let stream = unmanaged._withUnsafeGuaranteedRef { $0 }
        guard stream.owner == .dataPlane else {
            nghttp2_session_consume_connection(library, bytes.count)
            return CallbackResult.proceed
        }
        stream.unconsumed += bytes.count
        waitingPieces += 1
        events.push(
            HTTP2EventRecord(
                kind: .data, number: UInt64(bytes.count), bytes: bytes.baseAddress, stream: unmanaged))
        return CallbackResult.proceed
    }

    func frameReceived(_ frame: UnsafePointer<nghttp2_frame>) -> Int32 {
        let header = frame.pointee.hd
        switch header.type {
        case FrameType.headers:
            return headersReceived(endStream: header.flags & FrameFlag.endStream != 0)
        case FrameType.data:
            return dataFrameReceived(frame)
        case FrameType.resetStream:
            counters.receivedReset += 1
            stream(header.stream_id)?._withUnsafeGuaranteedRef { $0.isPeerReset = true }
        case FrameType.settings:
            if header.flags & FrameFlag.acknowledgement == 0 { settingsReceived() }
        case FrameType.ping:
            if header.flags & FrameFlag.acknowledgement != 0 {
                var opaque: UInt64 = 0
                withUnsafeBytes(of: frame.pointee.ping.opaque_data) { opaque = $0.loadUnaligned(as: UInt64.self).bigEndian }
                events.push(HTTP2EventRecord(kind: .pingAck, number: opaque))
            }
        case FrameType.goAway:
            isGoAwayReceived = true
            peerLastStreamID = frame.pointee.goaway.last_stream_id
            events.push(
                HTTP2EventRecord(
                    kind: .goAway, code: frame.pointee.goaway.error_code, number: UInt64(max(peerLastStreamID, 0))))
        default:
            break  // WINDOW_UPDATE and the like matter to the library alone.
        }
        return CallbackResult.proceed
    }

    /// A frame that broke a rule; the library resets the stream or ends the connection by itself.
    func invalidFrameReceived(_ frame: UnsafePointer<nghttp2_frame>, _ error: Int32) -> Int32 {
        if error == NGHTTP2_ERR_REFUSED_STREAM.rawValue {
            // A peer that does not know our limit yet has done nothing wrong (RFC 9113 section 5.1.2).
            counters.streamRefusedErrors += 1
            return checked(abuse.glitch(now: now))
        }
        counters.receivedMessagingError += 1
        if frame.pointee.hd.type == FrameType.headers { dropHeaderSection() }
        if !options.keepsMalformed { return malformed() }
        return checked(abuse.glitch(now: now))
    }

    func streamClosed(id: Int32, code: UInt32) -> Int32 {
        guard let unmanaged = stream(id) else { return CallbackResult.proceed }
        let stream = unmanaged._withUnsafeGuaranteedRef { $0 }
        let isReleased = stream.owner == .released
        let cause = closeCause(of: stream, code: code)
        end(unmanaged, code: code, cause: cause)
        guard role == .server else { return CallbackResult.proceed }
        let isYoung = now &- stream.openedAt < options.abuse.prematureResetLifetime
        let isPremature = isYoung && (stream.isPeerReset || (cause == .violation && !isReleased))
        return checked(abuse.streamClosed(isPremature: isPremature))
    }

    private func closeCause(of stream: HTTP2Stream, code: UInt32) -> HTTP2CloseCause {
        let refused = code == HTTP2ErrorCode.refusedStream.rawValue
        if stream.isPeerReset {
            if refused { return .unprocessed }
            let isWhole = code == HTTP2ErrorCode.noError.rawValue && stream.inboundState == .ended
            return isWhole ? .complete : .peerReset
        }
        if code == HTTP2ErrorCode.noError.rawValue { return .complete }
        if refused, role == .client { return .unprocessed }
        return .violation
    }

    // MARK: Complete frames

    private func headersReceived(endStream: Bool) -> Int32 {
        guard let unmanaged = headerStream, let section = headerSection else { return CallbackResult.proceed }
        let stream = unmanaged._withUnsafeGuaranteedRef { $0 }
        headerStream = nil
        headerSection = nil
        if stream.owner == .released {
            pool.giveBack(section)
            return CallbackResult.proceed
        }
        var record = HTTP2EventRecord(kind: .headers, endStream: endStream, stream: unmanaged, section: section)
        switch stream.inboundState {
        case .ended:
            pool.giveBack(section)
            return CallbackResult.proceed
        case .open:
            record.kind = .trailers
            counters.trailers += 1
            section._withUnsafeGuaranteedRef { HTTP2FieldRules.cleanTrailers(&$0.fields) }
        case .head where role == .server:
            guard admitRequest(section) else {
                pool.giveBack(section)
                counters.receivedMessagingError += 1
                if !options.keepsMalformed { return malformed() }
                nghttp2_submit_rst_stream(library, 0, stream.id, HTTP2ErrorCode.protocolError.rawValue)
                return CallbackResult.proceed
            }
            stream.owner = .dataPlane
            stream.inboundState = .open
        case .head:
            let status = section._withUnsafeGuaranteedRef { $0.fields.status }
            if status < 100 {
                pool.giveBack(section)
                counters.receivedMessagingError += 1
                if !options.keepsMalformed { return malformed() }
                nghttp2_submit_rst_stream(library, 0, stream.id, HTTP2ErrorCode.protocolError.rawValue)
                return CallbackResult.proceed
            } else if status < 200 {
                record.kind = .interim
                stream.interimCount += 1
                if stream.interimCount > options.maxInterimResponses {
                    pool.giveBack(section)
                    counters.receivedMessagingError += 1
                    nghttp2_submit_rst_stream(library, 0, stream.id, HTTP2ErrorCode.enhanceYourCalm.rawValue)
                    return CallbackResult.proceed
                }
            } else {
                stream.inboundState = .open
            }
        }
        if endStream { stream.inboundState = .ended }
        events.push(record)
        return CallbackResult.proceed
    }

    private func admitRequest(_ section: Unmanaged<HTTP2FieldSection>) -> Bool {
        section._withUnsafeGuaranteedRef {
            HTTP2FieldRules.admitRequest(&$0.fields, allowConnect: options.allowConnect, scratch: &pool.scratch)
        }
    }

    private func dataFrameReceived(_ frame: UnsafePointer<nghttp2_frame>) -> Int32 {
        let header = frame.pointee.hd
        let endStream = header.flags & FrameFlag.endStream != 0
        let isEmpty = header.length <= frame.pointee.data.padlen
        if let flood = abuse.dataReceived(isEmpty: isEmpty, endsStream: endStream) { return checked(flood) }
        guard endStream, let unmanaged = dataTarget(header.stream_id) else { return CallbackResult.proceed }
        let stream = unmanaged._withUnsafeGuaranteedRef { $0 }
        stream.inboundState = .ended
        if stream.owner == .dataPlane, !events.endLastData(of: unmanaged) {
            waitingPieces += 1
            events.push(HTTP2EventRecord(kind: .data, endStream: true, stream: unmanaged))
        }
        return CallbackResult.proceed
    }

    private func settingsReceived() {
        let limit = nghttp2_session_get_remote_settings(library, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS)
        remoteMaxConcurrentStreams = limit
        events.push(HTTP2EventRecord(kind: .settingsChanged, code: limit))
    }

    // MARK: Private parts

    func stream(_ id: Int32) -> Unmanaged<HTTP2Stream>? {
        guard let user = nghttp2_session_get_stream_user_data(library, id) else { return nil }
        // Safety: set to a live stream of this session, which stays one until the library has closed the stream.
        return Unmanaged<HTTP2Stream>.fromOpaque(user)
    }

    private func dataTarget(_ id: Int32) -> Unmanaged<HTTP2Stream>? {
        if dataStreamID == id, let dataStream { return dataStream }
        dataStream = stream(id)
        dataStreamID = id
        return dataStream
    }

    /// What a callback returns for a message that the connection does not outlive.
    private func malformed() -> Int32 {
        malformedFound = true
        return CallbackResult.failSession
    }

    /// What a callback returns for what ``AbuseGuard`` said.
    func checked(_ flood: HTTP2Flood?) -> Int32 {
        guard let flood else { return CallbackResult.proceed }
        floodFound = flood
        // While it writes, the library would come back to the frame for which a callback failed, and to no other.
        return sink == nil ? CallbackResult.failSession : CallbackResult.proceed
    }
}
