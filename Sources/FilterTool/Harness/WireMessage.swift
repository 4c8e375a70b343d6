import Bytes
import HTTPCodec
import HTTPModel

/// A request or a response as a case describes it, or as it was seen on a wire.
package struct WireMessage: Equatable, Sendable {
    /// One field of a head.
    package struct Field: Equatable, Sendable {
        /// Lower-case; pseudo-headers included.
        package var name: String
        package var value: String

        package init(_ name: String, _ value: String) {
            self.name = name
            self.value = value
        }
    }

    /// In order.
    package var fields: [Field]
    package var body: [UInt8]
    package var trailers: [Field] = []

    package init(fields: [Field] = [], body: [UInt8] = []) {
        self.fields = fields
        self.body = body
    }

    /// All values of a field, joined as HTTP joins them; nil where it is absent.
    package subscript(_ name: String) -> String? {
        let values = fields.filter { $0.name == name }.map(\.value)
        return values.isEmpty ? nil : values.joined(separator: ",")
    }

    /// The body, invalid UTF-8 repaired.
    package var text: String { String(decoding: body, as: UTF8.self) }

    // MARK: On the wire

    /// The bytes of a request.
    func requestBytes() -> [UInt8] {
        let method = self[":method"] ?? "GET"
        return bytes("\(method) \(self[":path"] ?? "/") HTTP/1.1\r\nhost: \(self[":authority"] ?? "test")\r\n", hasBody: !body.isEmpty || method == "POST")
    }

    /// The bytes of a response.
    func responseBytes(toHead: Bool) -> [UInt8] {
        let status = self[":status"] ?? "200"
        let head = bytes("HTTP/1.1 \(status) \(status)\r\n", hasBody: status != "204" && status != "304")
        return toHead ? Array(head.dropLast(body.count)) : head
    }

    private func bytes(_ startLine: String, hasBody: Bool) -> [UInt8] {
        var head = startLine
        for field in fields where !field.name.hasPrefix(":") && field.name != "content-length" && field.name != "host" {
            head += "\(field.name): \(field.value)\r\n"
        }
        if hasBody { head += "content-length: \(body.count)\r\n" }
        return Array((head + "\r\n").utf8) + (hasBody ? body : [])
    }
}

/// Why text is no message.
package struct WireError: Error, Equatable, CustomStringConvertible {
    package let description: String

    init(_ description: String) { self.description = description }
}

extension WireMessage {
    /// A request that was recorded as text, as a browser's tools and curl's `--trace-ascii` show it; lines may end without
    /// the carriage return. The body is what follows the empty line, whatever `content-length` says; of one in chunks, what
    /// they hold.
    package init(recorded text: [UInt8]) throws(WireError) {
        var lines: [[UInt8]] = []
        var rest = text[...]
        while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
            var line = Array(rest[..<end])
            if line.last == UInt8(ascii: "\r") { line.removeLast() }
            rest = rest[(end + 1)...]
            if line.isEmpty { break }
            lines.append(line)
        }
        guard let first = lines.first else { throw WireError("there is no request line") }
        let parts = String(decoding: first, as: UTF8.self).split(separator: " ")
        guard parts.count == 3, parts[2].hasPrefix("HTTP/") else {
            throw WireError("\"\(String(decoding: first, as: UTF8.self))\" is no request line")
        }
        var fields = [Field(":method", String(parts[0])), Field(":path", String(parts[1]))]
        for line in lines.dropFirst() {
            guard let colon = line.firstIndex(of: UInt8(ascii: ":")) else {
                throw WireError("\"\(String(decoding: line, as: UTF8.self))\" is no header field")
            }
            let name = String(decoding: line[..<colon], as: UTF8.self).lowercased()
            let value = String(decoding: line[(colon + 1)...], as: UTF8.self)
            fields.append(Field(name == "host" ? ":authority" : name, String(value.drop { $0 == " " || $0 == "\t" })))
        }
        let isChunked = fields.contains { $0.name == "transfer-encoding" }
        fields.removeAll { $0.name == "transfer-encoding" }
        self.init(fields: fields, body: isChunked ? Self.joined(chunks: rest) ?? Array(rest) : Array(rest))
    }

    /// What chunks hold; nil where the bytes are none, as in a recording whose body was put together already.
    private static func joined(chunks: ArraySlice<UInt8>) -> [UInt8]? {
        var rest = chunks
        var body: [UInt8] = []
        while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
            let digits = String(decoding: rest[..<end].prefix { $0 != UInt8(ascii: ";") && $0 != UInt8(ascii: "\r") }, as: UTF8.self)
            guard let count = Int(digits, radix: 16), count >= 0, rest[(end + 1)...].count >= count else { return nil }
            if count == 0 { return body }
            body += rest[(end + 1)...].prefix(count)
            rest = rest[(end + 1 + count)...].drop { $0 == UInt8(ascii: "\r") }
            guard rest.first == UInt8(ascii: "\n") else { return nil }
            rest = rest.dropFirst()
        }
        return nil
    }
}
