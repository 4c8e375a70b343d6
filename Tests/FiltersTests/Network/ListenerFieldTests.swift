import Testing

@Suite("Listener fields")
struct ListenerFieldTests {
    /// A listener that answers "hello" by itself.
    private static func bootstrap(_ fields: String, route: String = "direct_response: { status: 200, body: { inline_string: hello } }") -> String {
        """
        static_resources:
          listeners:
          - name: main
            stat_prefix: main
            address: { socket_address: { address: 127.0.0.1, port_value: 1 } }
            \(fields)
            filter_chains:
            - filters:
              - name: http
                typed_config:
                  "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
                  stat_prefix: test
                  route_config: { virtual_hosts: [{ name: all, domains: ["*"], routes: [{ match: { prefix: / }, \(route) }] }] }
                  http_filters: [{ name: router, typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router } }]
        """
    }

    private static func proxyProtocol(_ more: String = "", disabled: String = "") -> String {
        let predicate = disabled.isEmpty ? "" : ", filter_disabled: \(disabled)"
        return "listener_filters: [{ name: proxy, typed_config: { \"@type\": "
            + "type.googleapis.com/envoy.extensions.filters.listener.proxy_protocol.v3.ProxyProtocol\(more) }\(predicate) }]"
    }

    private static let plain = "GET / HTTP/1.1\r\nhost: test\r\n\r\n"

    @Test("a connection without a PROXY header ends, unless the filter allows that")
    func missingHeader() async throws {
        let strict = try await TestProxy.start(bootstrap: Self.bootstrap(Self.proxyProtocol()))
        #expect(await strict.ask(Self.plain) == nil)
        #expect(await strict.ask("PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n" + Self.plain)?.text == "hello")
        let lenient = try await TestProxy.start(
            bootstrap: Self.bootstrap(Self.proxyProtocol(", allow_requests_without_proxy_protocol: true")))
        #expect(await lenient.ask(Self.plain)?.text == "hello")
        // Byte by byte: as long as it may become a header, it is waited for.
        #expect(await lenient.ask(Array(Self.plain.utf8), pieces: 1)?.text == "hello")
        #expect(await lenient.ask(Array(("PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n" + Self.plain).utf8), pieces: 1)?.text == "hello")
        #expect(await lenient.ask("PROXY TCP5 nonsense\r\n" + Self.plain) == nil)
        await strict.stop()
        await lenient.stop()
    }

    @Test(
        "filter_disabled leaves the filter out of the connections that it matches",
        arguments: [
            ("{ any_match: true }", true), ("{ not_match: { any_match: true } }", false),
            ("{ destination_port_range: { start: 1, end: 65536 } }", true), ("{ destination_port_range: { start: 1, end: 2 } }", false),
            ("{ and_match: { rules: [{ any_match: true }, { destination_port_range: { start: 1, end: 2 } }] } }", false),
            ("{ or_match: { rules: [{ destination_port_range: { start: 1, end: 2 } }, { any_match: true }] } }", true),
        ])
    func disabled(predicate: String, isLeftOut: Bool) async throws {
        let proxy = try await TestProxy.start(bootstrap: Self.bootstrap(Self.proxyProtocol(disabled: predicate)))
        #expect((await proxy.ask(Self.plain)?.text == "hello") == isLeftOut)
        await proxy.stop()
    }

    @Test("max_connections_to_accept_per_socket_event bounds what one event accepts")
    func acceptBatch() async throws {
        let proxy = try await TestProxy.start(bootstrap: Self.bootstrap("max_connections_to_accept_per_socket_event: 2"))
        // While the loop is held, all of them wait in the kernel.
        let sockets = await proxy.holdingLoop { port in (0..<9).compactMap { _ in PlainSocket(connectingTo: port) } }
        #expect(sockets.count == 9)
        #expect(
            await eventually {
                (try? await proxy.statistics())?.contains("listener.main.downstream_cx_total: 9\n") == true
            })
        let statistics = try await proxy.statistics()
        let line = statistics.split(separator: "\n").first { $0.hasPrefix("listener.main.connections_accepted_per_socket_event: ") }
        #expect(line?.contains("P99(nan,2)") == true, "\(line ?? "")")
        for socket in sockets { socket.close() }
        await proxy.stop()
    }

    @Test("connections end with their next response while health checks fail, unless drain_type is MODIFY_ONLY")
    func failingHealth() async throws {
        for (fields, ends) in [("", true), ("drain_type: MODIFY_ONLY", false)] {
            let proxy = try await TestProxy.start(bootstrap: Self.bootstrap(fields))
            let open = try #require(await proxy.connect())
            #expect(await open.ask(Self.plain)?["connection"] == nil)
            await proxy.setHealth(fails: true)
            #expect(await open.ask(Self.plain)?["connection"] == (ends ? "close" : nil))
            let fresh = try #require(await proxy.connect())
            #expect(await fresh.ask(Self.plain)?["connection"] == (ends ? "close" : nil))
            await proxy.setHealth(fails: false)
            #expect(await proxy.get()?["connection"] == nil)
            await proxy.stop()
        }
    }

    @Test("the listener's access log has a line for each connection, whatever became of it")
    func accessLog() async throws {
        let file = LogPath()
        let log = """
            access_log: [{ name: file, typed_config: { "@type": type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog, \
            path: \(file.path), log_format: { text_format_source: { inline_string: "%ACCESS_LOG_TYPE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% %DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%\\n" } } } }]
            """
        let proxy = try await TestProxy.start(bootstrap: Self.bootstrap(log))
        let connection = try #require(await proxy.connect())
        #expect(await connection.ask("GET / HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n")?.text == "hello")
        #expect(await eventually { file.text == "TcpConnectionEnd - - 127.0.0.1\n" }, "\(file.text)")
        await proxy.stop()

        let other = LogPath()
        let chained = Self.bootstrap(log.replacing(file.path, with: other.path)).replacing(
            "- filters:", with: "- filter_chain_match: { destination_port: 1 }\n      filters:")
        let closed = try await TestProxy.start(bootstrap: chained)
        #expect(await closed.get() == nil)
        #expect(await eventually { other.text == "TcpConnectionEnd NR filter_chain_not_found 127.0.0.1\n" }, "\(other.text)")
        await closed.stop()
    }

    @Test("http1 counts fields with underscores that were left out, and requests that were refused for them")
    func underscores() async throws {
        for (action, expected) in [("DROP_HEADER", ("dropped_headers_with_underscores", 2)), ("REJECT_REQUEST", ("requests_rejected_with_underscores_in_headers", 1))] {
            let bootstrap = Self.bootstrap("").replacing(
                "stat_prefix: test", with: "stat_prefix: test\n          common_http_protocol_options: { headers_with_underscores_action: \(action) }")
            let proxy = try await TestProxy.start(bootstrap: bootstrap)
            let response = await proxy.get("/", "a_b: 1", "c_d: 2", "e-f: 3")
            #expect(response?.status == (action == "DROP_HEADER" ? 200 : 400))
            #expect(try await proxy.statistics().contains("http1.\(expected.0): \(expected.1)\n"))
            await proxy.stop()
        }
    }
}
