import Foundation
import Glibc
import TestKit
import Testing

@Suite("Logs of the proxy", .serialized, .enabled(if: ProxyProcess.Kind.heddle.program != nil, "no heddle-proxy is built"))
struct LogTests {
    /// A proxy with an access log and a script that logs "from the script" at `info` for each request.
    private final class Proxy {
        let process: ProxyProcess
        let port = Loopback.freePort()
        let admin = Loopback.freePort()
        let folder: String
        var access: String { folder + "/access.log" }

        init(_ flags: [String]) throws {
            folder = NSTemporaryDirectory() + "heddle-log-\(getpid())-\(port)"
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            let config = """
                admin: {address: {socket_address: {address: \(Loopback.address), port_value: \(admin)}}}
                static_resources:
                  listeners:
                  - name: in
                    address: {socket_address: {address: \(Loopback.address), port_value: \(port)}}
                    filter_chains:
                    - filters:
                      - name: hcm
                        typed_config:
                          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
                          stat_prefix: log
                          access_log: [{name: file, typed_config: {"@type": type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog, path: \(folder)/access.log, log_format: {text_format_source: {inline_string: "%REQ(:PATH)%\\n"}}}}]
                          route_config: {virtual_hosts: [{name: all, domains: ["*"], routes: [{match: {prefix: /}, direct_response: {status: 200, body: {inline_string: hello}}}]}]}
                          http_filters:
                          - {name: lua, typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua, default_source_code: {inline_string: "function envoy_on_request(handle) handle:logInfo('from the script') end"}}}
                          - {name: router, typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}}
                """
            process = try ProxyProcess(.heddle, config: config, ports: [port, admin], workers: 2, flags: flags)
        }

        deinit {
            process.stop()
            do {
                try FileManager.default.removeItem(atPath: folder)
            } catch {
                // The system empties its temporary folder.
            }
        }

        func ask(_ path: String) {
            let answer = AnyAddress.ipv4(Loopback.address, port).ask("GET \(path) HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n")
            #expect(answer?.hasSuffix("hello") == true)
        }

        func post(_ path: String) -> String {
            AnyAddress.ipv4(Loopback.address, admin).ask("POST \(path) HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n") ?? ""
        }

        var scriptLines: Int { process.output.components(separatedBy: "from the script").count - 1 }

        func text(_ path: String) -> String { (try? String(contentsOfFile: path, encoding: .utf8)) ?? "" }
    }

    @Test("--log-format json makes every line one object with time, level, component and message")
    func json() throws {
        let proxy = try Proxy(["--log-format", "json", "-l", "info"])
        proxy.ask("/")
        #expect(Deadline(seconds: 5).polls { proxy.scriptLines == 1 })
        let lines = proxy.process.output.split(separator: "\n")
        #expect(lines.count > 1)
        for line in lines {
            let entry = try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any], "\(line)")
            for key in ["time", "level", "component", "message"] { #expect(entry[key] is String, "\(key) in \(line)") }
        }
        let script = try #require(lines.first { $0.contains("from the script") })
        #expect(script.contains(#""component":"lua""#) && script.contains(#""level":"info""#), "\(script)")
    }

    @Test("--component-log-level is one component's level, from the start and in every worker")
    func componentLevel() throws {
        let loud = try Proxy(["-l", "error", "--component-log-level", "lua:info"])
        let silent = try Proxy(["-l", "info", "--component-log-level", "lua:error"])
        for _ in 0..<4 {
            loud.ask("/")
            silent.ask("/")
        }
        #expect(Deadline(seconds: 5).polls { loud.scriptLines == 4 }, "\(loud.process.output)")
        #expect(!loud.process.output.contains("is in force"))
        #expect(silent.scriptLines == 0)
        #expect(!silent.process.output.isEmpty)
    }

    @Test("/logging?paths= changes components while the proxy runs, in every worker, and says what holds")
    func paths() throws {
        let proxy = try Proxy(["-l", "error"])
        proxy.ask("/")
        #expect(proxy.post("/logging?paths=lua:info,admin:debug").contains("lua: info\n"))
        for _ in 0..<4 { proxy.ask("/") }
        #expect(Deadline(seconds: 5).polls { proxy.scriptLines == 4 })
        let answer = proxy.post("/logging?paths=lua:off")
        #expect(answer.contains("lua: off\n") && answer.contains("admin: debug\n"), "\(answer)")
        proxy.ask("/")
        #expect(proxy.post("/logging?paths=nothing:info").hasPrefix("HTTP/1.1 400"))
        #expect(proxy.post("/logging?paths=lua:loud").hasPrefix("HTTP/1.1 400"))
        #expect(proxy.scriptLines == 4)
    }

    @Test("access logs go to a new file after a rename and /reopen_logs or SIGUSR1, and no line is lost", arguments: [false, true])
    func reopened(bySignal: Bool) throws {
        let proxy = try Proxy([])
        for index in 0..<8 { proxy.ask("/before/\(index)") }
        let old = proxy.access + ".1"
        #expect(rename(proxy.access, old) == 0)
        // Still open: lines go to the old file under its new name.
        for index in 0..<8 { proxy.ask("/between/\(index)") }
        if bySignal { kill(proxy.process.id, SIGUSR1) } else { #expect(proxy.post("/reopen_logs").hasSuffix("OK\n")) }
        #expect(Deadline(seconds: 5).polls { FileManager.default.fileExists(atPath: proxy.access) })
        var count = 0
        let isNew = Deadline(seconds: 10).polls(every: 20) {
            proxy.ask("/after/\(count)")
            count += 1
            return count >= 8 && proxy.text(proxy.access).contains("/after/")
        }
        #expect(isNew)
        proxy.process.stop()
        let (first, second) = (proxy.text(old), proxy.text(proxy.access))
        let lines = (first + second).split(separator: "\n")
        #expect(lines.count == 16 + count, "\(lines.count) of \(16 + count)")
        #expect(lines.filter { $0.hasPrefix("/before/") || $0.hasPrefix("/between/") }.allSatisfy { first.contains($0) })
        #expect(lines.last?.hasPrefix("/after/") == true)
    }
}
