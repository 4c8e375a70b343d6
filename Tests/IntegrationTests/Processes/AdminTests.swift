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

    @Test("/clusters has what all workers have counted of each host, and where it is")
    func hosts() throws {
        var parts = SupervisedProxy.Parts()
        parts.cluster = "alt_stat_name: shown, circuit_breakers: {thresholds: [{max_requests: 7, track_remaining: true}]}, "
            + "load_assignment: {cluster_name: up, endpoints: [{locality: {region: r, zone: z, sub_zone: s}, lb_endpoints: [{health_status: DEGRADED, "
            + "endpoint: {address: {socket_address: {address: \(Loopback.address), port_value: \(upstream.port)}}}}]}]}"
        let proxy = try SupervisedProxy(workers: 2, upstream: upstream.port, parts: parts)
        for _ in 0..<3 {
            let client = try #require(WireClient(port: proxy.port))
            client.send("GET / HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n")
            _ = client.receiveEnd()
        }
        let text = try proxy.get("/clusters")
        let host = "up::\(Loopback.address):\(upstream.port)::"
        for line in [
            "rq_total::3", "rq_success::3", "rq_error::0", "rq_active::0", "region::r", "zone::z", "sub_zone::s", "health_flags::/degraded_eds_health",
        ] { #expect(text.contains(host + line + "\n"), "\(text)") }
        #expect(text.contains("up::observability_name::shown\n"))
        #expect(text.contains("up::default_priority::max_requests::7\n"))
        #expect(try proxy.get("/clusters?format=json").contains(#"{"name":"rq_total","value":"3"}"#))
        #expect(try proxy.counter("cluster.shown.circuit_breakers.default.remaining_rq") == 7)
        #expect(try proxy.counter("cluster.shown.upstream_rq_total") == 3)
        #expect(!(try proxy.get("/stats").contains("rq_success")))
    }

    @Test("the filter of statistics is a regular expression, and one that is none is told")
    func statsFilter() throws {
        let proxy = try SupervisedProxy(workers: 1, upstream: upstream.port)
        let lines = try proxy.get("/stats?filter=%5Eserver.(live%7Cconcurrency)%24").split(separator: "\n")
        #expect(lines == ["server.concurrency: 1", "server.live: 1"])
        #expect(try proxy.get("/stats/prometheus?filter=%5Eserver.(live%7Cnothing)%24").contains("envoy_server_live"))
        let port = try #require(proxy.adminPort)
        for page in ["/stats", "/stats/prometheus"] { #expect(try status("GET", "\(page)?filter=(", port) == 400) }
    }

    @Test("stats_config decides what is shown, and tells bad configurations")
    func statsConfig() throws {
        var parts = SupervisedProxy.Parts()
        parts.top = """
            stats_config:
              stats_tags: [{tag_name: zone, fixed_value: z1}]
              stats_matcher: {inclusion_list: {patterns: [{prefix: server.}]}}
            """
        let proxy = try SupervisedProxy(workers: 1, upstream: upstream.port, parts: parts)
        let names = try proxy.get("/stats").split(separator: "\n")
        #expect(!names.isEmpty && names.allSatisfy { $0.hasPrefix("server.") })
        #expect(try proxy.get("/stats/prometheus").contains("envoy_server_live{zone=\"z1\"} 1\n"))
        proxy.parts.top = "stats_config: {stats_tags: [{tag_name: x}]}"
        try proxy.write(proxy.config(route: "up"))
        kill(proxy.id, SIGHUP)
        #expect(Deadline(seconds: 10).polls { proxy.log.contains("\"x\" is no default tag") }, "\(proxy.log)")
    }

    @Test("a worker tells how busy it is")
    func vitals() throws {
        let proxy = try SupervisedProxy(workers: 1, upstream: upstream.port)
        let client = try #require(WireClient(port: proxy.port))
        client.send("POST / HTTP/1.1\r\nhost: test\r\ncontent-length: 4\r\n\r\nab")
        #expect(Deadline(seconds: 5).polls { (try? proxy.counter("worker.0.streams_active")) == 1 })
        #expect(try proxy.counter("worker.0.loop_busy_us") > 0)
        client.send("cd")
        _ = client.receive { String(decoding: $0, as: UTF8.self).hasSuffix("hello") }
        #expect(Deadline(seconds: 5).polls { (try? proxy.counter("worker.0.streams_active")) == 0 })
    }

    @Test("drain_listeners?inboundonly closes the sockets of inbound listeners alone")
    func inboundOnly() throws {
        let proxy = try SupervisedProxy(workers: 2, upstream: upstream.port)
        let port = try #require(proxy.adminPort)
        #expect(try status("POST", "/drain_listeners?inboundonly", port) == 200)
        #expect(WireClient(port: proxy.port) != nil)
        let inbound = proxy.config(route: "up").replacingOccurrences(of: "- name: in\n", with: "- name: in\n    traffic_direction: INBOUND\n")
        try proxy.write(inbound)
        kill(proxy.id, SIGHUP)
        #expect(Deadline(seconds: 10).polls { (try? proxy.get("/config_dump").contains("INBOUND")) == true })
        #expect(try status("POST", "/drain_listeners?inboundonly", port) == 200)
        #expect(Deadline(seconds: 5).polls { WireClient(port: proxy.port) == nil })
    }

    @Test("access_log of admin has who asked for what, follows a reload, and a bad one is refused")
    func accessLog() throws {
        let folder = NSTemporaryDirectory() + "heddle-admin-log-\(getpid())"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        func log(_ file: String, _ more: String = "") -> String {
            let type = "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog"
            let format = "%REQ(:METHOD)% %REQ(:PATH)% %PROTOCOL% %RESPONSE_CODE% %BYTES_SENT% %REQ(X-FORWARDED-FOR)% %RESP(CONTENT-TYPE)%"
            let config = "{\"@type\": \(type), path: \(folder)/\(file), log_format: {text_format_source: {inline_string: \"\(format)\\n\"}}}"
            return "{name: file\(more), typed_config: \(config)}"
        }
        // Without the questions for whether the proxy is live.
        func text(_ file: String) -> String {
            let lines = ((try? String(contentsOfFile: "\(folder)/\(file)", encoding: .utf8)) ?? "").split(separator: "\n")
            return lines.filter { !$0.contains("/ready HTTP/1.1 503") }.map { $0 + "\n" }.joined()
        }
        let failures = ", filter: {status_code_filter: {comparison: {op: GE, value: {default_value: 400, runtime_key: a}}}}"
        var parts = SupervisedProxy.Parts()
        parts.admin = ", access_log: [\(log("all")), \(log("failures", failures))]"
        let proxy = try SupervisedProxy(workers: 1, upstream: upstream.port, parts: parts)
        let port = try #require(proxy.adminPort)
        #expect(try status("POST", "/reopen_logs", port) == 200)
        #expect(try status("GET", "/nowhere?a=b", port) == 404)
        #expect(try status("GET", "/ready", port, host: "evil.test") == 403)
        let text404 = "GET /nowhere?a=b HTTP/1.1 404 \("invalid path. /help lists what is there\n".utf8.count) 127."
        #expect(Deadline(seconds: 5).polls { text("failures").split(separator: "\n").count == 2 }, "\(text("failures"))")
        #expect(text("failures").hasPrefix(text404))
        #expect(text("failures").contains("\nGET /ready HTTP/1.1 403 "))
        #expect(Deadline(seconds: 5).polls { text("all").contains("GET /ready HTTP/1.1 403 ") })
        #expect(text("all").contains("POST /reopen_logs HTTP/1.1 200 3 127."))
        #expect(text("all").contains("text/plain"))
        proxy.parts.admin = ", access_log: [\(log("second"))]"
        try proxy.write(proxy.config(route: "up"))
        kill(proxy.id, SIGHUP)
        #expect(Deadline(seconds: 10).polls { proxy.log.contains("configuration 2 is in force") })
        #expect(try status("GET", "/help", port) == 200)
        #expect(Deadline(seconds: 5).polls { text("second").hasPrefix("GET /help HTTP/1.1 200 ") })
        proxy.parts.admin = ", access_log: [\(log("none/third"))]"
        try proxy.write(proxy.config(route: "up"))
        kill(proxy.id, SIGHUP)
        #expect(Deadline(seconds: 10).polls { proxy.log.contains("the old one stays") })
        #expect(proxy.log.contains("admin.access_log[0].typed_config.path"))
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
