public import Bytes
public import HTTPModel

/// How a message that is written speaks of its connection.
public enum HTTP1Connection: UInt8, Sendable {
    /// It stays open: nothing is said in HTTP/1.1, `connection: keep-alive` to an HTTP/1.0 client.
    case keepAlive
    /// `connection: close`.
    case close
    /// `connection: upgrade`; the `upgrade` field of the block is written with it.
    case upgrade
}

/// Writes messages from validated blocks: one pass, whole vectors, one check for room a head.
///
/// Pseudo-headers become the start line and `host`. Fields that frame the message or speak of the connection are left out
/// (`connection`, `keep-alive`, `proxy-connection`, `transfer-encoding`, `content-length`, `host`, `http2-settings`, and
/// `upgrade` unless it is one); the writer's own take their place. The block's own `content-length` is kept in a response
/// with framing `.none` other than 1xx and 204, for the answer to HEAD and 304 may carry one.
public struct HTTP1Writer: Sendable {
    /// How names are spelt (Envoy's `header_key_format`).
    public enum NameCase: UInt8, Sendable {
        /// As in the block.
        case lower
        /// `Content-Type`.
        case proper
    }

    private let isProper: Bool
    // Tables and sets are kept here because a static property asks on each use whether it was made.
    private let names: WireNameTable
    private let reasons = ReasonTable.shared
    /// Pseudo-headers and what the writer says itself, as bits of known names.
    let ownFields: UInt64
    private let lengthField = HeadFacts.bits([.contentLength])
    private let upgradeField = HeadFacts.bits([.upgrade])

    /// - Parameter nameCase: how field names are written; `lower` is what Envoy does without a header key format.
    public init(nameCase: NameCase = .lower) {
        switch nameCase {
        case .lower: (isProper, names) = (false, .lowerCase)
        case .proper: (isProper, names) = (true, .properCase)
        }
        ownFields = HeadFacts.bits([
            .method, .path, .authority, .scheme, .protocol, .status, .host, .contentLength, .transferEncoding,
            .connection,
            .keepAlive, .proxyConnection, .http2Settings, .upgrade,
        ])
    }

    /// Appends a request head.
    /// - Returns: false, with nothing appended, when `:method` or what the target is made of is missing.
    public func writeRequestHead(
        _ fields: borrowing HeaderBlock, framing: HTTP1Framing, connection: HTTP1Connection = .keepAlive,
        to writer: inout ByteWriter
    ) -> Bool {
        if case .untilClose = framing { preconditionFailure("a request cannot end with the connection") }
        let raw = fields.raw
        let method = Self.value(NameIndex.method, raw, fields.count)
        let authority = Self.value(NameIndex.authority, raw, fields.count)
        let isConnect = method.count == 7 && method.equals("CONNECT")
        let target = isConnect ? authority : Self.value(NameIndex.path, raw, fields.count)
        guard !target.isEmpty, !method.isEmpty else { return false }

        writer.reserve(Self.room(fields) + authority.count)
        // Safety: `room` counts all that is put below.
        var cursor = WriteCursor(writer.memory + writer.count)
        cursor.put(method)
        cursor.put(UInt8(0x20))
        cursor.put(target)
        // " HTTP/1.", "1\r\n".
        cursor.put(0x2E31_2F50_5454_4820 as UInt64)
        cursor.put(UInt8(0x31))
        cursor.endLine()
        putName(NameIndex.host, &cursor)
        cursor.put(authority)
        cursor.endLine()
        putFields(raw, fields.count, leavingOut: ownFields(connection), &cursor)
        putFraming(framing, &cursor)
        putConnection(connection, isHTTP10: false, &cursor)
        cursor.endLine()
        writer.setCount(cursor.position - writer.memory)
        return true
    }

    /// Appends a response head.
    /// - Parameters:
    ///   - version: what the client speaks. HTTP/1.0 knows no chunks: `.chunked` becomes `.untilClose`.
    ///   - reason: replaces the usual reason phrase; must be valid as a field value.
    /// - Returns: false, with nothing appended, when `:status` is not three digits.
    public func writeResponseHead(
        _ fields: borrowing HeaderBlock, version: HTTPVersion = .http11, framing: HTTP1Framing,
        reason: UnsafeRawBufferPointer? = nil, connection: HTTP1Connection = .keepAlive, to writer: inout ByteWriter
    ) -> Bool {
        let status = fields.status
        guard status >= 100, status < 1000 else { return false }
        var isHTTP10 = false
        if case .http10 = version { isHTTP10 = true }
        var (framing, connection) = (framing, connection)
        var leftOut = ownFields(connection)
        switch framing {
        case .none: if status >= 200, status != 204 { leftOut &= ~lengthField }
        case .chunked: if isHTTP10 { (framing, connection) = (.untilClose, .close) }
        case .untilClose: connection = .close
        case .length: break
        }

        writer.reserve(Self.room(fields) + (reason?.count ?? 0))
        // Safety: `room` counts all that is put below.
        var cursor = WriteCursor(writer.memory + writer.count)
        // "HTTP/1.", "1 ".
        cursor.put(0x2E31_2F50_5454_48 as UInt64)
        cursor.position -= 1
        cursor.put(UInt16(isHTTP10 ? 0x2030 : 0x2031))
        if let reason {
            cursor.put(decimal: UInt64(status))
            cursor.put(UInt8(0x20))
            cursor.putExactly(reason)
            cursor.endLine()
        } else {
            reasons.put(status, &cursor)
        }
        putFields(fields.raw, fields.count, leavingOut: leftOut, &cursor)
        putFraming(framing, &cursor)
        putConnection(connection, isHTTP10: isHTTP10, &cursor)
        cursor.endLine()
        writer.setCount(cursor.position - writer.memory)
        return true
    }
}

// MARK: Parts of a head

extension HTTP1Writer {
    /// ``ownFields`` without `upgrade` where that is to be written.
    @inline(__always)
    private func ownFields(_ connection: HTTP1Connection) -> UInt64 {
        if case .upgrade = connection { return ownFields & ~upgradeField }
        return ownFields
    }

    /// The value of the first field of this index, empty when there is none.
    @inline(__always)
    private static func value(_ index: UInt8, _ raw: RawFields, _ count: Int) -> UnsafeRawBufferPointer {
        for place in 0..<count where raw.entries[place].known == index {
            let entry = raw.entries[place]
            return UnsafeRawBufferPointer(start: raw.text + Int(entry.valueOffset), count: Int(entry.valueLength))
        }
        return UnsafeRawBufferPointer(start: nil, count: 0)
    }

    /// Bytes that a head takes at most: its fields with their punctuation, a start line, and the writer's own fields.
    private static func room(_ fields: borrowing HeaderBlock) -> Int {
        fields.byteCount + 4 * fields.count + 256
    }

    /// Puts a known name with its colon and blank.
    @inline(__always)
    private func putName(_ name: UInt8, _ cursor: inout WriteCursor) {
        let index = Int(name)
        cursor.put(names.rows + index &* WireNameTable.stride, Int(names.lengths[index]))
    }

    /// Puts all fields but those whose bit is set in `leavingOut`.
    func putFields(_ raw: RawFields, _ count: Int, leavingOut: UInt64, _ cursor: inout WriteCursor) {
        for index in 0..<count {
            let entry = raw.entries[index]
            if entry.known != 0 {
                if leavingOut &>> UInt64(entry.known) & 1 != 0 { continue }
                putName(entry.known, &cursor)
            } else {
                let start = cursor.position
                cursor.put(raw.text + Int(entry.nameOffset), Int(entry.nameLength))
                if isProper { Self.capitalise(start, Int(entry.nameLength)) }
                cursor.put(UInt16(0x203A))
            }
            cursor.put(raw.text + Int(entry.valueOffset), Int(entry.valueLength))
            cursor.endLine()
        }
    }

    private func putFraming(_ framing: HTTP1Framing, _ cursor: inout WriteCursor) {
        switch framing {
        case .none, .untilClose: break
        case .length(let length):
            putName(NameIndex.contentLength, &cursor)
            cursor.put(decimal: length)
            cursor.endLine()
        case .chunked:
            putName(NameIndex.transferEncoding, &cursor)
            cursor.putExactly(UnsafeRawBufferPointer("chunked\r\n"))
        }
    }

    private func putConnection(_ connection: HTTP1Connection, isHTTP10: Bool, _ cursor: inout WriteCursor) {
        let value: StaticString
        switch connection {
        case .keepAlive:
            guard isHTTP10 else { return }
            value = "keep-alive\r\n"
        case .close: value = "close\r\n"
        case .upgrade: value = "upgrade\r\n"
        }
        putName(NameIndex.connection, &cursor)
        cursor.putExactly(UnsafeRawBufferPointer(value))
    }

    /// Makes the first letter of each word of a name a capital.
    private static func capitalise(_ name: UnsafeMutableRawPointer, _ count: Int) {
        var atStart = true
        for index in 0..<count {
            let byte = name.load(fromByteOffset: index, as: UInt8.self)
            if atStart, byte &- 97 < 26 { name.storeBytes(of: byte & 0xDF, toByteOffset: index, as: UInt8.self) }
            atStart = byte == UInt8(ascii: "-")
        }
    }
}
