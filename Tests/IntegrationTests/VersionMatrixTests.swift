import Foundation
import TestKit
import Testing

/// curl as the client: it speaks each version of HTTP, over plaintext and TLS.
private let curl = "/usr/bin/curl"

/// Two listeners of a proxy that send requests to two others of its, each over plaintext and TLS, and from there to a host.
/// Each hop says in a header field what was spoken to it.
@Suite(
    "Versions of HTTP", .serialized,
    .enabled(if: ProxyProcess.Kind.heddle.program != nil && FileManager.default.isExecutableFile(atPath: curl), "needs heddle-proxy and curl"))
struct VersionMatrixTests {
    private static let certificate = TestCertificate(commonName: "versions.test")
    private static let body = String(repeating: "What goes in comes out. ", count: 8000)

    private static func quoted(_ text: String) -> String { "\"\(text.replacingOccurrences(of: "\n", with: "\\n"))\"" }

    private static func listener(_ name: String, _ port: UInt16, isSecure: Bool, route: String) -> String {
        let socket =
            !isSecure
            ? ""
            : """

                      transport_socket: {name: tls, typed_config: {"@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext,
                          common_tls_context: {alpn_protocols: [h2, http/1.1], tls_certificates: [{certificate_chain: {inline_string: \(quoted(certificate.certificate))}, private_key: {inline_string: \(quoted(certificate.key))}}]}}}
                """
        return """
              - name: \(name)-\(isSecure ? "tls" : "plain")
                address: {socket_address: {address: \(Loopback.address), port_value: \(port)}}
                filter_chains:
                - filters:
                  - name: hcm
                    typed_config:
                      "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
                      stat_prefix: \(name)
                      http_protocol_options: {accept_http_10: true}
                      route_config:
                        response_headers_to_add: [{header: {key: x-\(name), value: "%PROTOCOL% %DOWNSTREAM_TLS_VERSION%"}}]
                        virtual_hosts: [{name: all, domains: ["*"], routes: [{match: {prefix: /}, route: {\(route)}}]}]
                      http_filters: [{name: router, typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}}]\(socket)

            """
    }

    private static func cluster(_ name: String, _ port: UInt16, version: Int, isSecure: Bool) -> String {
        let socket =
            !isSecure
            ? ""
            : """

                    transport_socket: {name: tls, typed_config: {"@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext, sni: versions.test,
                        common_tls_context: {alpn_protocols: [\(version == 2 ? "h2" : "http/1.1")], validation_context: {trusted_ca: {inline_string: \(quoted(certificate.certificate))}}}}}
                """
        return """
              - name: \(name)
                connect_timeout: 5s
                typed_extension_protocol_options:
                  envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
                    "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
                    explicit_http_config: {\(version == 2 ? "http2_protocol_options" : "http_protocol_options"): {}}
                load_assignment: {cluster_name: \(name), endpoints: [{lb_endpoints: [{endpoint: {address: {socket_address: {address: \(Loopback.address), port_value: \(port)}}}}]}]}\(socket)

            """
    }

    /// What curl was answered: the head and the body.
    private static func ask(_ arguments: [String], file: String) throws -> String {
        let process = Process()
        let output = Pipe()
        process.executableURL = URL(fileURLWithPath: curl)
        process.arguments = ["--silent", "--show-error", "--insecure", "--max-time", "20", "--include", "--data-binary", "@" + file] + arguments
        process.standardOutput = output
        try process.run()
        let data = try output.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        #expect(process.terminationStatus == 0, "\(arguments)")
        // Without TLS the value ends with a space, which HTTP/2 has no place for.
        return String(decoding: data, as: UTF8.self).replacingOccurrences(of: " \r\n", with: "\r\n")
    }

    @Test("1.0, 1.1 and 2 come in, 1.1 and 2 go out, over plaintext and TLS on both sides, in every combination")
    func matrix() throws {
        let upstream = RecordingUpstream { request in .reply(200, body: String(decoding: request.body, as: UTF8.self)) }
        let ports = (0..<4).map { _ in Loopback.freePort() }
        var config = "static_resources:\n  listeners:\n"
        for (index, isSecure) in [false, true].enumerated() {
            config += Self.listener("front", ports[index], isSecure: isSecure, route: "cluster_header: x-to")
            config += Self.listener("back", ports[2 + index], isSecure: isSecure, route: "cluster: host")
        }
        config += "  clusters:\n" + Self.cluster("host", upstream.port, version: 1, isSecure: false)
        for version in [1, 2] {
            for (index, isSecure) in [false, true].enumerated() {
                config += Self.cluster("back-\(version)-\(isSecure)", ports[2 + index], version: version, isSecure: isSecure)
            }
        }
        let proxy = try ProxyProcess(.heddle, config: config, ports: ports)
        defer { proxy.stop() }
        let file = NSTemporaryDirectory() + "heddle-versions-\(getpid())"
        try Self.body.write(toFile: file, atomically: true, encoding: .utf8)
        defer { unlink(file) }
        for (flag, name) in [("--http1.0", "HTTP/1.0"), ("--http1.1", "HTTP/1.1"), ("--http2", "HTTP/2")] {
            for (index, isSecure) in [false, true].enumerated() {
                let client = flag == "--http2" && !isSecure ? "--http2-prior-knowledge" : flag
                for version in [1, 2] {
                    for isSecureBehind in [false, true] {
                        let answer = try Self.ask(
                            [client, "--header", "x-to: back-\(version)-\(isSecureBehind)", "http\(isSecure ? "s" : "")://\(Loopback.address):\(ports[index])/"],
                            file: file)
                        let way = "\(name) \(isSecure) to \(version) \(isSecureBehind)"
                        #expect(answer.contains("x-front: \(name)\(isSecure ? " TLSv1.3" : "")\r\n"), "\(way)")
                        #expect(
                            answer.contains("x-back: HTTP/\(version == 2 ? "2" : "1.1")\(isSecureBehind ? " TLSv1.3" : "")\r\n"), "\(way)")
                        #expect(answer.hasSuffix("\r\n\r\n" + Self.body), "\(way)")
                    }
                }
            }
        }
    }
}
