package import Bytes

/// A request to an ``HTTPService``, whole.
package struct ServiceRequest: Sendable {
    package var method: String
    /// Without the query.
    package var path: String
    /// The query's fields, decoded, in order.
    package var query: [(name: String, value: String)]
    /// `Host`, as it came.
    package var authority: String
    /// Header fields in lower case, in order.
    package var fields: [(name: String, value: String)]
    package var body: [UInt8]
    package var remote: SocketAddress

    /// The first field of this lower-case name.
    package func field(_ name: String) -> String? { fields.first { $0.name == name }?.value }

    /// The value of a query field; empty when it has none, nil when it is not there.
    package func query(_ name: String) -> String? { query.first { $0.name == name }?.value }

    /// The parts of a request target.
    package static func split(_ target: String) -> (path: String, query: [(name: String, value: String)]) {
        guard let mark = target.firstIndex(of: "?") else { return (target, []) }
        let pairs = target[target.index(after: mark)...].split(separator: "&").map { pair -> (name: String, value: String) in
            guard let equals = pair.firstIndex(of: "=") else { return (decoded(pair), "") }
            return (decoded(pair[..<equals]), decoded(pair[pair.index(after: equals)...]))
        }
        return (String(target[..<mark]), pairs)
    }

    /// Text without its percent escapes; what is no escape stays.
    private static func decoded(_ text: Substring) -> String {
        var bytes: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            if byte == 0x25, rest.count >= 2, let high = ASCII.hexadecimal(rest[rest.startIndex]),
                let low = ASCII.hexadecimal(rest[rest.startIndex + 1])
            {
                bytes.append(high << 4 | low)
                rest = rest.dropFirst(2)
            } else {
                bytes.append(byte == 0x2B ? 0x20 : byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}

/// An answer of an ``HTTPService``.
package struct ServiceResponse: Sendable, Equatable {
    package var status: Int
    package var contentType: String
    package var body: [UInt8]
    /// `Allow`, for 405.
    package var allow: String?

    package init(status: Int = 200, contentType: String = "text/plain; charset=UTF-8", body: [UInt8], allow: String? = nil) {
        self.status = status
        self.contentType = contentType
        self.body = body
        self.allow = allow
    }

    /// An answer in text.
    package init(_ status: Int = 200, text: String, contentType: String = "text/plain; charset=UTF-8") {
        self.init(status: status, contentType: contentType, body: Array(text.utf8))
    }

    /// An answer in JSON.
    package static func json(_ body: [UInt8], status: Int = 200) -> ServiceResponse {
        ServiceResponse(status: status, contentType: "application/json", body: body)
    }
}
