import Foundation
import ProxyModel
import Testing

@testable import Demo

@Suite("The plan of the demo and the files of the mesh")
struct ShopPlanTests {
    private static let mesh = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("samples/hipstershop/mesh").path

    /// Files of the mesh, by their path from there.
    static let files = (FileManager.default.enumerator(atPath: mesh)?.allObjects as? [String] ?? [])
        .filter { $0.hasSuffix(".yaml") }.sorted()

    private static func bytes(_ file: String) throws -> [UInt8] {
        [UInt8](try #require(FileManager.default.contents(atPath: "\(mesh)/\(file)")))
    }

    private static func bootstrap(_ file: String) throws -> Envoy_Config_Bootstrap_V3_Bootstrap {
        try ConfigDecoder.decodeBootstrap([try ConfigSource(bytes: bytes(file), file: file)]).bootstrap
    }

    private static func text(_ address: Envoy_Config_Core_V3_Address) -> String {
        "\(address.socketAddress.address):\(address.socketAddress.portValue)"
    }

    private func plan(_ mesh: ShopPlan.Mesh, network: String = ShopPlan.writtenNetwork, redis: String? = "redis") -> ShopPlan {
        ShopPlan(
            mesh: mesh, network: network, programs: ShopPlan.Programs(shop: "shop", proxy: "proxy", redis: redis),
            configurations: "mesh", concurrency: 1)
    }

    @Test("every file is a valid configuration without a warning", arguments: ShopPlanTests.files)
    func valid(file: String) throws {
        let decoded = try ConfigDecoder.decodeBootstrap([try ConfigSource(bytes: Self.bytes(file), file: file)])
        #expect(decoded.warnings.isEmpty)
    }

    @Test("every workload inside the mesh has a file, and every file a workload")
    func coverage() {
        let inside = ShopWorkload.all.filter { !$0.isOutside }.map(\.name) + [ShopPlan.edge]
        #expect(Set(Self.files.filter { !$0.contains("/") }) == Set(inside.map { "\($0).yaml" }))
    }

    @Test("an example replaces files that exist", arguments: ShopPlanTests.files.filter { $0.contains("/") })
    func replacing(file: String) {
        #expect(Self.files.contains(String(file.split(separator: "/")[1])))
    }

    @Test("each workload's sidecar listens where the plan says, and hands over to the service")
    func inbound() throws {
        for workload in ShopWorkload.all where !workload.isOutside {
            let resources = try Self.bootstrap("\(workload.name).yaml").staticResources
            let inbound = try #require(resources.listeners.first { $0.name == "inbound" })
            let processes = plan(.heddle).processes.filter { $0.workload == workload.name }
            let proxy = try #require(processes.first { $0.isProxy })
            let service = try #require(processes.first { !$0.isProxy })
            #expect(Self.text(inbound.address) == proxy.address)
            let cluster = try #require(resources.clusters.first { $0.name == "service" })
            #expect(cluster.loadAssignment.endpoints.flatMap(\.lbEndpoints).map { Self.text($0.endpoint.address) } == [service.address])
        }
    }

    @Test("every call leaves by the caller's sidecar and arrives at the callee's")
    func calls() throws {
        for workload in ShopWorkload.all {
            let service = try #require(plan(.heddle).processes.first { $0.workload == workload.name && !$0.isProxy })
            guard !workload.calls.isEmpty else { continue }
            let resources = try Self.bootstrap("\(workload.name).yaml").staticResources
            let listening = resources.listeners.flatMap { [$0.address] + $0.additionalAddresses.map(\.address) }.map(Self.text)
            for call in workload.calls {
                let target = try #require(ShopWorkload.all.first { $0.name == call.workload })
                let address = try #require(service.environment[call.variable])
                #expect(listening.contains { address.contains($0) }, "\(workload.name) calls \(target.name) at \(address)")
                let cluster = try #require(resources.clusters.first { $0.name == target.name })
                let endpoint = cluster.loadAssignment.endpoints.flatMap(\.lbEndpoints).map { Self.text($0.endpoint.address) }
                let place = target.isOutside ? 1 : 2
                #expect(endpoint == ["127.7.\(target.number).\(place):\(target.port)"])
            }
        }
    }

    @Test("no two processes listen at the same address", arguments: ShopPlan.Mesh.allCases)
    func distinct(mesh: ShopPlan.Mesh) {
        let addresses = plan(mesh).processes.map(\.address)
        #expect(Set(addresses).count == addresses.count)
    }

    @Test("without a mesh services call each other")
    func bare() throws {
        let checkout = try #require(plan(.bare, network: "127.9").processes.first { $0.workload == "checkout" })
        #expect(checkout.environment["EMAIL_SERVICE_ADDR"] == "127.9.10.1:8080")
        #expect(!plan(.bare).processes.contains { $0.isProxy })
        #expect(plan(.bare).door == ("127.7.1.1", 8080))
    }

    @Test("a variable of one workload is set for its service alone")
    func settings() throws {
        let plan = ShopPlan(
            mesh: .heddle, network: "127.7", programs: ShopPlan.Programs(shop: "shop", proxy: "proxy", redis: nil), configurations: "mesh",
            concurrency: 1, settings: ["ad": ["ERROR_RATE": "5%", "PORT": "1"]])
        let having = plan.processes.filter { $0.environment["ERROR_RATE"] != nil }
        #expect(having.map(\.name) == ["ad"])
        #expect(having.first?.environment["PORT"] == "1")
        #expect(having.first?.environment["LISTEN_ADDR"] == "127.7.13.1")
    }

    @Test("every process is asked whether it is ready, in its own way")
    func health() {
        for process in plan(.heddle).processes {
            let wanted: HealthProbe.Question =
                if process.isProxy {
                    .http(path: "/ready")
                } else if process.workload.hasPrefix("frontend") {
                    .http(path: "/_healthz")
                } else if ["redis", "centralbank"].contains(process.workload) {
                    .tcp
                } else {
                    .grpc
                }
            #expect(process.health.question == wanted, "\(process.name)")
            if !process.isProxy { #expect("\(process.health.host):\(process.health.port)" == process.address) }
        }
    }

    @Test("an answer with an error will do where services fail on purpose")
    func failing() {
        #expect(!plan(.heddle).failsOnPurpose)
        let broken = ShopPlan(
            mesh: .heddle, network: "127.7", programs: ShopPlan.Programs(shop: "", proxy: "", redis: nil), configurations: "", concurrency: 1,
            settings: ["ad": ["ERROR_RATE": "5%"]])
        #expect(broken.failsOnPurpose)
    }

    @Test("without Redis nobody is told of it")
    func withoutRedis() {
        let processes = plan(.heddle, redis: nil).processes
        #expect(!processes.contains { $0.workload == "redis" })
        #expect(processes.allSatisfy { $0.environment["REDIS_ADDR"] == nil })
    }

    @Test("the table of what runs where fits into 80 columns", arguments: ShopPlan.Mesh.allCases)
    func table(mesh: ShopPlan.Mesh) {
        let rows = DemoScreen.rows(plan(mesh, network: "127.255"))
        #expect(rows.count == ShopWorkload.all.count + (mesh == .bare ? 1 : 2))
        for row in rows {
            #expect(row.place.hasSuffix(" ") && row.place.count == 56, "\(row.place)")
            #expect(row.place.count + row.duty.count <= 80, "\(row.place + row.duty)")
        }
    }

    @Test("the variables that may be set are those that the services read")
    func variables() throws {
        let sources = URL(fileURLWithPath: Self.mesh).deletingLastPathComponent().appendingPathComponent("Sources").path
        let files = (FileManager.default.enumerator(atPath: sources)?.allObjects as? [String] ?? [])
            .filter { $0.hasSuffix(".swift") && !$0.hasPrefix("Generated/") && !$0.hasPrefix("LoadGenerator/") }
        var read: Set<String> = []
        for file in files {
            let text = try String(contentsOfFile: "\(sources)/\(file)", encoding: .utf8)
            let reading = #/(?:ettings\[|number\(|duration\(|share\(|address\(|client\()"([A-Z_]+)"/#
            read.formUnion(text.matches(of: reading).map { String($0.output.1) })
        }
        #expect(read == Set(ShopWorkload.all.filter { $0.subcommand != nil }.flatMap(\.variables)))
        #expect(ShopWorkload.refusal(of: "BANNER_COLOR", for: "frontend-v2") == nil)
        let refusal = ShopWorkload.refusal(of: "BANNER_COLOR", for: "ad")
        #expect(refusal?.hasPrefix("ad does not read BANNER_COLOR, but: ERROR_RATE,") == true)
        #expect(ShopWorkload.refusal(of: "PORT", for: "redis")?.hasPrefix("no workload called redis") == true)
    }
}
