import Glibc

/// One cleartext HTTP/2 connection of a recording upstream, on its own thread: windows without bound, no push.
final class UpstreamHTTP2Connection {
    private struct Stream {
        var fields: [WireField] = []
        var body: [UInt8] = []
        var trailers: [WireField] = []
        var hasHead = false
        /// Each piece of the request goes back as it comes; the trailers of this end the answer.
        var echo: UpstreamScript?
    }

    private let upstream: RecordingUpstream
    private let descriptor: Int32
    private let number: Int
    private let codec = FieldBlockCodec()
    private var streams: [UInt32: Stream] = [:]
    private var block: [UInt8] = []
    private var blockFlags: UInt8 = 0

    init(_ upstream: RecordingUpstream, _ descriptor: Int32, _ number: Int) {
        self.upstream = upstream
        self.descriptor = descriptor
        self.number = number
    }

    func serve() {
        var pending: [UInt8] = []
        var hasPreface = false
        // A stream window of 2 GiB less one, and the connection's as large.
        send(HTTP2Frame(.settings, [0, 4, 0x7F, 0xFF, 0xFF, 0xFF]))
        send(HTTP2Frame(.windowUpdate, HTTP2Frame.word(0x7FFF_0000)))
        while true {
            let bytes = WireSocket.receive(from: descriptor)
            if bytes.isEmpty { return }
            upstream.record(number) { $0.bytes += bytes }
            pending += bytes
            if !hasPreface {
                let preface = HTTP2Frame.preface
                guard pending.count >= preface.count else { continue }
                guard pending.starts(with: preface) else { return fail("no HTTP/2 preface") }
                pending.removeFirst(preface.count)
                hasPreface = true
            }
            while let (frame, length) = HTTP2Frame.parse(pending[...]) {
                pending.removeFirst(length)
                if let reason = take(frame) { return fail(reason) }
            }
        }
    }

    /// Why the frame is wrong, or nil.
    private func take(_ frame: HTTP2Frame) -> String? {
        switch frame.kind {
        case .settings where frame.flags & 1 == 0: send(HTTP2Frame(.settings, flags: 1))
        case .ping where frame.flags & 1 == 0: send(HTTP2Frame(.ping, flags: 1, frame.payload))
        case .headers:
            var payload = frame.payload[...]
            if frame.flags & 8 != 0 { payload = payload.dropFirst().dropLast(Int(payload.first ?? 0)) }
            if frame.flags & 0x20 != 0 { payload = payload.dropFirst(5) }
            block = Array(payload)
            blockFlags = frame.flags
            return frame.flags & HTTP2Frame.endHeaders != 0 ? takeBlock(frame.stream) : nil
        case .continuation:
            block += frame.payload
            return frame.flags & HTTP2Frame.endHeaders != 0 ? takeBlock(frame.stream) : nil
        case .data:
            var payload = frame.payload[...]
            if frame.flags & 8 != 0 { payload = payload.dropFirst().dropLast(Int(payload.first ?? 0)) }
            streams[frame.stream]?.body += payload
            if streams[frame.stream]?.echo != nil {
                send(HTTP2Frame(.data, stream: frame.stream, Array(payload)))
            }
            if frame.flags & HTTP2Frame.endStream != 0 { return finish(frame.stream) }
        case .reset:
            if let message = message(of: frame.stream, isComplete: false) {
                upstream.record(number) { $0.requests.append(message) }
            }
            streams[frame.stream] = nil
        default: break
        }
        return nil
    }

    private func takeBlock(_ stream: UInt32) -> String? {
        guard let fields = codec.decode(block) else { return "a field block that does not decode" }
        if fields.contains(where: { $0.name != $0.name.lowercased() }) { return "upper case in a field name" }
        if streams[stream]?.hasHead == true {
            streams[stream]?.trailers = fields
        } else {
            for name in [":method", ":path", ":scheme"] where fields.count(where: { $0.name == name }) != 1 {
                return "no single \(name)"
            }
            let connection = ["connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"]
            if let bad = fields.first(where: { connection.contains($0.name) }) { return "\(bad.name) in HTTP/2" }
            streams[stream] = Stream(fields: fields, hasHead: true)
            if let message = message(of: stream, isComplete: false) {
                let script = upstream.script(for: message)
                if script.echoes {
                    streams[stream]?.echo = script
                    sendHead(stream, script, [], isEnd: false)
                } else if script.start == .afterHead {
                    answer(stream, message)
                }
            }
        }
        return blockFlags & HTTP2Frame.endStream != 0 ? finish(stream) : nil
    }

    private func finish(_ stream: UInt32) -> String? {
        guard let message = message(of: stream, isComplete: true) else { return nil }
        if let length = message.values("content-length").first, Int(length) != message.body.count {
            return "content-length \(length) with a body of \(message.body.count)"
        }
        upstream.record(number) { $0.requests.append(message) }
        let echo = streams[stream]?.echo
        streams[stream] = nil
        if let echo { sendTrailers(stream, echo) } else if upstream.script(for: message).start == .afterRequest { answer(stream, message) }
        return nil
    }

    private func message(of stream: UInt32, isComplete: Bool) -> WireMessage? {
        guard let stream = streams[stream] else { return nil }
        func pseudo(_ name: String) -> String { stream.fields.first { $0.name == name }?.value ?? "" }
        var message = WireMessage(
            startLine: "\(pseudo(":method")) \(pseudo(":path")) HTTP/2",
            fields: stream.fields.filter { ![":method", ":path"].contains($0.name) })
        message.body = stream.body
        message.trailers = stream.trailers
        message.isComplete = isComplete
        return message
    }

    private func answer(_ stream: UInt32, _ request: WireMessage) {
        let script = upstream.script(for: request)
        switch script.ending {
        case .silence: return
        case .reset where script.body.isEmpty && script.fields.isEmpty:
            return send(HTTP2Frame(.reset, stream: stream, HTTP2Frame.word(2)))
        default: break
        }
        let length = script.framing == .length ? [WireField("content-length", "\(script.body.count)")] : []
        let body = request.method == "HEAD" ? [] : script.body
        let isShort = body.isEmpty && script.trailers.isEmpty
        sendHead(stream, script, length, isEnd: isShort)
        for start in stride(from: 0, to: body.count, by: 16384) {
            let end = min(body.count, start + 16384)
            let isLast = end == body.count && script.trailers.isEmpty
            send(HTTP2Frame(.data, flags: isLast ? 1 : 0, stream: stream, Array(body[start..<end])))
        }
        if !script.trailers.isEmpty { sendTrailers(stream, script) }
        if script.resetsAfterwards {
            streams[stream] = nil
            send(HTTP2Frame(.reset, stream: stream, HTTP2Frame.word(0)))
        }
    }

    private func sendHead(_ stream: UInt32, _ script: UpstreamScript, _ more: [WireField], isEnd: Bool) {
        let fields = [WireField(":status", "\(script.status)")] + script.fields + more
        let flags = HTTP2Frame.endHeaders | (isEnd ? HTTP2Frame.endStream : 0)
        send(HTTP2Frame(.headers, flags: flags, stream: stream, FieldBlockCodec.encode(fields)))
    }

    private func sendTrailers(_ stream: UInt32, _ script: UpstreamScript) {
        let flags = HTTP2Frame.endHeaders | HTTP2Frame.endStream
        send(HTTP2Frame(.headers, flags: flags, stream: stream, FieldBlockCodec.encode(script.trailers)))
    }

    private func send(_ frame: HTTP2Frame) {
        WireSocket.send(frame.bytes, to: descriptor)
    }

    private func fail(_ reason: String) {
        upstream.record(number) { $0.malformed = reason }
    }
}
