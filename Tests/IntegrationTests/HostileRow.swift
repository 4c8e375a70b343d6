import Testing

/// One hostile input of a client over HTTP/1 and what must come of it.
struct HostileRow: Sendable, CustomTestStringConvertible {
    /// What must come of an input.
    enum Verdict: Sendable {
        /// One answer with one of these statuses, then the connection ends; nothing reached the upstream.
        case refused(Set<Int>)
        /// The head was good, the body is not: the upstream must not take the request for whole, and the connection ends.
        case brokenOff
        /// So many requests reach the upstream, whole, and none of the answers is an error.
        case served(Int)
        /// Answered by the proxy itself; nothing reached the upstream.
        case answered([Int])
    }

    /// Of the table of hostile inputs.
    let row: Int
    let name: String
    let bytes: [UInt8]
    let verdict: Verdict

    var testDescription: String { "row \(row), \(name)" }

    init(_ row: Int, _ name: String, _ text: String, _ verdict: Verdict = .refused([400])) {
        self.row = row
        self.name = name
        bytes = text.unicodeScalars.map { UInt8(truncatingIfNeeded: $0.value) }
        self.verdict = verdict
    }

    /// A POST with the given fields and body.
    static func post(
        _ row: Int, _ name: String, _ fields: String, _ body: String = "", _ verdict: Verdict = .refused([400])
    ) -> HostileRow {
        HostileRow(row, name, "POST /up HTTP/1.1\r\nHost: h.test\r\n\(fields)\r\n\r\n\(body)", verdict)
    }

    /// A POST in chunks.
    static func chunked(_ row: Int, _ name: String, _ body: String, _ verdict: Verdict = .brokenOff) -> HostileRow {
        post(row, name, "Transfer-Encoding: chunked", body, verdict)
    }

    /// A GET with one field line, or none where it is empty.
    static func get(_ row: Int, _ name: String, line: String, _ verdict: Verdict = .refused([400])) -> HostileRow {
        HostileRow(row, name, "GET /up HTTP/1.1\r\nHost: h.test\r\n\(line)\r\n\r\n", verdict)
    }

    /// A GET of a target.
    static func target(_ name: String, _ target: String, _ verdict: Verdict = .refused([400])) -> HostileRow {
        HostileRow(16, name, "GET \(target) HTTP/1.1\r\nHost: h.test\r\n\r\n", verdict)
    }
}
