/// An HTTP/2 client that sends any frames it is told to and keeps what comes back by stream.
package final class WireHTTP2Client {
    /// What came on one stream.
    package struct Answer: Sendable {
        /// Of the final head.
        package var fields: [WireField] = []
        package var body: [UInt8] = []
        package var trailers: [WireField] = []
        /// "open", "ended", "reset CODE", "gone CODE" after GOAWAY or "closed" with the connection.
        package var ending = "open"
        /// Heads with a status below 200.
        package var interim: [[WireField]] = []

        /// Zero when no final head came.
        package var status: Int { Int(fields.first { $0.name == ":status" }?.value ?? "") ?? 0 }
    }

    /// The connection below.
    package let wire: WireClient
    /// The error code of a GOAWAY, if one came.
    package private(set) var goAway: UInt32?
    /// Frames that came, by their type.
    package private(set) var counts: [UInt8: Int] = [:]
    private let codec = FieldBlockCodec()
    private var answers: [UInt32: Answer] = [:]
    private var block: [UInt8] = []
    private var blockFlags: UInt8 = 0
    private var nextStream: UInt32 = 1
    private let opensWindows: Bool
    private var connectionWindow = 65535
    private var initialWindow = 65535
    private var streamWindows: [UInt32: Int] = [:]

    /// Connects and says the preface.
    /// - Parameters:
    ///   - settings: identifier and value.
    ///   - opensWindows: gives back every byte of flow control at once.
    package init?(
        port: UInt16, host: String = Loopback.address, tls: WireClient.TLS? = nil, settings: [(UInt16, UInt32)] = [],
        opensWindows: Bool = true
    ) {
        guard let wire = WireClient(port: port, host: host, tls: tls) else { return nil }
        self.wire = wire
        self.opensWindows = opensWindows
        let payload = settings.flatMap { [UInt8($0.0 >> 8), UInt8($0.0 & 0xFF)] + HTTP2Frame.word($0.1) }
        wire.send(HTTP2Frame.preface + HTTP2Frame(.settings, payload).bytes)
    }

    /// The fields of a plain GET.
    package static func get(_ authority: String, _ path: String, _ more: [WireField] = []) -> [WireField] {
        [
            WireField(":method", "GET"), WireField(":scheme", "http"), WireField(":authority", authority),
            WireField(":path", path),
        ] + more
    }

    /// Sends a whole request on a stream of its own and says which.
    package func request(_ fields: [WireField], body: [UInt8]? = nil, trailers: [WireField] = []) -> UInt32 {
        let stream = takeStream()
        let endsAtHead = body == nil && trailers.isEmpty
        send(
            HTTP2Frame(
                .headers, flags: HTTP2Frame.endHeaders | (endsAtHead ? 1 : 0), stream: stream,
                FieldBlockCodec.encode(fields)))
        if let body {
            for start in stride(from: 0, to: max(1, body.count), by: 16384) {
                let end = min(body.count, start + 16384)
                let isLast = end == body.count && trailers.isEmpty
                send(HTTP2Frame(.data, flags: isLast ? 1 : 0, stream: stream, Array(body[start..<end])))
            }
        }
        if !trailers.isEmpty {
            send(
                HTTP2Frame(
                    .headers, flags: HTTP2Frame.endHeaders | 1, stream: stream, FieldBlockCodec.encode(trailers)))
        }
        return stream
    }

    /// The number for another request.
    package func takeStream() -> UInt32 {
        defer { nextStream += 2 }
        return nextStream
    }

    /// Sends frames in one write. False when the connection broke.
    @discardableResult
    package func send(_ frames: HTTP2Frame...) -> Bool { wire.send(frames.flatMap(\.bytes)) }

    /// How many bytes of body the peer takes on a stream, by what it has said so far and ``sendData(_:stream:isLast:)``
    /// has sent.
    package func window(of stream: UInt32) -> Int { min(connectionWindow, initialWindow + streamWindows[stream, default: 0]) }

    /// Sends a piece of body that the peer's window has room for. False when the connection broke.
    package func sendData(_ bytes: [UInt8], stream: UInt32, isLast: Bool) -> Bool {
        connectionWindow -= bytes.count
        streamWindows[stream, default: 0] -= bytes.count
        return send(HTTP2Frame(.data, flags: isLast ? HTTP2Frame.endStream : 0, stream: stream, bytes))
    }

    /// What has come on a stream, once it has ended or the deadline is over.
    package func answer(of stream: UInt32, deadline: Deadline = Deadline(seconds: 30)) -> Answer {
        reads(deadline) { $0.answers[stream].map { $0.ending != "open" } ?? false }
        var answer = answers[stream] ?? Answer()
        if answer.ending == "open" {
            if let goAway { answer.ending = "gone \(goAway)" } else if wire.ending != nil { answer.ending = "closed" }
        }
        return answer
    }

    /// What has come on a stream so far.
    package func sofar(_ stream: UInt32) -> Answer { answers[stream] ?? Answer() }

    /// Takes frames until `isEnough`, the end, or the deadline. True when it was enough.
    @discardableResult
    package func reads(_ deadline: Deadline, until isEnough: (WireHTTP2Client) -> Bool) -> Bool {
        while true {
            while let (frame, length) = HTTP2Frame.parse(wire.received[...]) {
                wire.received.removeFirst(length)
                take(frame)
            }
            if isEnough(self) { return true }
            if wire.receive(deadline) != .bytes { return false }
        }
    }

    private func take(_ frame: HTTP2Frame) {
        counts[frame.type, default: 0] += 1
        switch frame.kind {
        case .settings where frame.flags & 1 == 0:
            for start in stride(from: 0, to: frame.payload.count - 5, by: 6) where frame.payload[start...].prefix(2) == [0, 4] {
                initialWindow = Int(frame.word(at: start + 2))
            }
            send(HTTP2Frame(.settings, flags: 1))
        case .windowUpdate:
            let count = Int(frame.word(at: 0))
            if frame.stream == 0 { connectionWindow += count } else { streamWindows[frame.stream, default: 0] += count }
        case .ping where frame.flags & 1 == 0: send(HTTP2Frame(.ping, flags: 1, frame.payload))
        case .headers:
            block = frame.payload
            blockFlags = frame.flags
            if frame.flags & HTTP2Frame.endHeaders != 0 { takeBlock(frame.stream) }
        case .continuation:
            block += frame.payload
            if frame.flags & HTTP2Frame.endHeaders != 0 { takeBlock(frame.stream) }
        case .data:
            answers[frame.stream, default: Answer()].body += frame.payload
            if opensWindows, !frame.payload.isEmpty {
                let count = HTTP2Frame.word(UInt32(frame.payload.count))
                send(HTTP2Frame(.windowUpdate, count), HTTP2Frame(.windowUpdate, stream: frame.stream, count))
            }
            if frame.flags & HTTP2Frame.endStream != 0 { answers[frame.stream]?.ending = "ended" }
        case .reset:
            // After the end it says only that the rest of the request is not wanted (RFC 9113 section 8.1).
            if answers[frame.stream]?.ending != "ended" {
                answers[frame.stream, default: Answer()].ending = "reset \(frame.word(at: 0))"
            }
        case .goAway: goAway = frame.word(at: 4)
        default: break
        }
    }

    private func takeBlock(_ stream: UInt32) {
        let fields = codec.decode(block) ?? [WireField("undecodable", "")]
        var answer = answers[stream] ?? Answer()
        let status = fields.first { $0.name == ":status" }?.value
        if answer.status != 0 {
            answer.trailers = fields
        } else if let status, status.hasPrefix("1") {
            answer.interim.append(fields)
        } else {
            answer.fields = fields
        }
        if blockFlags & HTTP2Frame.endStream != 0 { answer.ending = "ended" }
        answers[stream] = answer
    }
}
