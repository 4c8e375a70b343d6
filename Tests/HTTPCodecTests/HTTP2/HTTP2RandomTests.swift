import Bytes
import Foundation
import HTTPModel
import Testing

@testable import HTTPCodec

/// A small seeded generator (SplitMix64), so that a failing run can be run again.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}

struct HTTP2RandomTests {
    /// Checks that a session which is told that its transport is gone returns everything.
    static func expectNothingLeft(_ side: TestSession) {
        side.session.connectionLost()
        side.drain()
        #expect(side.pool.streamsInUse == 0)
        #expect(side.pool.sectionsInUse == 0)
        #expect(side.blocks.inUse == 0)
        #expect(side.session.activeStreams == 0)
        #expect(side.counters.streamsActive == 0)
    }

    /// No event after `.closed`, none before the head.
    static func expectOrder(_ seen: [SeenEvent]) {
        var open: Set<Int32> = []
        for event in seen {
            switch event {
            case .headers(let id, _, _): #expect(open.insert(id).inserted)
            case .data(let id, _, _), .trailers(let id, _): #expect(open.contains(id))
            case .closed(let id, _, _): open.remove(id)
            case .interim, .writable, .goAway, .settings, .pingAck: break
            }
        }
    }

    @Test("two sessions with random verbs, pieces and resets lose nothing", arguments: 0..<40 as Range<UInt64>)
    func verbs(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        var options = HTTP2Options()
        options.maxConcurrentStreams = 8
        options.abuse.prematureResetStreamCount = 1_000_000
        let pair = try SessionPair(client: options, server: options)
        for _ in 0..<400 {
            let side = Bool.random(using: &random) ? pair.client : pair.server
            let stream = side.streams.keys.sorted().randomElement(using: &random).flatMap { side.streams[$0] }
            switch Int.random(in: 0..<12, using: &random) {
            case 0, 1:
                let size = Int.random(in: 0..<70_000, using: &random)
                pair.client.request(method: "POST", body: size < 60_000 ? HTTP2FlowTests.bytes(size) : nil, endStream: Bool.random(using: &random))
            case 2, 3:
                guard side === pair.server, let stream else { break }
                let size = Int.random(in: 0..<200_000, using: &random)
                side.respond(stream, body: size < 150_000 ? HTTP2FlowTests.bytes(size) : nil, endStream: Bool.random(using: &random))
            case 4:
                if let stream { side.trailers(stream, [("x-end", "1")]) }
            case 5:
                guard let stream else { break }
                side.streams[stream.id] = nil
                side.session.reset(stream, .cancel)
            case 6:
                if let stream { side.body(stream, HTTP2FlowTests.bytes(100), endStream: Bool.random(using: &random)) }
            case 7:
                side.session.ping(seed)
            case 8:
                if side === pair.server, let stream { side.interim(stream, status: "103") }
            default:
                let target = side === pair.client ? pair.server : pair.client
                var output = ByteQueue(pool: side.blocks)
                side.session.produce(into: &output, upTo: Int.random(in: 1..<40_000, using: &random))
                side.drain()
                var rest = output.copyBytes()[...]
                while !rest.isEmpty {
                    let piece = Int.random(in: 1...20_000, using: &random)
                    target.receive(Array(rest.prefix(piece)))
                    rest = rest.dropFirst(piece)
                }
            }
        }
        pair.run(piece: 10_000)
        #expect(pair.client.session.failure == nil)
        #expect(pair.server.session.failure == nil)
        for side in [pair.client, pair.server] {
            Self.expectNothingLeft(side)
        }
        Self.expectOrder(pair.server.seen)
    }

    /// What a busy client sends: requests with bodies, trailers, pings, resets.
    static func traffic() throws -> [RawFrame] {
        let pair = try SessionPair()
        var wire: [RawFrame] = [.settings()]
        for index in 0..<6 {
            let stream = pair.client.request(
                "/\(index)", method: "POST", extra: [("x-n", "\(index)"), ("cookie", "a=b")], body: HTTP2FlowTests.bytes(index * 50),
                endStream: index % 2 == 0)
            if index % 2 == 1, let stream { pair.client.trailers(stream, [("x-t", "1")]) }
            pair.client.session.ping(UInt64(index))
        }
        wire += RawFrame.parse(pair.client.produce())
        return wire + [.priority(21, dependsOn: 3), .reset(3), .windowUpdate(0, 100), RawFrame(type: 16, payload: [0, 0, 0, 1, 117])]
    }

    @Test("mutated frames neither crash nor leak", arguments: 0..<300 as Range<UInt64>)
    func mutations(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        var frames = try Self.traffic()
        for _ in 0..<Int.random(in: 1...6, using: &random) {
            let index = Int.random(in: 0..<frames.count, using: &random)
            switch Int.random(in: 0..<8, using: &random) {
            case 0: frames[index].type = UInt8.random(in: 0...17, using: &random)
            case 1: frames[index].flags ^= 1 << UInt8.random(in: 0..<8, using: &random)
            case 2: frames[index].stream = UInt32.random(in: 0...20, using: &random)
            case 3:
                guard !frames[index].payload.isEmpty else { break }
                let at = Int.random(in: 0..<frames[index].payload.count, using: &random)
                frames[index].payload[at] = UInt8.random(in: 0...255, using: &random)
            case 4: frames[index].payload = Array(frames[index].payload.dropLast(Int.random(in: 0...20, using: &random)))
            case 5: frames.insert(frames[index], at: Int.random(in: 0..<frames.count, using: &random))
            case 6: frames.remove(at: index)
            default: frames[index].payload += [UInt8.random(in: 0...255, using: &random)]
            }
            if frames.isEmpty { frames = [.settings()] }
        }
        let server = try TestSession(.server)
        server.reaction = { event, server in
            guard let stream = event.stream else { return }
            switch event.kind {
            case .headers: server.respond(stream, body: HTTP2FlowTests.bytes(500))
            case .data where seed % 3 == 0: server.session.reset(stream, .cancel)
            default: break
            }
        }
        var rest = (RawFrame.preface + frames.flatMap(\.bytes))[...]
        while !rest.isEmpty {
            let piece = Int.random(in: 1...300, using: &random)
            server.receive(Array(rest.prefix(piece)))
            _ = server.produce()
            rest = rest.dropFirst(piece)
        }
        Self.expectOrder(server.seen)
        Self.expectNothingLeft(server)
    }

    @Test("mutated answers neither crash nor leak in a client", arguments: 0..<200 as Range<UInt64>)
    func answers(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let client = try TestSession.client()
        for index in 0..<4 { client.request("/\(index)", method: "POST", body: HTTP2FlowTests.bytes(100), endStream: index % 2 == 0) }
        _ = client.produce()
        var frames: [RawFrame] = []
        for id in [1, 3, 5, 7] as [UInt32] {
            frames += [
                .headers(id, [(":status", "103")], endStream: false), .headers(id, [(":status", "200"), ("x", "y")], endStream: false),
                .data(id, HTTP2FlowTests.bytes(300)), .headers(id, [("grpc-status", "0")]),
            ]
        }
        frames += [.ping(1), .goAway(last: 5, code: 0), .reset(7)]
        for _ in 0..<5 {
            let index = Int.random(in: 0..<frames.count, using: &random)
            switch Int.random(in: 0..<5, using: &random) {
            case 0: frames.swapAt(index, Int.random(in: 0..<frames.count, using: &random))
            case 1: frames[index].flags ^= 1 << UInt8.random(in: 0..<8, using: &random)
            case 2: frames[index].stream = UInt32.random(in: 0...9, using: &random)
            case 3: frames[index].type = UInt8.random(in: 0...17, using: &random)
            default:
                guard !frames[index].payload.isEmpty else { break }
                let at = Int.random(in: 0..<frames[index].payload.count, using: &random)
                frames[index].payload[at] = UInt8.random(in: 0...255, using: &random)
            }
        }
        for frame in frames {
            client.receive([frame])
            _ = client.produce()
        }
        Self.expectNothingLeft(client)
    }

    /// The inputs that the fuzzer starts from and those that once failed.
    static let corpus: [URL] = {
        let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("../../Fuzzing/HTTP2/corpus")
        let files = try? FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
        return (files ?? []).sorted { $0.path < $1.path }
    }()

    @Test("the fuzzer's corpus is there")
    func corpusExists() {
        #expect(Self.corpus.count >= 8)
    }

    @Test("every input of the fuzzer's corpus is survived", arguments: corpus)
    func replay(file: URL) throws {
        let bytes = Array(try Data(contentsOf: file))
        bytes.withUnsafeBytes { HTTP2Property.check($0) }
        for role in [HTTP2Role.server, .client] {
            let side = try TestSession(role)
            if role == .client { side.request(method: "POST", body: [1, 2, 3]) }
            side.reaction = { event, side in
                if case .headers = event.kind, let stream = event.stream, role == .server { side.respond(stream, body: [1]) }
            }
            _ = side.produce()
            side.receive(bytes)
            _ = side.produce()
            Self.expectNothingLeft(side)
        }
    }
}
