import Foundation
import Glibc
import TestKit
import Testing

/// What `Tests/Peers/istio_sidecar.py` needs of the machine.
private let canRedirect =
    getuid() == 0 && ControlPlanePeer.interpreter != nil
    && ["/usr/bin/unshare", "/usr/sbin/nft", "/usr/bin/openssl"].allSatisfy(FileManager.default.isExecutableFile(atPath:))

/// A sidecar with the bootstrap that Istio's agent writes, under a control plane that sends what Istio's sends.
@Suite("An Istio sidecar", .serialized, .enabled(if: canRedirect, "needs root, unshare, nft, openssl and a Python with grpcio"))
struct IstioTests {
    static let kinds = [ProxyProcess.Kind.heddle, .envoy].filter { $0.program != nil }

    @Test("loads, routes, and speaks mutual TLS in both directions", arguments: kinds)
    func sidecar(kind: ProxyProcess.Kind) throws {
        let program = try #require(kind.program)
        let python = try #require(ControlPlanePeer.interpreter)
        let process = Process()
        let output = Pipe()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/unshare")
        // Envoy is not Istio's build of it and runs without the filters that only that has.
        process.arguments =
            ["--net", python, ProxyProcess.root + "/Tests/Peers/istio_sidecar.py"] + (kind == .envoy ? ["--plain"] : []) + [
                program, "-c", "CONFIG", "--drain-time-s", "45", "--drain-strategy", "immediate", "--local-address-ip-version", "v4",
                "--file-flush-interval-msec", "1000", "--disable-hot-restart", "--allow-unknown-static-fields", "-l", "warning",
                "--skip-deprecated-logs", "--component-log-level", "misc:error", "--concurrency", "2",
            ]
        process.standardOutput = output
        try process.run()
        let data = try output.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        let results = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
        func result(_ name: String) -> String { results[name] as? String ?? "nothing" }
        let mesh = "spiffe://cluster.local/ns/default/sa/"
        #expect(result("outbound to a service of the mesh") == "200 ratings for \(mesh)reviews over istio")
        #expect(result("outbound to a host that nobody knows") == "200 elsewhere from 10.9.0.2")
        #expect(result("inbound without TLS") == "200 reviews for 127.0.0.6 without a certificate")
        let inbound = result("inbound with mutual TLS").split(separator: ";").map(String.init)
        #expect(inbound.count == 4)
        #expect(inbound.first == "200 reviews for 127.0.0.6 By=\(mesh)reviews")
        #expect(inbound.dropFirst().first?.hasPrefix("Hash=") == true)
        #expect(inbound.suffix(2) == ["Subject=\"O=cluster.local\"", "URI=\(mesh)ratings"])
        #expect(result("inbound from another trust domain") == "refused")
        // Neither side was sent the header of an exchange that nobody takes off.
        #expect(result("outbound bytes to a service of the mesh") == "ratings over istio:hello")
        #expect(result("inbound bytes with mutual TLS") == "reviews:hello")
        #expect(result("the page of metrics") == "200 of metrics")
        #expect(result("the page of health") == "200")
        #expect((results["refused resources"] as? [String])?.isEmpty == true)
        #expect(results["updates refused"] as? [Int] == [0, 0])
    }
}
