import Foundation
import Glibc
import TestKit
import Testing

@Suite(
    "Addresses of listeners", .serialized, .enabled(if: ProxyProcess.Kind.heddle.program != nil, "no heddle-proxy is built"))
struct ListenerAddressTests {
    private static let request = "GET / HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n"

    /// A listener whose answer says where the connection came from and went to.
    private static func listener(_ name: String, _ address: String, _ more: String = "") -> String {
        """
          - name: \(name)
            address: {\(address)}
            \(more)
            filter_chains:
            - filters:
              - name: hcm
                typed_config:
                  "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
                  stat_prefix: \(name)
                  route_config: {virtual_hosts: [{name: all, domains: ["*"], routes: [{match: {prefix: /}, direct_response: {status: 200, body_format: {text_format_source: {inline_string: "\(name) from %DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT% to %DOWNSTREAM_LOCAL_ADDRESS%"}}}}]}]}
                  http_filters: [{name: router, typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}}]
        """
    }

    private static func start(_ listeners: [String]) throws -> (ProxyProcess, admin: UInt16) {
        let admin = Loopback.freePort()
        let config = """
            admin: {address: {socket_address: {address: \(Loopback.address), port_value: \(admin)}}}
            static_resources:
              listeners:
            \(listeners.joined(separator: "\n"))
            """
        let proxy = try ProxyProcess(.heddle, config: config, ports: [admin], workers: 2)
        _ = Deadline(seconds: 10).polls { !proxy.isAlive || (try? AdminClient.get("/ready", port: admin)) == "LIVE\n" }
        guard proxy.isAlive else { throw ProxyProcess.NotReady(description: proxy.output) }
        return (proxy, admin)
    }

    private static func body(_ answer: String?) -> String {
        answer?.components(separatedBy: "\r\n\r\n").dropFirst().joined() ?? "nobody listens"
    }

    @Test("a listener of an IPv6 address, of all of them, and of all of both families (ipv4_compat)", .enabled(if: AnyAddress.hasIPv6, "no IPv6"))
    func ipv6() throws {
        let ports = (0..<3).map { _ in AnyAddress.freeIPv6Port() }
        let any = { (port: UInt16, more: String) in "socket_address: {address: \"::\", port_value: \(port)\(more)}" }
        let (proxy, admin) = try Self.start([
            Self.listener("one", "socket_address: {address: \"::1\", port_value: \(ports[0])}"),
            Self.listener("all", any(ports[1], "")), Self.listener("both", any(ports[2], ", ipv4_compat: true")),
        ])
        defer { proxy.stop() }
        let ask = { (address: AnyAddress) in Self.body(address.ask(Self.request)) }
        #expect(ask(.ipv6("::1", ports[0])) == "one from ::1 to [::1]:\(ports[0])")
        #expect(ask(.ipv6("::1", ports[1])) == "all from ::1 to [::1]:\(ports[1])")
        #expect(ask(.ipv4("127.0.0.1", ports[1])) == "nobody listens")
        #expect(ask(.ipv6("::1", ports[2])) == "both from ::1 to [::1]:\(ports[2])")
        // A client of IPv4 has an address of IPv4, whatever the socket is.
        #expect(ask(.ipv4("127.0.0.1", ports[2])) == "both from 127.0.0.1 to 127.0.0.1:\(ports[2])")
        #expect(try AdminClient.get("/listeners", port: admin).contains("one::[::1]:\(ports[0])\n"))
    }

    @Test("a listener of a unix socket: a file with its mode, which goes with the proxy, and an abstract name")
    func unixSockets() throws {
        let path = NSTemporaryDirectory() + "heddle-listener-\(getpid()).sock"
        let name = "@heddle-listener-\(getpid())"
        let (proxy, admin) = try Self.start([
            Self.listener("file", "pipe: {path: \(path), mode: 432}"),
            Self.listener("abstract", "pipe: {path: \"\(name)\"}"),
        ])
        defer { proxy.stop() }
        for (listener, address) in [("file", path), ("abstract", name)] {
            let answer = Self.body(AnyAddress.unix(address).ask(Self.request))
            #expect(answer.hasPrefix("\(listener) from ") && answer.hasSuffix(" to \(address)"), "\(answer)")
        }
        var status = stat()
        #expect(stat(path, &status) == 0 && status.st_mode & 0o777 == 0o660)
        let listeners = try AdminClient.get("/listeners", port: admin)
        #expect(listeners.contains("file::\(path)\n") && listeners.contains("abstract::\(name)\n"), "\(listeners)")
        proxy.stop()
        #expect(stat(path, &status) != 0)
        #expect(AnyAddress.unix(name).ask(Self.request) == nil)
    }

    @Test("a unix socket's file that a crash left behind is no obstacle, one that is listened at is")
    func staleSocket() throws {
        let path = NSTemporaryDirectory() + "heddle-stale-\(getpid()).sock"
        let listener = Self.listener("file", "pipe: {path: \(path)}")
        let first = try Self.start([listener]).0
        // Nobody is left who could take the file away.
        first.kill()
        var status = stat()
        #expect(stat(path, &status) == 0)
        let second = try Self.start([listener]).0
        defer { second.stop() }
        #expect(Self.body(AnyAddress.unix(path).ask(Self.request)).hasPrefix("file from"))
        let refusal = #expect(throws: ProxyProcess.NotReady.self) { _ = try Self.start([listener]) }
        #expect(refusal?.description.contains(path) == true, "\(refusal?.description ?? "")")
        #expect(Self.body(AnyAddress.unix(path).ask(Self.request)).hasPrefix("file from"))
    }
}
