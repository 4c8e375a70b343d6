import Foundation
import Glibc
import TestKit
import Testing

/// Prometheus' checker of metrics, where it is installed.
private enum Promtool {
    static let path = ["/usr/bin/promtool", "/usr/local/bin/promtool"].first {
        FileManager.default.isExecutableFile(atPath: $0)
    }
}

@Suite("The admin interface", .serialized, .enabled(if: SupervisedProxy.program != nil, "no heddle-proxy is built"))
struct AdminTests {
    private let upstream = RecordingUpstream { _ in .reply(200, body: "hello") }

    @Test("every page answers, changes want POST, and others' sites are refused")
    func pages() throws {
        let proxy = try SupervisedProxy(workers: 2, upstream: upstream.port)
        #expect(try proxy.get("/listeners") == "in::\(Loopback.address):\(proxy.port)\n")
        #expect(try proxy.get("/clusters").contains("up::\(Loopback.address):\(upstream.port)::weight::1"))
        #expect(try proxy.get("/server_info").contains("\"state\":\"LIVE\""))
        #expect(try proxy.get("/help").contains("/config_dump"))
        #expect(try proxy.get("/").contains("/config_dump"))
        for path in ["/listeners?format=json", "/clusters?format=json", "/config_dump", "/server_info", "/certs", "/memory", "/stats?format=json"] {
            let text = try proxy.get(path)
            #expect(throws: Never.self, "\(path)") { try JSONSerialization.jsonObject(with: Data(text.utf8)) }
        }
        let port = try #require(proxy.adminPort)
        #expect(try status("GET", "/quitquitquit", port) == 405)
        #expect(try status("POST", "/logging?level=debug", port) == 200)
        #expect(try status("POST", "/logging?level=loud", port) == 400)
        #expect(try status("GET", "/nothing", port) == 404)
        #expect(try status("POST", "/quitquitquit", port, host: "evil.example") == 403)
        #expect(try status("POST", "/healthcheck/fail", port) == 200)
        #expect(try status("GET", "/ready", port) == 503)
        #expect(try status("POST", "/healthcheck/ok", port) == 200)
        #expect(try status("GET", "/ready", port) == 200)
        #expect(WireClient(port: proxy.port) != nil)
        #expect(try status("POST", "/drain_listeners", port) == 200)
        #expect(Deadline(seconds: 5).polls { WireClient(port: proxy.port) == nil })
        #expect(try status("POST", "/quitquitquit", port) == 200)
        #expect(SupervisedProxy.exitCode(proxy.id) == 0)
    }

    @Test("the metrics listener has metrics and health and nothing else")
    func metricsListener() throws {
        let port = Loopback.freePort()
        let proxy = try SupervisedProxy(workers: 1, upstream: upstream.port, flags: ["--metrics-address", "\(Loopback.address):\(port)"])
        #expect(try status("GET", "/ready", port) == 200)
        #expect(try status("GET", "/stats/prometheus", port) == 200)
        #expect(try status("POST", "/quitquitquit", port) == 404)
        #expect(try status("GET", "/config_dump", port) == 404)
        withExtendedLifetime(proxy) {}
    }


    @Test("promtool accepts the metrics", .enabled(if: Promtool.path != nil, "no promtool is installed"))
    func metricsFormat() throws {
        let proxy = try SupervisedProxy(workers: 2, upstream: upstream.port)
        let check = Process()
        check.executableURL = URL(fileURLWithPath: try #require(Promtool.path))
        check.arguments = ["check", "metrics"]
        let input = Pipe()
        let errors = Pipe()
        check.standardInput = input
        check.standardError = errors
        check.standardOutput = errors
        try check.run()
        let text = try proxy.get("/stats/prometheus")
        Thread.detachNewThread {
            input.fileHandleForWriting.write(Data(text.utf8))
            input.fileHandleForWriting.closeFile()
        }
        let said = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        check.waitUntilExit()
        // 3: Envoy's names are not Prometheus's style; 1: the text is none of its format.
        #expect([0, 3].contains(check.terminationStatus), "\(said)")
    }

    private func status(_ method: String, _ path: String, _ port: UInt16, host: String = Loopback.address) throws -> Int {
        let client = try #require(WireClient(port: port))
        client.send("\(method) \(path) HTTP/1.1\r\nhost: \(host)\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        _ = client.receiveEnd()
        return Int(String(decoding: client.received.dropFirst(9).prefix(3), as: UTF8.self)) ?? 0
    }
}
