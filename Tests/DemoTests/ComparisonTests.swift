import Foundation
import ProxyModel
import Testing

@testable import Demo

@Suite("The comparison of meshes")
struct ComparisonTests {
    private func turn(_ p50: Double, _ p99: Double, requests: Int = 10, failures: Int = 0) -> LoadLine {
        LoadLine(
            kind: "report", seconds: 1, requests: requests, failures: failures, rps: 0, p50_ms: p50, p90_ms: 0, p99_ms: p99, pages: nil,
            reasons: nil)
    }

    private func report(_ heddle: [LoadLine], bare: [LoadLine], envoy: [LoadLine]) -> ComparisonReport {
        ComparisonReport(
            page: "a page", users: 1, seconds: 2, turns: [(.bare, bare, 0, 0), (.heddle, heddle, 2, 10), (.envoy, envoy, 2, 40)])
    }

    @Test("what a mesh adds is the median of what it added in each round, so that a slow round spoils nothing")
    func added() {
        let bare = [turn(10, 20), turn(30, 60), turn(10, 20)]
        let report = report([turn(12, 23), turn(32, 63), turn(12, 23)], bare: bare, envoy: [turn(18, 32), turn(14, 99), turn(18, 32)])
        #expect(report.rows.map(\.added_p50_ms) == [0, 2, 8])
        #expect(report.rows.map(\.added_p99_ms) == [0, 3, 12])
        #expect(report.text.contains("Heddle adds: p50 0.25, p99 0.25, memory 0.25"))
        #expect(report.rounds == 3)
    }

    @Test("a page that failed and a mesh without pages make it unsound")
    func soundness() {
        let good = [turn(1, 1)]
        #expect(report(good, bare: good, envoy: good).isSound)
        #expect(!report(good, bare: good, envoy: [turn(1, 1, failures: 1)]).isSound)
        #expect(!report([turn(0, 0, requests: 0)], bare: good, envoy: good).isSound)
    }

    @Test("the gate is half of what Envoy adds, and that Envoy adds something")
    func gate() {
        let bare = [turn(10, 20)]
        #expect(report([turn(12, 99)], bare: bare, envoy: [turn(14, 20)]).isWithinGate)
        #expect(!report([turn(12.1, 20)], bare: bare, envoy: [turn(14, 20)]).isWithinGate)
        #expect(!report([turn(9, 20)], bare: bare, envoy: [turn(10, 20)]).isWithinGate)
    }

    @Test("of an even number the lower middle counts, of none nothing")
    func median() {
        #expect(ComparisonReport.median([4, 1, 3, 2]) == 2)
        #expect(ComparisonReport.median([]) == 0)
    }

    @Test(
        "a service is named by its URL",
        arguments: [
            ("http://127.0.0.1:8080/a/b?c", "127.0.0.1", 8080, "/a/b?c"), ("http://127.0.0.1", "127.0.0.1", 80, "/"),
            ("http://localhost:9000/", "127.0.0.1", 9000, "/"),
        ])
    func service(url: String, host: String, port: Int, path: String) throws {
        let service = try #require(OwnService(url: url))
        #expect(service.host == host && service.port == port && service.path == path)
        #expect("http://\(service.authority)" == url.prefix(7 + service.authority.count))
    }

    @Test(
        "what is no such URL is none",
        arguments: ["127.0.0.1:80", "https://127.0.0.1/", "http:///", "http://127.0.0.1:0/", "http://127.0.0.1:x/", "http://:80/", "http://1:2:3/"])
    func noService(url: String) { #expect(OwnService(url: url) == nil) }

    @Test("the proxies of a service of one's own have the addresses that their files say, and hand over to the service")
    func ownService() throws {
        let service = try #require(OwnService(url: "http://127.7.2.9:81/x"))
        let source = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appendingPathComponent("samples/compare").path
        let folder = RunFolder(source: source, network: "127.213", service: service)
        defer { try? FileManager.default.removeItem(atPath: folder.path) }
        try folder.prepare()
        let plan = ShopPlan(
            of: service, mesh: .heddle, network: "127.213", programs: ShopPlan.Programs(shop: "", proxy: "proxy", redis: nil),
            configurations: folder.configurations, concurrency: 1)
        var endpoints: [String] = []
        for process in plan.processes {
            let file = try #require(process.arguments.first { $0.hasSuffix(".yaml") })
            let bytes = [UInt8](try #require(FileManager.default.contents(atPath: file)))
            let decoded = try ConfigDecoder.decodeBootstrap([try ConfigSource(bytes: bytes, file: file)])
            #expect(decoded.warnings.isEmpty)
            let resources = decoded.bootstrap.staticResources
            let address = try #require(resources.listeners.first).address.socketAddress
            #expect("\(address.address):\(address.portValue)" == process.address)
            let admin = decoded.bootstrap.admin.address.socketAddress
            #expect(admin.address == process.health.host)
            let endpoint = try #require(resources.clusters.first?.loadAssignment.endpoints.first?.lbEndpoints.first)
            endpoints.append("\(endpoint.endpoint.address.socketAddress.address):\(endpoint.endpoint.address.socketAddress.portValue)")
        }
        #expect(plan.door == ("127.213.1.102", 8080))
        #expect(endpoints == ["127.213.2.2:8080", "127.7.2.9:81"])
    }
}
