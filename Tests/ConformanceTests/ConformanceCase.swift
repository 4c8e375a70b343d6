import Foundation
import TestKit
import Testing

/// One row of the table: bytes for a listener, and how many answers to wait for.
struct ConformanceCase: Sendable, CustomTestStringConvertible {
    enum Input: Sendable {
        /// Sent as they are; where there are several parts, each goes out when the one before is answered.
        case http1([String])
        /// A request over cleartext HTTP/2, with its body and trailers.
        case http2([WireField], body: String?, trailers: [WireField])
    }

    let name: String
    let listener: ConformanceBootstrap.Listener
    let input: Input
    var answers = 1

    var testDescription: String { name }

    init(_ name: String, _ listener: ConformanceBootstrap.Listener = .main, raw: String..., answers: Int = 1) {
        self.name = name
        self.listener = listener
        self.answers = answers
        input = .http1(raw)
    }

    init(
        _ name: String, _ listener: ConformanceBootstrap.Listener = .main, http2 fields: [WireField],
        body: String? = nil, trailers: [WireField] = []
    ) {
        self.name = name
        self.listener = listener
        input = .http2(fields, body: body, trailers: trailers)
    }

    /// A request without a body.
    static func get(
        _ name: String, _ target: String, _ listener: ConformanceBootstrap.Listener = .main, host: String = "act.test",
        method: String = "GET", script: String? = nil, with fields: [String] = [], body: String? = nil
    ) -> ConformanceCase {
        var text = "\(method) \(target) HTTP/1.1\r\nHost: \(host)\r\n"
        if let script { text += "x-script: \(script)\r\n" }
        for field in fields { text += field + "\r\n" }
        if let body { text += "content-length: \(body.utf8.count)\r\n" }
        return ConformanceCase(name, listener, raw: text + "\r\n" + (body ?? ""))
    }

    var methods: [String] {
        guard case .http1(let parts) = input else { return [] }
        return parts.joined().components(separatedBy: "\r\n").compactMap { line in
            let words = line.split(separator: " ")
            return words.count == 3 && words[2].hasPrefix("HTTP/1.") ? String(words[0]) : nil
        }
    }
}
