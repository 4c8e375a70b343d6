import Foundation
import Glibc
import TestKit
import Testing

/// What `Tests/Peers/redirected.py` needs of the machine.
private let canRedirect =
    getuid() == 0
    && ["/usr/bin/unshare", "/usr/sbin/nft", "/usr/bin/python3"].allSatisfy(FileManager.default.isExecutableFile(atPath:))

/// A proxy in a network namespace whose connections the kernel redirects to it, as beside a service in Istio.
@Suite("Redirected connections", .serialized, .enabled(if: canRedirect, "needs root, unshare, nft and python3"))
struct RedirectionTests {
    static let kinds = [ProxyProcess.Kind.heddle, .envoy].filter { $0.program != nil }

    @Test("connections go where they were made to, by the listener of that address", arguments: kinds)
    func redirected(kind: ProxyProcess.Kind) throws {
        let program = try #require(kind.program)
        let process = Process()
        let output = Pipe()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/unshare")
        process.arguments = [
            "--net", "/usr/bin/python3", ProxyProcess.root + "/Tests/Peers/redirected.py", program, "-c", "CONFIG", "-l", "warning",
            "--concurrency", "1",
        ]
        if kind == .envoy { process.arguments?.append("--disable-hot-restart") }
        process.standardOutput = output
        try process.run()
        let data = try output.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        let results = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
        var expected: [String: String] = [
            "a service of the mesh": "200 reviews from 127.0.0.1",
            "a host that nobody knows": "200 origin-2 from 10.9.0.2",
            "no HTTP at a port of HTTP": "origin-2:\u{1}\u{2}hello",
            "a port without a listener": "origin-3:hello",
            "not redirected": "closed",
            "inbound": "200 app from 127.0.0.6",
            "the header names the host": "200 overridden from 10.9.0.3",
            // Then the connection's own destination counts, with the other port.
            "the header is rubbish":
                "503 upstream connect error or disconnect/reset before headers. reset reason: remote connection failure",
            "rubbish is counted": "1",
        ]
        if kind == .heddle { expected["hosts that nobody wants go"] = "1" }
        for (name, value) in expected { #expect("\(results[name] ?? "nothing")" == value, "\(name)") }
        #expect(results.count == 10)
    }
}
