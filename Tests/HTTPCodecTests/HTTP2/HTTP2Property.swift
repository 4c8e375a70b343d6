import Bytes
import HTTPCodec
import HTTPModel

/// What must hold for any bytes whatever that come over an HTTP/2 connection; shared by the replayed corpus and the
/// fuzzer, so it stops the process where it does not hold.
enum HTTP2Property {
    /// The same bytes to a server session, and to a client session with a request under way, in one piece and in small
    /// ones. The last byte, if any, chooses how the data plane reacts.
    static func check(_ bytes: UnsafeRawBufferPointer) {
        let reaction = bytes.last ?? 0
        for role in [HTTP2Role.server, .client] {
            for piece in [max(bytes.count, 1), 7] { run(role, bytes, piece: piece, reaction: reaction) }
        }
    }

    private static func run(_ role: HTTP2Role, _ bytes: UnsafeRawBufferPointer, piece: Int, reaction: UInt8) {
        let blocks = BlockPool()
        let pool = HTTP2Pool(blocks: blocks)
        var options = HTTP2Options()
        options.allowConnect = reaction & 8 != 0
        do {
            guard let session = HTTP2Session(role: role, options: options, pool: pool, counters: HTTP2Counters(), now: 1)
            else { return }
            if role == .client { request(session) }
            var start = 0
            while start < bytes.count {
                let end = min(start + piece, bytes.count)
                _ = session.receive(UnsafeRawBufferPointer(rebasing: bytes[start..<end]), now: UInt64(end))
                drain(session, reaction)
                produce(session, blocks)
                drain(session, reaction)
                start = end
            }
            session.connectionLost()
            drain(session, 0)
        }
        precondition(pool.streamsInUse == 0 && pool.sectionsInUse == 0 && blocks.inUse == 0, "leak")
    }

    private static func produce(_ session: HTTP2Session, _ blocks: BlockPool) {
        var output = ByteQueue(pool: blocks)
        session.produce(into: &output, upTo: 64 * 1024)
    }

    private static func request(_ session: HTTP2Session) {
        var fields = HeaderBlock()
        fields.append(.method, "POST")
        fields.append(.scheme, "http")
        fields.append(.authority, "a.test")
        fields.append(.path, "/")
        _ = session.submitRequest(fields, endStream: false, context: nil)
        _ = session.submitRequest(fields, endStream: true, context: nil)
    }

    private static func drain(_ session: HTTP2Session, _ reaction: UInt8) {
        while let event = session.nextEvent() {
            guard let stream = event.stream else { continue }
            switch event.kind {
            case .headers where session.role == .server:
                for index in 0..<stream.fields.count {
                    precondition(
                        HeaderRules.isValidValue(stream.fields.value(at: index)), "a value that HTTP/1 could not carry")
                }
                var fields = HeaderBlock()
                fields.append(.status, "200")
                session.submitResponse(stream, fields, endStream: false)
                session.submitData(stream, UnsafeRawBufferPointer("body of a response"), endStream: reaction & 1 == 0)
                if reaction & 1 != 0 { session.submitTrailers(stream, stream.fields) }
            case .data(let bytes, _):
                session.consumed(stream, bytes.count)
                if reaction & 2 != 0 { session.reset(stream, .cancel) }
            case .trailers where reaction & 4 != 0:
                session.reset(stream, .internalError)
            default:
                break
            }
        }
    }
}
