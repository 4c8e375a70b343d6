import Foundation

/// Questions to a proxy's admin endpoint.
package enum AdminClient {
    /// The endpoint did not answer with 200.
    package struct Unanswered: Error, CustomStringConvertible {
        package let description: String
    }

    /// The body of the answer to a GET.
    package static func get(_ path: String, port: UInt16) throws -> String {
        guard let client = WireClient(port: port) else { throw Unanswered(description: "nobody listens on \(port)") }
        client.send("GET \(path) HTTP/1.1\r\nHost: \(Loopback.address):\(port)\r\nConnection: close\r\n\r\n")
        _ = client.receiveEnd()
        let message: WireMessage?
        do throws(WireMessage.Malformed) {
            message = try WireMessage.parse(client.received[...], answering: "GET", isEnded: true)
        } catch {
            throw Unanswered(description: "\(path): \(error.reason)")
        }
        guard let message, message.status == 200 else {
            throw Unanswered(description: "\(path): \(message?.startLine ?? "no answer")")
        }
        return String(decoding: message.body, as: UTF8.self)
    }

    /// All counters and gauges.
    package static func counters(port: UInt16) throws -> [String: Int] {
        var found: [String: Int] = [:]
        for line in try get("/stats", port: port).split(separator: "\n") {
            let parts = line.components(separatedBy: ": ")
            if parts.count == 2, let value = Int(parts[1]) { found[parts[0]] = value }
        }
        return found
    }
}
