import COpenSSL
import Glibc
import Testing

@testable import SecureTransport

@Suite struct TransportTests {
    private static let versions = [TLSContextConfig.Version.tls12, .tls13]
    private let root = TestIdentity.authority()

    private func connected(
        _ version: TLSContextConfig.Version = .tls13, wire: Wire = Wire()
    ) throws -> Duo {
        let duo = try Duo(
            TLSContext(.client { $0.maximumVersion = version }), TLSContext(.server(root.issue(dns: "a.test"))),
            wire: wire)
        try #require(duo.connect())
        return duo
    }

    private static func pattern(_ count: Int) -> [UInt8] {
        (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }
    }

    @Test("a handshake and data pass a wire that carries one byte at a time", arguments: versions)
    func byteByByte(_ version: TLSContextConfig.Version) throws {
        let duo = try Duo(
            TLSContext(
                .client {
                    $0.maximumVersion = version
                    $0.certificates = [root.issue().source()]
                }),
            TLSContext(
                .server(root.issue(dns: "a.test")) {
                    $0.trustedCA = root.pem
                    $0.clientCertificate = .required
                }))
        #expect(duo.shake(upTo: 1) == (.done, .done))
        let sent = Self.pattern(300)
        #expect(duo.client.write(sent) == .bytes(300))
        var received: [UInt8] = []
        while duo.wire.move(upTo: 1) {
            let (bytes, end) = duo.server.readAll()
            received += bytes
            #expect(end == .wantRead)
        }
        #expect(received == sent)
    }

    @Test("bytes arrive whole and in order, over many records and both ways", arguments: versions)
    func large(_ version: TLSContextConfig.Version) throws {
        let duo = try connected(version)
        let sent = Self.pattern(1_000_000)
        for (from, to) in [(duo.client, duo.server), (duo.server, duo.client)] {
            var offset = 0
            var received: [UInt8] = []
            for _ in 0..<1_000 where received.count < sent.count {
                let rest = Array(sent[offset...])
                switch from.write(rest) {
                case .bytes(let count): offset += count
                case .wantWrite: break
                default: Issue.record("write failed")
                }
                duo.wire.move()
                received += to.readAll(capacity: 10_000).bytes
            }
            #expect(received == sent)
        }
    }

    @Test(
        "a full socket stops the writer, who goes on with the same bytes, elsewhere and cut anew", arguments: versions,
        [1, 100, 5_000, 16_384, 20_000, 200_000])
    func fullSocket(_ version: TLSContextConfig.Version, piece: Int) throws {
        let duo = try connected(version, wire: Wire(bufferSize: 4096))
        let sent = Self.pattern(200_000)
        var offset = 0
        fill: while true {
            switch duo.client.write(Array(sent[offset...])) {
            case .bytes(let count): offset += count
            case .wantWrite: break fill
            default:
                Issue.record("write failed")
                return
            }
        }
        #expect(offset < sent.count)
        #expect(duo.client.write(Array(sent[offset...])) == .wantWrite)
        // A sealed record waits: close_notify after it would make a cut answer look whole.
        #expect(duo.client.shutdown() == .done)
        var received: [UInt8] = []
        while received.count < sent.count {
            duo.wire.move()
            received += duo.server.readAll().bytes
            // The first pieces are of the size under test, the rest goes faster.
            let size = received.count < 60_000 ? piece : 200_000
            while offset < sent.count,
                case .bytes(let count) = duo.client.write(Array(sent[offset..<min(offset + size, sent.count)]))
            {
                offset += count
            }
        }
        #expect(offset == sent.count)
        #expect(received == sent)
        #expect(duo.client.shutdown() == .done)
        duo.wire.move()
        #expect(duo.server.readAll().end == .closed(clean: true))
    }

    @Test("close_notify waits for a full socket")
    func shutdownOnFullSocket() throws {
        let wire = Wire(bufferSize: 4096)
        let duo = try connected(wire: wire)
        // Fills the socket behind the session's back; the other end of the wire takes it for lost.
        var filler: [UInt8] = []
        while true {
            let byte: [UInt8] = [23]
            guard send(wire.client, byte, 1, 0) == 1 else { break }
            filler += byte
        }
        #expect(duo.client.shutdown() == .wantWrite)
        #expect(duo.client.shutdown() == .wantWrite)
        while wire.move() {}
        #expect(duo.client.shutdown() == .done)
        while wire.move() {}
        // The alert came behind the filler: a record of 19 bytes and its header.
        #expect(wire.fromClient.suffix(24).starts(with: [23, 3, 3, 0, 19]))
    }

    @Test("a handshake flight larger than the socket and the backlog gets through", arguments: versions, [20_000, 45_000])
    func largeFlight(_ version: TLSContextConfig.Version, nameLength: Int) throws {
        let name = RawAlternativeName.uri(String(repeating: "u", count: nameLength))
        let intermediate = TestIdentity(
            CertificateFields(commonName: "Intermediate", alternativeNames: [name], isAuthority: true), issuer: root)
        let leaf = intermediate.issue(CertificateFields(alternativeNames: [name]))
        let duo = try Duo(
            TLSContext(
                .client {
                    $0.maximumVersion = version
                    $0.trustedCA = root.pem
                    $0.certificates = [leaf.source()]
                }),
            TLSContext(
                .server(leaf) {
                    $0.trustedCA = root.pem
                    $0.clientCertificate = .required
                }),
            wire: Wire(bufferSize: 4096))
        #expect(duo.server.handshake() == .wantRead)
        #expect(duo.client.handshake() == .wantRead)
        duo.wire.move()
        #expect(duo.server.handshake() == .wantWrite)
        var result = duo.shake()
        #expect(result.client == .done)
        // TLS 1.3 tickets hold the client's certificate: they fill the socket, too, until the client reads.
        while result.server == .wantWrite, duo.client.readAll().end == .wantRead, duo.wire.move() {
            result.server = duo.server.handshake()
        }
        #expect(result.server == .done)
        #expect(duo.client.peerCertificate?.alternativeNames.uris.first?.count == nameLength)
        #expect(duo.server.peerCertificate?.alternativeNames.uris.first?.count == nameLength)
    }

    @Test("one read takes many small records, and says when the socket gave all it had")
    func manyRecords() throws {
        let duo = try connected()
        for byte in 0..<50 { #expect(duo.client.write([UInt8(byte)]) == .bytes(1)) }
        duo.wire.move()
        var buffer = [UInt8](repeating: 0, count: 100)
        let first = buffer.withUnsafeMutableBytes { duo.server.read(into: .init(rebasing: $0[..<20])) }
        #expect(first == .bytes(20, drained: false))
        let second = buffer.withUnsafeMutableBytes { duo.server.read(into: .init(rebasing: $0[20...])) }
        #expect(second == .bytes(30, drained: true))
        #expect(Array(buffer.prefix(50)) == (0..<50).map(UInt8.init))
    }

    @Test("a record that is read in parts is pending, not drained")
    func pending() throws {
        let duo = try connected()
        let sent = Self.pattern(100)
        #expect(sent.withUnsafeBytes { duo.client.write($0, moreFollows: true) } == .bytes(100))
        duo.wire.move()
        var buffer = [UInt8](repeating: 0, count: 60)
        #expect(buffer.withUnsafeMutableBytes { duo.server.read(into: $0) } == .bytes(60, drained: false))
        #expect(duo.server.pending == 40)
        #expect(buffer.withUnsafeMutableBytes { duo.server.read(into: $0) } == .bytes(40, drained: true))
        #expect(duo.server.pending == 0)
    }

    @Test("close_notify is a clean end, and the other way stays open", arguments: versions)
    func cleanClose(_ version: TLSContextConfig.Version) throws {
        let duo = try connected(version)
        #expect(duo.client.write([1, 2, 3]) == .bytes(3))
        #expect(duo.client.shutdown() == .done)
        #expect(duo.client.shutdown() == .done)
        duo.wire.move()
        let (bytes, end) = duo.server.readAll()
        #expect(bytes == [1, 2, 3])
        #expect(end == .closed(clean: true))
        #expect(duo.server.readAll().end == .closed(clean: true))
        #expect(duo.server.write([4, 5]) == .bytes(2))
        duo.wire.move()
        #expect(duo.client.readAll().bytes == [4, 5])
    }

    @Test("an end without close_notify is not clean, even between records", arguments: versions, [0, 1, 10])
    func truncation(_ version: TLSContextConfig.Version, extra: Int) throws {
        let duo = try connected(version)
        #expect(duo.server.write([1, 2, 3]) == .bytes(3))
        duo.wire.move()
        #expect(duo.server.write(Self.pattern(100)) == .bytes(100))
        if extra > 0 { duo.wire.move(upTo: extra) }
        duo.wire.cutTowardsClient()
        let (bytes, end) = duo.client.readAll()
        #expect(bytes == [1, 2, 3])
        #expect(end == .closed(clean: false))
        #expect(duo.client.readAll().end == .closed(clean: false))
    }

    @Test("a changed byte ends the session on both sides", arguments: versions)
    func tampering(_ version: TLSContextConfig.Version) throws {
        let duo = try connected(version)
        // A record of application data that nobody sealed.
        duo.wire.injectTowardsServer([23, 3, 3, 0, 32] + [UInt8](repeating: 7, count: 32))
        #expect(duo.server.readAll().end == .failed)
        #expect(duo.server.failure?.code == .protocolViolation)
        #expect(duo.server.readAll().end == .failed)
        duo.wire.move()
        #expect(duo.client.readAll().end == .failed)
        // bad_record_mac
        #expect(duo.client.failure?.code == .peerAlert(20))
    }

    @Test("bytes before a failure are handed over, then the failure")
    func bytesThenFailure() throws {
        let duo = try connected()
        #expect(duo.client.write([1, 2, 3]) == .bytes(3))
        duo.wire.move()
        duo.wire.injectTowardsServer([23, 3, 3, 0, 32] + [UInt8](repeating: 7, count: 32))
        let (bytes, end) = duo.server.readAll()
        #expect(bytes == [1, 2, 3])
        #expect(end == .failed)
        #expect(duo.server.failure?.code == .protocolViolation)
    }

    @Test("a broken socket is told by its errno, and raises no signal")
    func brokenSocket() throws {
        let duo = try connected()
        duo.wire.closeServerEnd()
        #expect(duo.server.write([1]) == .failed)
        #expect(duo.server.failure?.code == .system(EPIPE))
    }

    @Test("a key update asked for by the peer is answered")
    func keyUpdate() throws {
        let duo = try connected()
        SSL_key_update(duo.client.ssl, SSL_KEY_UPDATE_REQUESTED)
        #expect(duo.client.write([1]) == .bytes(1))
        duo.wire.move()
        #expect(duo.server.readAll().bytes == [1])
        #expect(duo.server.write([2]) == .bytes(1))
        duo.wire.move()
        #expect(duo.client.readAll().bytes == [2])
    }

    @Test("a session that has not shaken hands has nothing to close")
    func shutdownBeforeHandshake() throws {
        let wire = Wire()
        let client = try TLSSession(context: TLSContext(.client()), descriptor: wire.client)
        #expect(client.shutdown() == .done)
        #expect(client.handshake() == .wantRead)
        #expect(client.shutdown() == .done)
        wire.move()
        #expect(wire.fromClient.first == 22)
    }

    @Test("an empty write does nothing")
    func emptyWrite() throws {
        #expect(try connected().client.write([]) == .bytes(0))
    }
}
