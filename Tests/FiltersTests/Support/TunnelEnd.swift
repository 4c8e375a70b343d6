import Glibc
import TestKit

/// One end of a tunnel through the proxy: the client's or the host's, over HTTP/1 or HTTP/2. It goes on only while
/// ``TunnelEnd/drive(_:seconds:until:)`` drives it and reads only while ``reads`` says so, so that a test decides who is slow.
final class TunnelEnd {
    enum Side { case client, host }
    enum Version: CaseIterable, Sendable { case http1, http2 }

    /// How the peer ended its direction.
    enum Ending: Equatable { case open, ended, reset }

    /// Whether bytes that come are taken. One that speaks HTTP/2 takes frames all the same, and gives no window.
    var reads = true
    /// What the head of the peer said: a status, or a method.
    private(set) var said = ""
    /// Fields of that head, as they came.
    private(set) var fields: [WireField] = []
    /// Bytes of the tunnel that came, and whether they are those that the other end sends.
    private(set) var received = 0
    private(set) var isIntact = true
    private(set) var ending = Ending.open
    /// Bytes of the tunnel that have left, to the kernel at least.
    private(set) var sent = 0

    private let raw: Int32
    private let side: Side
    private let version: Version
    private let codec = FieldBlockCodec()
    /// What the host answers; `websocket` by default.
    private let protocolName: String
    private var toSend = 0
    private var endsSending = false
    private var endSent = false
    private var outbox: [UInt8] = []
    private var inbox: [UInt8] = []
    private var isUp = false
    private var isGone = false
    private var connectionWindow = 65535
    private var streamWindow = 65535
    private var owed = 0

    private static let stream: UInt32 = 1
    private static let piece = 16384

    private init(_ raw: Int32, _ side: Side, _ version: Version, _ protocolName: String) {
        self.raw = raw
        self.side = side
        self.version = version
        self.protocolName = protocolName
        // Small ones, so that few bytes are enough to fill them.
        for option in [SO_RCVBUF, SO_SNDBUF] {
            var size: Int32 = 32768
            setsockopt(raw, SOL_SOCKET, option, &size, socklen_t(MemoryLayout<Int32>.size))
        }
        if side == .client { ask() } else if version == .http2 { outbox += Self.settings([(8, 1)]) }
    }

    deinit { close(raw) }

    /// A client that asks for a tunnel at once.
    static func client(_ version: Version, port: UInt16) -> TunnelEnd? {
        PlainSocket(connectingTo: port).map { TunnelEnd($0.raw, .client, version, "websocket") }
    }

    /// The host that the next connection of a listening socket comes to.
    static func host(_ version: Version, listener: Int32, answering protocolName: String = "websocket") -> TunnelEnd? {
        guard Deadline(seconds: 10).waits(for: listener, POLLIN) else { return nil }
        let accepted = accept(listener, nil, nil)
        return accepted < 0 ? nil : TunnelEnd(accepted, .host, version, protocolName)
    }

    /// Whether what it has to say for now has left.
    var isSaid: Bool { outbox.isEmpty }

    /// Sends so many more bytes.
    func send(_ count: Int) { toSend += count }

    /// Ends its direction behind what there is to send.
    func finish() { endsSending = true }

    /// Breaks the tunnel off.
    func reset() {
        if version == .http2 {
            outbox += HTTP2Frame(.reset, stream: Self.stream, HTTP2Frame.word(8)).bytes
        } else {
            var hard = linger(l_onoff: 1, l_linger: 0)
            setsockopt(raw, SOL_SOCKET, SO_LINGER, &hard, socklen_t(MemoryLayout<linger>.size))
            // The descriptor stays this object's; connecting to nothing is what makes TCP send the reset.
            var nothing = sockaddr(
                sa_family: sa_family_t(AF_UNSPEC), sa_data: (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0))
            connect(raw, &nothing, socklen_t(MemoryLayout<sockaddr>.size))
        }
    }

    // MARK: Driving

    /// Lets all of them go on until `claim` holds. False when that takes too long.
    @discardableResult
    static func drive(_ ends: [TunnelEnd], seconds: Double = 60, until claim: () -> Bool) -> Bool {
        Deadline(seconds: seconds).polls(every: 1) {
            var turns = 0
            while turns < 64, ends.map({ $0.step() }).contains(true) { turns += 1 }
            return claim()
        }
    }

    /// Lets all of them go on until nothing has moved for a while.
    static func driveUntilStuck(_ ends: [TunnelEnd]) {
        var rest = 0
        _ = Deadline(seconds: 10).polls(every: 2) {
            rest = ends.map { $0.step() }.contains(true) ? 0 : rest + 1
            return rest > 100
        }
    }

    /// - Returns: whether anything moved.
    private func step() -> Bool {
        let hasSent = push()
        guard !isGone, reads || version == .http2 || !isUp else { return hasSent }
        return pull() || hasSent
    }

    private func push() -> Bool {
        if isUp { fill() }
        var moved = false
        while !outbox.isEmpty {
            let count = outbox.withUnsafeBytes {
                Glibc.send(raw, $0.baseAddress, $0.count, Int32(MSG_DONTWAIT) | Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { break }
            outbox.removeFirst(count)
            moved = true
        }
        if version == .http1, isUp, endsSending, toSend == 0, outbox.isEmpty, !endSent {
            endSent = true
            shutdown(raw, Int32(SHUT_WR))
            moved = true
        }
        return moved
    }

    /// Turns what is to be sent into bytes of the connection, as far as there is room.
    private func fill() {
        while toSend > 0, outbox.count < 4 * Self.piece {
            let room = version == .http2 ? min(Self.piece, connectionWindow, streamWindow) : Self.piece
            let count = min(room, toSend)
            guard count > 0 else { return }
            let start = sent % Self.period
            let bytes = Array(Self.pattern[start..<start + count])
            outbox += version == .http2 ? HTTP2Frame(.data, stream: Self.stream, bytes).bytes : bytes
            connectionWindow -= count
            streamWindow -= count
            sent += count
            toSend -= count
        }
        if version == .http2, endsSending, toSend == 0, !endSent {
            endSent = true
            outbox += HTTP2Frame(.data, flags: HTTP2Frame.endStream, stream: Self.stream).bytes
        }
    }

    /// The bytes of every tunnel, both ways: each tells its place within 64 KiB.
    private static let pattern = (0..<2 * period).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ $0 >> 8) }
    private static let period = 65536

    private func take(_ bytes: ArraySlice<UInt8>) {
        guard !bytes.isEmpty else { return }
        let start = received % Self.period
        let isSame = bytes.withUnsafeBytes { bytes in
            Self.pattern.withUnsafeBytes {
                memcmp(bytes.baseAddress.unsafelyUnwrapped, $0.baseAddress.unsafelyUnwrapped + start, bytes.count) == 0
            }
        }
        if !isSame { isIntact = false }
        received += bytes.count
    }

    // MARK: Reading

    private func pull() -> Bool {
        var buffer = [UInt8](repeating: 0, count: 65536)
        let count = recv(raw, &buffer, buffer.count, Int32(MSG_DONTWAIT))
        if count > 0 {
            inbox += buffer[..<count]
        } else if count == 0 {
            isGone = true
            if ending == .open { ending = .ended }
        } else if errno == EAGAIN || errno == EINTR {
            if version == .http2 { giveWindow() }
            return false
        } else {
            isGone = true
            if ending == .open { ending = .reset }
        }
        if version == .http2 { takeFrames() } else { takeText() }
        return true
    }

    private func takeText() {
        if !isUp {
            guard let end = inbox.firstRange(of: Array("\r\n\r\n".utf8)) else { return }
            let lines = String(decoding: inbox[..<end.lowerBound], as: UTF8.self).split(separator: "\r\n")
            inbox.removeFirst(end.upperBound)
            let words = lines[0].split(separator: " ")
            said = String(side == .client ? words[1] : words[0])
            fields = lines.dropFirst().compactMap { line in
                let parts = line.split(separator: ":", maxSplits: 1)
                return parts.count == 2 ? WireField(parts[0].lowercased(), String(parts[1].drop { $0 == " " })) : nil
            }
            if side == .host { answer() }
            isUp = true
        }
        take(inbox[...])
        inbox = []
    }

    private func takeFrames() {
        let preface = HTTP2Frame.preface
        if side == .host, inbox.starts(with: preface) { inbox.removeFirst(preface.count) }
        while let (frame, length) = HTTP2Frame.parse(inbox[...]) {
            inbox.removeFirst(length)
            take(frame)
        }
        giveWindow()
    }

    private func take(_ frame: HTTP2Frame) {
        switch frame.kind {
        case .settings where frame.flags & 1 == 0:
            for start in stride(from: 0, to: frame.payload.count, by: 6)
            where frame.payload[start] == 0 && frame.payload[start + 1] == 4 {
                streamWindow += Int(frame.word(at: start + 2)) - 65535
            }
            outbox += HTTP2Frame(.settings, flags: 1).bytes
        case .ping where frame.flags & 1 == 0: outbox += HTTP2Frame(.ping, flags: 1, frame.payload).bytes
        case .windowUpdate:
            if frame.stream == 0 {
                connectionWindow += Int(frame.word(at: 0))
            } else {
                streamWindow += Int(frame.word(at: 0))
            }
        case .headers:
            fields = codec.decode(frame.payload) ?? []
            said = fields.first { $0.name == (side == .client ? ":status" : ":method") }?.value ?? ""
            if side == .host { answer() }
            isUp = true
            if frame.flags & HTTP2Frame.endStream != 0 { ending = .ended }
        case .data:
            take(frame.payload[...])
            owed += frame.payload.count
            if frame.flags & HTTP2Frame.endStream != 0, ending == .open { ending = .ended }
        case .reset: if ending == .open { ending = .reset }
        default: break
        }
    }

    private func giveWindow() {
        guard reads, owed > 0 else { return }
        let count = HTTP2Frame.word(UInt32(owed))
        outbox += HTTP2Frame(.windowUpdate, count).bytes + HTTP2Frame(.windowUpdate, stream: Self.stream, count).bytes
        owed = 0
    }

    // MARK: Heads

    private static func settings(_ values: [(UInt16, UInt32)]) -> [UInt8] {
        HTTP2Frame(.settings, values.flatMap { [UInt8($0.0 >> 8), UInt8($0.0 & 0xFF)] + HTTP2Frame.word($0.1) }).bytes
    }

    private func ask() {
        guard version == .http2 else {
            outbox += Array(
                "GET /chat HTTP/1.1\r\nhost: test\r\nconnection: Upgrade\r\nupgrade: \(protocolName)\r\n\r\n".utf8)
            return
        }
        let fields = [
            WireField(":method", "CONNECT"), WireField(":protocol", protocolName), WireField(":scheme", "http"),
            WireField(":authority", "test"), WireField(":path", "/chat"),
        ]
        outbox += HTTP2Frame.preface + Self.settings([])
        outbox +=
            HTTP2Frame(.headers, flags: HTTP2Frame.endHeaders, stream: Self.stream, FieldBlockCodec.encode(fields))
            .bytes
    }

    private func answer() {
        guard version == .http2 else {
            outbox += Array(
                "HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: \(protocolName)\r\n\r\n".utf8)
            return
        }
        let block = FieldBlockCodec.encode([WireField(":status", "200")])
        outbox += HTTP2Frame(.headers, flags: HTTP2Frame.endHeaders, stream: Self.stream, block).bytes
    }
}
