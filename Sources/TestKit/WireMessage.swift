/// A header field as it stood on the wire.
package struct WireField: Equatable, Sendable {
    package let name: String
    package let value: String

    /// - Parameter name: as written, upper case kept.
    package init(_ name: String, _ value: String) {
        self.name = name
        self.value = value
    }
}

/// An HTTP/1 message read back from bytes, by rules stricter than any proxy's: the judge of what a proxy writes.
package struct WireMessage: Equatable, Sendable {
    /// The bytes do not make a message, and why.
    package struct Malformed: Error, Equatable, Sendable {
        package let reason: String
    }

    /// Request line or status line, without its CRLF.
    package var startLine: String
    package var fields: [WireField]
    package var body: [UInt8] = []
    package var trailers: [WireField] = []
    /// Everything came that the framing promised.
    package var isComplete = true
    /// How many bytes of the input it took.
    package var length = 0

    /// The values of a field, whatever the case of its name.
    package func values(_ name: String) -> [String] {
        fields.filter { $0.name.lowercased() == name }.map(\.value)
    }

    /// Of a status line.
    package var status: Int { Int(startLine.split(separator: " ").dropFirst().first ?? "") ?? 0 }
    /// Of a request line.
    package var method: String { startLine.split(separator: " ").first.map(String.init) ?? "" }

    /// How a message ends.
    private enum Framing {
        case none, length(Int), chunked, untilClose
    }

    /// The first message of `bytes`, or nil while its head is not whole.
    /// - Parameters:
    ///   - requestMethod: of the request that a response answers; nil to read a request.
    ///   - isEnded: nothing will follow.
    package static func parse(
        _ bytes: ArraySlice<UInt8>, answering requestMethod: String?, isEnded: Bool
    ) throws(Malformed) -> WireMessage? {
        guard let end = find([13, 10, 13, 10], in: bytes) else { return nil }
        let lines = try split(bytes[bytes.startIndex..<end])
        guard let first = lines.first, !first.isEmpty else { throw Malformed(reason: "empty start line") }
        try checkStartLine(first, isRequest: requestMethod == nil)
        var message = WireMessage(startLine: text(first), fields: try lines.dropFirst().map(field))
        var rest = bytes[(end + 4)...]
        switch try message.framing(answering: requestMethod) {
        case .none: break
        case .length(let count):
            message.body = Array(rest.prefix(count))
            message.isComplete = rest.count >= count
            rest = rest.dropFirst(count)
        case .untilClose:
            message.body = Array(rest)
            message.isComplete = isEnded
            rest = rest.dropFirst(rest.count)
        case .chunked: try message.readChunks(&rest)
        }
        message.length = rest.startIndex - bytes.startIndex
        return message
    }

    private static func checkStartLine(_ line: ArraySlice<UInt8>, isRequest: Bool) throws(Malformed) {
        let parts = line.split(separator: 32, maxSplits: 2, omittingEmptySubsequences: false)
        let version = isRequest ? parts.last : parts.first
        guard parts.count >= 2, let version, text(version) == "HTTP/1.1" || text(version) == "HTTP/1.0" else {
            throw Malformed(reason: "start line \(text(line))")
        }
        if isRequest {
            guard parts.count == 3, parts[0].allSatisfy(isToken), !parts[0].isEmpty, !parts[1].isEmpty,
                parts[1].allSatisfy({ $0 > 32 && $0 < 127 })
            else { throw Malformed(reason: "request line \(text(line))") }
        } else {
            guard parts[1].count == 3, parts[1].allSatisfy({ $0 >= 48 && $0 < 58 }) else {
                throw Malformed(reason: "status line \(text(line))")
            }
        }
    }

    private func framing(answering requestMethod: String?) throws(Malformed) -> Framing {
        let lengths = values("content-length")
        let codings = values("transfer-encoding")
        guard lengths.count <= 1, codings.count <= 1, lengths.isEmpty || codings.isEmpty else {
            throw Malformed(reason: "framed twice: \(lengths) \(codings)")
        }
        if let requestMethod {
            if requestMethod == "HEAD" || status < 200 || status == 204 || status == 304 { return .none }
        } else if values("host").count != 1 {
            throw Malformed(reason: "\(values("host").count) Host fields")
        }
        if let coding = codings.first {
            guard coding == "chunked" else { throw Malformed(reason: "transfer coding \(coding)") }
            return .chunked
        }
        if let length = lengths.first {
            guard !length.isEmpty, length.utf8.allSatisfy({ $0 >= 48 && $0 < 58 }), let count = Int(length) else {
                throw Malformed(reason: "length \(length)")
            }
            return .length(count)
        }
        return requestMethod == nil ? .none : .untilClose
    }

    private mutating func readChunks(_ rest: inout ArraySlice<UInt8>) throws(Malformed) {
        while true {
            guard let line = Self.takeLine(&rest) else { return isComplete = false }
            guard !line.isEmpty, line.count <= 8, let size = Int(Self.text(line), radix: 16) else {
                throw Malformed(reason: "chunk size \(Self.text(line))")
            }
            if size == 0 { break }
            body += rest.prefix(size)
            guard rest.count >= size + 2 else { return isComplete = false }
            rest = rest.dropFirst(size)
            guard rest.prefix(2).elementsEqual([13, 10]) else { throw Malformed(reason: "no CRLF after a chunk") }
            rest = rest.dropFirst(2)
        }
        while true {
            guard let line = Self.takeLine(&rest) else { return isComplete = false }
            if line.isEmpty { return }
            trailers.append(try Self.field(line))
        }
    }

    private static func takeLine(_ rest: inout ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
        guard let end = find([13, 10], in: rest) else { return nil }
        defer { rest = rest[(end + 2)...] }
        return rest[rest.startIndex..<end]
    }

    private static func split(_ head: ArraySlice<UInt8>) throws(Malformed) -> [ArraySlice<UInt8>] {
        var lines: [ArraySlice<UInt8>] = []
        var rest = head
        while let end = find([13, 10], in: rest) {
            lines.append(rest[rest.startIndex..<end])
            rest = rest[(end + 2)...]
        }
        lines.append(rest)
        for line in lines where line.contains(where: { $0 < 32 && $0 != 9 || $0 == 127 }) {
            throw Malformed(reason: "control character in \(text(line))")
        }
        return lines
    }

    private static func field(_ line: ArraySlice<UInt8>) throws(Malformed) -> WireField {
        guard let colon = line.firstIndex(of: 58), colon > line.startIndex, line[..<colon].allSatisfy(isToken) else {
            throw Malformed(reason: "field line \(text(line))")
        }
        let value = line[(colon + 1)...].drop { $0 == 32 || $0 == 9 }
        let trimmed = value.reversed().drop { $0 == 32 || $0 == 9 }.reversed()
        return WireField(text(line[..<colon]), text(Array(trimmed)[...]))
    }

    private static func isToken(_ byte: UInt8) -> Bool {
        switch byte {
        case 48...57, 65...90, 97...122: true
        default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
        }
    }

    /// Latin-1, so that each byte is one character.
    private static func text(_ bytes: ArraySlice<UInt8>) -> String {
        String(String.UnicodeScalarView(bytes.map { Unicode.Scalar($0) }))
    }

    private static func find(_ needle: [UInt8], in bytes: ArraySlice<UInt8>) -> Int? {
        var start = bytes.startIndex
        while let first = bytes[start...].firstIndex(of: needle[0]), first + needle.count <= bytes.endIndex {
            if bytes[first..<(first + needle.count)].elementsEqual(needle) { return first }
            start = first + 1
        }
        return nil
    }
}
