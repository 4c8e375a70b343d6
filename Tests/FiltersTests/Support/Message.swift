/// One HTTP/1.1 message, read from a socket by the framing rules alone.
struct Message: Sendable {
    /// `GET / HTTP/1.1` or `HTTP/1.1 200 OK`
    var startLine = ""
    /// In order, names lower-case.
    var fields: [(name: String, value: String)] = []
    var body: [UInt8] = []
    var trailers: [(name: String, value: String)] = []
    /// The body came in chunks.
    var isChunked = false

    var status: Int { Int(startLine.split(separator: " ").dropFirst().first ?? "") ?? 0 }
    var target: String { startLine.split(separator: " ").dropFirst().first.map(String.init) ?? "" }
    var text: String { String(decoding: body, as: UTF8.self) }

    subscript(name: String) -> String? {
        let values = fields.filter { $0.name == name }.map(\.value)
        return values.isEmpty ? nil : values.joined(separator: ",")
    }
}

/// Takes messages off one connection.
struct MessageReader {
    private let socket: PlainSocket
    private var pending: [UInt8] = []
    private var ended = false

    init(_ socket: PlainSocket) { self.socket = socket }

    /// The next message; nil when the connection ended before it was whole.
    /// - Parameter hasBody: false for the answer to HEAD.
    mutating func next(hasBody: Bool = true) -> Message? {
        guard let start = line() else { return nil }
        var message = Message(startLine: start)
        guard let fields = fieldLines() else { return nil }
        message.fields = fields
        guard hasBody else { return message }
        if message["transfer-encoding"]?.lowercased() == "chunked" {
            message.isChunked = true
            while true {
                guard let size = line().flatMap({ Int($0, radix: 16) }) else { return nil }
                if size == 0 { break }
                guard let chunk = take(size), line() == "" else { return nil }
                message.body += chunk
            }
            guard let trailers = fieldLines() else { return nil }
            message.trailers = trailers
        } else if let length = message["content-length"].flatMap({ Int($0) }) {
            guard let body = take(length) else { return nil }
            message.body = body
        }
        return message
    }

    private mutating func fieldLines() -> [(name: String, value: String)]? {
        var fields: [(name: String, value: String)] = []
        while let line = line() {
            if line.isEmpty { return fields }
            guard let colon = line.firstIndex(of: ":") else { return nil }
            let value = line[line.index(after: colon)...].drop { $0 == " " }
            fields.append((line[..<colon].lowercased(), String(value)))
        }
        return nil
    }

    private mutating func line() -> String? {
        while true {
            if let end = pending.firstIndex(of: UInt8(ascii: "\n")) {
                let line = pending[..<end].dropLast()
                defer { pending.removeSubrange(...end) }
                return String(decoding: line, as: UTF8.self)
            }
            guard fill() else { return nil }
        }
    }

    private mutating func take(_ count: Int) -> [UInt8]? {
        while pending.count < count { guard fill() else { return nil } }
        defer { pending.removeFirst(count) }
        return Array(pending[..<count])
    }

    private mutating func fill() -> Bool {
        guard !ended else { return false }
        let bytes = socket.receive()
        ended = bytes.isEmpty
        pending += bytes
        return !ended
    }
}
