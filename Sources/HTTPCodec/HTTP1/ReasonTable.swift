import Bytes

/// Status codes with their reason phrases as they end a status line (`200 OK` CRLF), in rows of one size.
struct ReasonTable: Sendable {
    static let shared = ReasonTable()
    private static let stride = 48
    private static let codes = 100..<600

    // Safety: both written once in `init`, then read only; live as long as the process.
    nonisolated(unsafe) private let rows: UnsafeRawPointer
    nonisolated(unsafe) private let lengths: UnsafePointer<UInt8>

    private init() {
        let rows = UnsafeMutableRawPointer.allocate(byteCount: Self.codes.count * Self.stride, alignment: 16)
        let lengths = UnsafeMutablePointer<UInt8>.allocate(capacity: Self.codes.count)
        rows.initializeMemory(as: UInt8.self, repeating: 0, count: Self.codes.count * Self.stride)
        for code in Self.codes {
            let text = Array("\(code) \(HTTP1Reason.phrase(code))\r\n".utf8)
            precondition(text.count <= Self.stride, "a reason phrase is too long for its row")
            let index = code - Self.codes.lowerBound
            for (place, byte) in text.enumerated() {
                rows.storeBytes(of: byte, toByteOffset: index * Self.stride + place, as: UInt8.self)
            }
            (lengths + index).initialize(to: UInt8(text.count))
        }
        self.rows = UnsafeRawPointer(rows)
        self.lengths = UnsafePointer(lengths)
    }

    /// Puts code, phrase and CRLF; a code above the table has no phrase.
    @inline(__always)
    func put(_ status: Int, _ cursor: inout WriteCursor) {
        if Self.codes.contains(status) {
            let index = status &- Self.codes.lowerBound
            cursor.put(rows + index &* Self.stride, Int(lengths[index]))
        } else {
            cursor.put(decimal: UInt64(status))
            cursor.put(UInt8(0x20))
            cursor.endLine()
        }
    }
}

/// Reason phrases (RFC 9110 section 15 and the IANA registry).
public enum HTTP1Reason {
    /// The usual phrase of a status; Envoy's word for one that has none.
    public static func phrase(_ status: Int) -> String {
        switch status {
        case 100: "Continue"
        case 101: "Switching Protocols"
        case 102: "Processing"
        case 103: "Early Hints"
        case 200: "OK"
        case 201: "Created"
        case 202: "Accepted"
        case 203: "Non-Authoritative Information"
        case 204: "No Content"
        case 205: "Reset Content"
        case 206: "Partial Content"
        case 207: "Multi-Status"
        case 208: "Already Reported"
        case 226: "IM Used"
        case 300: "Multiple Choices"
        case 301: "Moved Permanently"
        case 302: "Found"
        case 303: "See Other"
        case 304: "Not Modified"
        case 305: "Use Proxy"
        case 307: "Temporary Redirect"
        case 308: "Permanent Redirect"
        case 400: "Bad Request"
        case 401: "Unauthorized"
        case 402: "Payment Required"
        case 403: "Forbidden"
        case 404: "Not Found"
        case 405: "Method Not Allowed"
        case 406: "Not Acceptable"
        case 407: "Proxy Authentication Required"
        case 408: "Request Timeout"
        case 409: "Conflict"
        case 410: "Gone"
        case 411: "Length Required"
        case 412: "Precondition Failed"
        case 413: "Payload Too Large"
        case 414: "URI Too Long"
        case 415: "Unsupported Media Type"
        case 416: "Range Not Satisfiable"
        case 417: "Expectation Failed"
        case 421: "Misdirected Request"
        case 422: "Unprocessable Entity"
        case 423: "Locked"
        case 424: "Failed Dependency"
        case 425: "Too Early"
        case 426: "Upgrade Required"
        case 428: "Precondition Required"
        case 429: "Too Many Requests"
        case 431: "Request Header Fields Too Large"
        case 451: "Unavailable For Legal Reasons"
        case 500: "Internal Server Error"
        case 501: "Not Implemented"
        case 502: "Bad Gateway"
        case 503: "Service Unavailable"
        case 504: "Gateway Timeout"
        case 505: "HTTP Version Not Supported"
        case 506: "Variant Also Negotiates"
        case 507: "Insufficient Storage"
        case 508: "Loop Detected"
        case 510: "Not Extended"
        case 511: "Network Authentication Required"
        default: "Unknown"
        }
    }
}
