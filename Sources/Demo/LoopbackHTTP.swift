/// A GET at a time, for asking processes on this machine how they are.
enum LoopbackHTTP {
    /// The longest answer that is read.
    private static let mostBytes = 4 * 1024 * 1024

    struct Answer {
        let status: Int
        let body: String
    }

    /// The answer, or nil where there is none in time.
    ///
    /// - Parameter interrupt: a descriptor that ends the waiting when it can be read.
    static func get(host: String, port: Int, path: String, seconds: Double = 1, interrupt: Int32? = nil) -> Answer? {
        guard let connection = LoopbackConnection(host: host, port: port, seconds: seconds, interrupt: interrupt) else { return nil }
        let request =
            "GET \(path) HTTP/1.1\r\nHost: \(host):\(port)\r\nConnection: close\r\nCookie: shop_session-id=x-readiness-probe\r\n\r\n"
        guard connection.send(Array(request.utf8)) else { return nil }
        var bytes: [UInt8] = []
        while bytes.count < mostBytes, let more = connection.receive() { bytes += more }
        return answer(bytes)
    }

    private static func answer(_ bytes: [UInt8]) -> Answer? {
        let text = String(decoding: bytes, as: UTF8.self)
        let words = text.split(separator: " ", maxSplits: 2)
        guard words.count == 3, words[0].hasPrefix("HTTP/1."), let status = Int(words[1]) else { return nil }
        let body = text.firstRange(of: "\r\n\r\n").map { String(text[$0.upperBound...]) } ?? ""
        return Answer(status: status, body: body)
    }
}
