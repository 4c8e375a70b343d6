import Bytes
import HTTPModel

@testable import HTTPCodec

/// An event in a form that outlives the session's memory.
enum SeenEvent: Equatable {
    case headers(Int32, [String], endStream: Bool)
    case interim(Int32, [String])
    case data(Int32, [UInt8], endStream: Bool)
    case trailers(Int32, [String])
    case writable(Int32)
    case closed(Int32, HTTP2ErrorCode, HTTP2CloseCause)
    case goAway(Int32, HTTP2ErrorCode)
    case settings(UInt32)
    case pingAck(UInt64)

    var closedStream: Int32? {
        if case .closed(let id, _, _) = self { return id }
        return nil
    }
}

/// A session with everything that a worker would give it, and the habit of draining.
final class TestSession {
    let blocks: BlockPool
    let pool: HTTP2Pool
    let counters = HTTP2Counters()
    let session: HTTP2Session
    var now: UInt64 = 1_000_000_000
    var seen: [SeenEvent] = []
    /// Streams heard of and not closed, by id.
    var streams: [Int32: HTTP2Stream] = [:]
    /// The frames of the latest `produce`.
    var lastProduced: [RawFrame] = []
    /// Gives window back as soon as data is seen.
    var consumesAtOnce = true
    /// Called for each event, while draining.
    var reaction: (HTTP2Event, TestSession) -> Void = { _, _ in }

    init(_ role: HTTP2Role, options: HTTP2Options = HTTP2Options(), pool: HTTP2Pool? = nil) throws {
        self.pool = pool ?? HTTP2Pool(blocks: BlockPool())
        blocks = self.pool.blocks
        guard
            let session = HTTP2Session(
                role: role, options: options, pool: self.pool, counters: counters, now: 1_000_000_000)
        else { throw HTTP2Failure.library(-1) }
        self.session = session
    }

    /// A server that has exchanged prefaces with a peer whose frames the test writes.
    static func server(_ options: HTTP2Options = HTTP2Options()) throws -> TestSession {
        let server = try TestSession(.server, options: options)
        server.receive(RawFrame.preface + RawFrame.settings().bytes + RawFrame(type: 4, flags: 1).bytes)
        _ = server.produce()
        server.seen = []
        return server
    }

    /// A client that has exchanged prefaces with a peer whose frames the test writes.
    static func client(_ options: HTTP2Options = HTTP2Options()) throws -> TestSession {
        let client = try TestSession(.client, options: options)
        _ = client.produce()
        client.receive(RawFrame.settings().bytes + RawFrame(type: 4, flags: 1).bytes)
        _ = client.produce()
        client.seen = []
        return client
    }

    @discardableResult
    func receive(_ bytes: [UInt8]) -> HTTP2Failure? {
        let failure = bytes.withUnsafeBytes { bytes in
            let failure = session.receive(bytes, now: now)
            drain()
            return failure
        }
        return failure
    }

    @discardableResult
    func receive(_ frames: [RawFrame]) -> HTTP2Failure? { receive(frames.flatMap(\.bytes)) }

    func produce(upTo limit: Int = .max) -> [UInt8] {
        var output = ByteQueue(pool: blocks)
        session.produce(into: &output, upTo: limit)
        drain()
        let bytes = output.copyBytes()
        lastProduced = RawFrame.parse(bytes)
        return bytes
    }

    func produceFrames() -> [RawFrame] { RawFrame.parse(produce()) }

    func drain() {
        while let event = session.nextEvent() {
            seen.append(record(event))
            if case .closed = event.kind, let id = event.stream?.id { streams[id] = nil }
            reaction(event, self)
        }
    }

    private func record(_ event: HTTP2Event) -> SeenEvent {
        let id = event.stream?.id ?? 0
        switch event.kind {
        case .headers(let endStream):
            streams[id] = event.stream
            return .headers(id, lines(event.stream), endStream: endStream)
        case .interim: return .interim(id, lines(event.stream))
        case .trailers: return .trailers(id, lines(event.stream))
        case .data(let bytes, let endStream):
            if consumesAtOnce, let stream = event.stream { session.consumed(stream, bytes.count) }
            return .data(id, Array(bytes), endStream: endStream)
        case .writable: return .writable(id)
        case .closed(let code, let cause): return .closed(id, code, cause)
        case .goAway(let last, let code): return .goAway(last, code)
        case .settingsChanged(let limit): return .settings(limit)
        case .pingAck(let value): return .pingAck(value)
        }
    }

    private func lines(_ stream: HTTP2Stream?) -> [String] {
        stream?.fields.fields.map { "\($0.name): \($0.value)" } ?? []
    }

    // MARK: Verbs with text

    @discardableResult
    func request(
        _ path: String = "/", method: String = "GET", extra: [(String, String)] = [], body: [UInt8]? = nil,
        endStream: Bool = true
    ) -> HTTP2Stream? {
        var fields = HeaderBlock()
        for (name, value) in [(":method", method), (":scheme", "http"), (":authority", "a.test"), (":path", path)] + extra {
            fields.append(name, value)
        }
        let stream = session.submitRequest(fields, endStream: endStream && body == nil, context: nil)
        if let stream {
            streams[stream.id] = stream
            if let body { self.body(stream, body, endStream: endStream) }
        }
        return stream
    }

    func respond(
        _ stream: HTTP2Stream, status: String = "200", extra: [(String, String)] = [], body: [UInt8]? = nil,
        endStream: Bool = true
    ) {
        var fields = HeaderBlock()
        fields.append(":status", status)
        for (name, value) in extra { fields.append(name, value) }
        session.submitResponse(stream, fields, endStream: endStream && body == nil)
        if let body { self.body(stream, body, endStream: endStream) }
    }

    func body(_ stream: HTTP2Stream, _ bytes: [UInt8], endStream: Bool) {
        bytes.withUnsafeBytes { session.submitData(stream, $0, endStream: endStream) }
    }

    func interim(_ stream: HTTP2Stream, status: String) {
        var fields = HeaderBlock()
        fields.append(":status", status)
        session.submitInterim(stream, fields)
    }

    func trailers(_ stream: HTTP2Stream, _ extra: [(String, String)]) {
        var fields = HeaderBlock()
        for (name, value) in extra { fields.append(name, value) }
        session.submitTrailers(stream, fields)
    }

    /// The body bytes seen on a stream, and whether they ended.
    func bodySeen(_ id: Int32) -> (bytes: [UInt8], ended: Bool) {
        var bytes: [UInt8] = []
        var ended = false
        for case .data(id, let piece, let end) in seen {
            bytes += piece
            ended = ended || end
        }
        return (bytes, ended)
    }
}

/// A client and a server, connected by memory.
final class SessionPair {
    let client: TestSession
    let server: TestSession

    init(client: HTTP2Options = HTTP2Options(), server: HTTP2Options = HTTP2Options(), pool: HTTP2Pool? = nil) throws {
        self.client = try TestSession(.client, options: client, pool: pool)
        self.server = try TestSession(.server, options: server, pool: pool)
    }

    /// Carries bytes both ways, `piece` at a time, until neither side has more to say.
    func run(piece: Int = .max) {
        var isBusy = true
        while isBusy {
            isBusy = Self.carry(from: client, to: server, piece: piece)
            isBusy = Self.carry(from: server, to: client, piece: piece) || isBusy
        }
    }

    static func carry(from source: TestSession, to target: TestSession, piece: Int) -> Bool {
        let bytes = source.produce()
        var rest = bytes[...]
        while !rest.isEmpty {
            target.receive(Array(rest.prefix(piece)))
            rest = rest.dropFirst(piece)
        }
        return !bytes.isEmpty
    }
}
