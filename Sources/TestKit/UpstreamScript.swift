/// What a ``RecordingUpstream`` answers to one request.
package struct UpstreamScript: Sendable {
    /// When the answer begins.
    package enum Start: Sendable {
        /// When the whole request is there.
        case afterRequest
        /// As soon as the head is there; the body is read afterwards.
        case afterHead
    }

    /// What comes after the answer.
    package enum Ending: Sendable {
        case keep, close, reset
        /// Nothing more is sent, and nothing closed.
        case silence
    }

    /// How the body of an HTTP/1 answer is framed.
    package enum Framing: Sendable {
        case length, chunked, untilClose, none
    }

    /// When the answer begins, what it is made of, how its end is marked, and what becomes of the connection.
    package var start = Start.afterRequest
    package var status = 200
    package var fields: [WireField] = []
    package var body: [UInt8] = []
    package var trailers: [WireField] = []
    package var framing = Framing.length
    package var ending = Ending.keep
    /// In place of everything above, for what no well-behaved server says (HTTP/1 only).
    package var raw: [UInt8]?
    /// RST_STREAM with NO_ERROR after the answer (RFC 9113 section 8.1; HTTP/2 only).
    package var resetsAfterwards = false
    /// The connection becomes an echo after the answer; in HTTP/2 the stream does after the head, and its end is
    /// answered with the trailers.
    package var echoes = false

    package init() {}

    /// An answer with a status and a body.
    package static func reply(_ status: Int, _ fields: [WireField] = [], body: String = "") -> UpstreamScript {
        var script = UpstreamScript()
        script.status = status
        script.fields = fields
        script.body = Array(body.utf8)
        return script
    }

    /// Bytes as they are, and what comes after them.
    package static func raw(_ text: String, then ending: Ending = .keep) -> UpstreamScript {
        var script = UpstreamScript()
        script.raw = Array(text.utf8)
        script.ending = ending
        return script
    }

    /// Takes the request and never answers.
    package static let silent: UpstreamScript = .raw("", then: .silence)

    /// The same with other details.
    package func with(_ change: (inout UpstreamScript) -> Void) -> UpstreamScript {
        var script = self
        change(&script)
        return script
    }

    /// Bodies from this size on are sent by themselves instead of being copied behind the head.
    private static let largeBody = 64 * 1024

    /// The bytes of the answer in HTTP/1, in pieces.
    func http1(answering method: String) -> [[UInt8]] {
        if let raw { return [raw] }
        var head = "HTTP/1.1 \(status) Scripted\r\n"
        for field in fields { head += "\(field.name): \(field.value)\r\n" }
        switch framing {
        case .length: head += "content-length: \(body.count)\r\n"
        case .chunked: head += "transfer-encoding: chunked\r\n"
        case .untilClose, .none: break
        }
        if ending == .close { head += "connection: close\r\n" }
        head += "\r\n"
        if method == "HEAD" || framing == .none { return [Array(head.utf8)] }
        var tail = ""
        if framing == .chunked {
            if !body.isEmpty {
                head += "\(String(body.count, radix: 16))\r\n"
                tail += "\r\n"
            }
            tail += "0\r\n"
            for trailer in trailers { tail += "\(trailer.name): \(trailer.value)\r\n" }
            tail += "\r\n"
        }
        if body.count < Self.largeBody { return [Array(head.utf8) + body + Array(tail.utf8)] }
        return [Array(head.utf8), body] + (tail.isEmpty ? [] : [Array(tail.utf8)])
    }
}
