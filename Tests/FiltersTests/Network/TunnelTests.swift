import Glibc
import Observability
import TestKit
import Testing

@Suite("Tunnels")
struct TunnelTests {
    typealias Version = TunnelEnd.Version

    /// A tunnel that is up, and what its ends saw. All of it lives on the thread of its test.
    private final class Tunnel {
        let client: TunnelEnd
        let host: TunnelEnd

        init?(_ proxy: UInt16, _ listener: Int32, _ versions: Versions, protocolName: String = "websocket") {
            guard let client = TunnelEnd.client(versions.client, port: proxy) else { return nil }
            self.client = client
            TunnelEnd.drive([client]) { client.isSaid }
            guard let host = TunnelEnd.host(versions.host, listener: listener, answering: protocolName) else {
                return nil
            }
            self.host = host
            drive { !client.said.isEmpty }
        }

        var ends: [TunnelEnd] { [client, host] }

        @discardableResult
        func drive(until claim: () -> Bool) -> Bool { TunnelEnd.drive(ends, until: claim) }

        var summary: String {
            "client \(client.said) \(client.received) \(client.isIntact) \(client.ending), host \(host.received) \(host.isIntact) \(host.ending)"
        }
    }

    struct Versions: Sendable, CustomTestStringConvertible {
        let client: Version
        let host: Version
        var testDescription: String { "\(client) client, \(host) host" }
        /// What the client hears when the tunnel is up.
        var accepted: String { client == .http1 ? "101" : "200" }

        static let all = Version.allCases.flatMap { client in
            Version.allCases.map { Versions(client: client, host: $0) }
        }
    }

    private static func bootstrap(_ port: UInt16, _ host: Version, _ log: LogPath, routeOptions: String) -> String {
        let options = host == .http1 ? "http_protocol_options: {}" : "http2_protocol_options: { allow_connect: true }"
        return """
            static_resources:
              listeners:
              - name: main
                address: { socket_address: { address: 127.0.0.1, port_value: 1 } }
                per_connection_buffer_limit_bytes: 65536
                filter_chains:
                - filters:
                  - name: http
                    typed_config:
                      "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
                      stat_prefix: test
                      upgrade_configs: [{ upgrade_type: websocket }]
                      http2_protocol_options: { allow_connect: true }
                      access_log:
                      - name: file
                        typed_config:
                          "@type": type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog
                          path: \(log.path)
                          log_format: { text_format_source: { inline_string: "%REQ(:METHOD)% %RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS%\\n" } }
                      route_config: { virtual_hosts: [{ name: all, domains: ["*"], routes: [{ match: { prefix: / }, route: { cluster: up\(routeOptions) } }] }] }
                      http_filters:
                      - name: router
                        typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router }
              clusters:
              - name: up
                connect_timeout: 60s
                per_connection_buffer_limit_bytes: 65536
                typed_extension_protocol_options:
                  envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
                    "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
                    explicit_http_config: { \(options) }
                load_assignment: { cluster_name: up, endpoints: [{ lb_endpoints: [{ endpoint: { address: { socket_address: { address: 127.0.0.1, port_value: \(port) } } } }] }] }
            """
    }

    /// Opens a tunnel, does something with it that must come true, and waits until the proxy keeps nothing of it.
    private func tunnel(
        _ versions: Versions, protocolName: String = "websocket", routeOptions: String = "",
        _ use: @escaping @Sendable (Tunnel) -> Bool
    ) async throws -> (summary: String, log: String) {
        let (listener, port) = PlainSocket.listening()
        defer { close(listener) }
        let log = LogPath()
        let proxy = try await TestProxy.start(bootstrap: Self.bootstrap(port, versions.host, log, routeOptions: routeOptions))
        let proxyPort = proxy.port
        let (isTrue, summary) = await onThread { () -> (Bool, String) in
            guard let tunnel = Tunnel(proxyPort, listener, versions, protocolName: protocolName) else {
                return (false, "no tunnel")
            }
            // Both ends stay open until the proxy is done with the tunnel.
            let isTrue = use(tunnel)
            let isOver = tunnel.drive { !log.text.isEmpty }
            return (isTrue && isOver, tunnel.summary)
        }
        #expect(isTrue, "\(summary)")
        #expect(
            await eventually { (try? await proxy.statistics().contains("http.test.downstream_rq_active: 0")) ?? false })
        #expect(
            await eventually { (try? await proxy.statistics().contains("cluster.up.upstream_rq_active: 0")) ?? false })
        if versions.host == .http1 {
            #expect(
                await eventually {
                    (try? await proxy.statistics().contains("cluster.up.upstream_cx_active: 0")) ?? false
                })
        }
        await proxy.stop()
        return (summary, log.text)
    }

    @Test("a host that ends first ends the tunnel behind its last byte", arguments: Versions.all)
    func hostFirst(versions: Versions) async throws {
        let seen = try await tunnel(versions) { tunnel in
            tunnel.client.send(1000)
            tunnel.host.send(300_000)
            tunnel.drive { tunnel.host.received == 1000 }
            tunnel.host.finish()
            return tunnel.drive { tunnel.client.ending != .open }
        }
        #expect(seen.summary.hasPrefix("client \(versions.accepted) 300000 true ended, host 1000 true"), "\(seen)")
        #expect(seen.log == "GET 101 - via_upstream\n")
    }

    @Test("a client that ends first gets all that the host sends after that, and its end", arguments: Versions.all)
    func clientFirst(versions: Versions) async throws {
        let seen = try await tunnel(versions) { tunnel in
            tunnel.client.send(300_000)
            tunnel.client.finish()
            tunnel.drive { tunnel.host.ending != .open }
            tunnel.host.send(300_000)
            tunnel.host.finish()
            return tunnel.drive { tunnel.client.ending != .open }
        }
        #expect(seen.summary == "client \(versions.accepted) 300000 true ended, host 300000 true ended")
        #expect(seen.log == "GET 101 - via_upstream\n")
    }

    @Test("both directions wait for slow readers, and lose nothing", arguments: Versions.all)
    func bothPaused(versions: Versions) async throws {
        let size = 16 << 20
        let seen = try await tunnel(versions) { tunnel in
            for end in tunnel.ends {
                end.reads = false
                end.send(size)
            }
            TunnelEnd.driveUntilStuck(tunnel.ends)
            let waited = tunnel.client.sent < size && tunnel.host.sent < size
            for end in tunnel.ends { end.reads = true }
            TunnelEnd.drive(tunnel.ends, seconds: 60) { tunnel.client.received == size && tunnel.host.received == size }
            tunnel.client.finish()
            tunnel.drive { tunnel.host.ending != .open }
            tunnel.host.finish()
            return tunnel.drive { tunnel.client.ending != .open } && waited
        }
        #expect(seen.summary == "client \(versions.accepted) \(size) true ended, host \(size) true ended")
        #expect(seen.log == "GET 101 - via_upstream\n")
    }

    @Test("a client that does not read, ends its direction and then reads on gets all", arguments: Versions.all)
    func endsWhilePaused(versions: Versions) async throws {
        let size = 16 << 20
        let seen = try await tunnel(versions) { tunnel in
            tunnel.client.reads = false
            tunnel.host.send(size)
            TunnelEnd.driveUntilStuck(tunnel.ends)
            let waited = tunnel.host.sent < size
            tunnel.client.finish()
            tunnel.drive { tunnel.host.ending != .open }
            tunnel.client.reads = true
            TunnelEnd.drive(tunnel.ends, seconds: 60) { tunnel.client.received == size }
            tunnel.host.finish()
            return tunnel.drive { tunnel.client.ending != .open } && waited
        }
        #expect(seen.summary == "client \(versions.accepted) \(size) true ended, host 0 true ended")
        #expect(seen.log == "GET 101 - via_upstream\n")
    }

    @Test("a host that ends while the client does not read is read to its end", arguments: Versions.all)
    func hostEndsWhilePaused(versions: Versions) async throws {
        let size = 16 << 20
        let seen = try await tunnel(versions) { tunnel in
            tunnel.client.reads = false
            tunnel.host.send(size)
            tunnel.host.finish()
            TunnelEnd.driveUntilStuck(tunnel.ends)
            let waited = tunnel.host.sent < size
            tunnel.client.reads = true
            return TunnelEnd.drive(tunnel.ends, seconds: 60) { tunnel.client.ending != .open } && waited
        }
        #expect(seen.summary.hasPrefix("client \(versions.accepted) \(size) true ended, host 0 true"), "\(seen)")
        #expect(seen.log == "GET 101 - via_upstream\n")
    }

    @Test("a host that breaks the tunnel off breaks it off for the client", arguments: Versions.all)
    func hostReset(versions: Versions) async throws {
        let seen = try await tunnel(versions) { tunnel in
            tunnel.host.reset()
            return tunnel.drive { tunnel.client.ending != .open }
        }
        #expect(seen.summary.hasPrefix("client \(versions.accepted) 0 true reset"), "\(seen)")
        let end =
            versions.host == .http1
            ? "UC upstream_reset_after_response_started{connection_termination}"
            : "UR upstream_reset_after_response_started{remote_reset}"
        #expect(seen.log == "GET 101 \(end)\n")
    }

    @Test("a client that breaks the tunnel off breaks it off for the host", arguments: Versions.all)
    func clientReset(versions: Versions) async throws {
        let seen = try await tunnel(versions) { tunnel in
            tunnel.client.reset()
            return tunnel.drive { tunnel.host.ending != .open }
        }
        #expect(!seen.summary.hasSuffix("open"), "\(seen)")
        let end = versions.client == .http1 ? "DC downstream_remote_disconnect" : "DR via_upstream"
        #expect(seen.log == "GET 101 \(end)\n")
    }

    @Test("the idle timeout of the route ends a tunnel in which nothing moves", arguments: Versions.all)
    func idle(versions: Versions) async throws {
        let seen = try await tunnel(versions, routeOptions: ", idle_timeout: 4s") { tunnel in
            tunnel.host.send(1000)
            return tunnel.drive { tunnel.client.received == 1000 && tunnel.client.ending != .open }
        }
        #expect(seen.summary.hasPrefix("client \(versions.accepted) 1000 true"), "\(seen)")
        #expect(seen.log == "GET 101 SI stream_idle_timeout\n")
    }

    @Test("both heads name the protocol in the words of their HTTP", arguments: Versions.all)
    func heads(versions: Versions) async throws {
        _ = try await tunnel(versions) { tunnel in
            func value(_ end: TunnelEnd, _ name: String) -> String? {
                end.fields.first { $0.name == name }?.value.lowercased()
            }
            let isHTTP1 = versions.client == .http1
            let client =
                value(tunnel.client, "upgrade") == (isHTTP1 ? "websocket" : nil)
                && value(tunnel.client, "connection") == (isHTTP1 ? "upgrade" : nil)
            let host =
                versions.host == .http1
                ? tunnel.host.said == "GET" && value(tunnel.host, "upgrade") == "websocket"
                : tunnel.host.said == "CONNECT" && value(tunnel.host, ":protocol") == "websocket"
                    && value(tunnel.host, "upgrade") == nil
            tunnel.host.finish()
            return tunnel.drive { tunnel.client.ending != .open } && client && host
        }
    }

    @Test("a host that changes to a protocol that nobody asked for is refused", arguments: Version.allCases)
    func foreignProtocol(client: Version) async throws {
        let seen = try await tunnel(Versions(client: client, host: .http1), protocolName: "h2c") { tunnel in
            tunnel.host.send(10)
            return tunnel.drive { tunnel.client.ending != .open }
        }
        #expect(seen.summary.hasPrefix("client 502 "), "\(seen)")
        #expect(seen.log.hasPrefix("GET 502 UPE "), "\(seen)")
    }
}
