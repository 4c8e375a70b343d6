/// What the demo runs: for each process its program, arguments and environment, and where it can be asked for its health.
///
/// Made of the table of workloads alone, so that a test can hold it against the files of the mesh.
package struct ShopPlan: Sendable {
    /// What stands between the services.
    package enum Mesh: String, Sendable, CaseIterable {
        /// Nothing: services call each other.
        case bare
        /// `heddle-proxy`
        case heddle
        /// Envoy, in the same places with the same files.
        case envoy
    }

    /// Programs, by their paths.
    package struct Programs: Sendable {
        package var shop: String
        package var proxy: String
        package var redis: String?

        package init(shop: String, proxy: String, redis: String?) {
            self.shop = shop
            self.proxy = proxy
            self.redis = redis
        }
    }

    /// One process.
    package struct Process: Sendable {
        /// For people, and the name of its log.
        package let name: String
        /// The name of its workload.
        package let workload: String
        package let isProxy: Bool
        package let program: String
        package let arguments: [String]
        package let environment: [String: String]
        /// Where it listens, for people.
        package let address: String
        /// How to ask it whether it is ready.
        package let health: HealthProbe
    }

    /// The network in the files of the mesh.
    package static let writtenNetwork = "127.7"
    /// The workload at the edge.
    package static let edge = "edge"
    private static let adminPort = 15_000
    private static let edgePort = 8080

    /// What stands between the services, the first two numbers of all addresses, and what is to run.
    package let mesh: Mesh
    package let network: String
    package let processes: [Process]
    /// Where people reach the shop, and the page that is asked for.
    package let door: (host: String, port: Int)
    package let page: String
    /// What the page is for people.
    package let pageName: String
    /// Whether services fail on purpose, so that the page may fail as well.
    package let failsOnPurpose: Bool

    /// The shop.
    ///
    /// - Parameters:
    ///   - configurations: the folder with a configuration for each proxy.
    ///   - concurrency: workers of each proxy.
    ///   - settings: further variables of the services of workloads, by the workloads' names.
    ///   - failsOnPurpose: whether all services are told to fail now and then.
    package init(
        mesh: Mesh, network: String, programs: Programs, configurations: String, concurrency: Int,
        settings: [String: [String: String]] = [:], failsOnPurpose: Bool = false
    ) {
        self.mesh = mesh
        self.network = network
        var processes: [Process] = []
        let workloads = ShopWorkload.all.filter { !$0.isRedis || programs.redis != nil }
        for workload in workloads {
            processes.append(
                Self.service(
                    workload, among: workloads, mesh: mesh, network: network, programs: programs, settings: settings[workload.name] ?? [:]))
            guard mesh != .bare, !workload.isOutside else { continue }
            processes.append(
                Self.proxy(
                    workload.name, number: workload.number, mesh: mesh, network: network, programs: programs,
                    configurations: configurations, concurrency: concurrency,
                    listensAt: "\(network).\(workload.number).2:\(workload.port)"))
        }
        if mesh != .bare {
            processes.append(
                Self.proxy(
                    Self.edge, number: 0, mesh: mesh, network: network, programs: programs, configurations: configurations,
                    concurrency: concurrency, listensAt: "\(network).0.1:\(Self.edgePort)"))
        }
        self.processes = processes
        door = mesh == .bare ? ("\(network).1.1", 8080) : ("\(network).0.1", Self.edgePort)
        page = "/"
        pageName = "the front page"
        self.failsOnPurpose = failsOnPurpose || settings.values.contains { $0["ERROR_RATE"] != nil }
    }

    /// A service that runs already, behind its caller's proxy and its own.
    package init(of service: OwnService, mesh: Mesh, network: String, programs: Programs, configurations: String, concurrency: Int) {
        self.mesh = mesh
        self.network = network
        page = service.path
        pageName = "http://\(service.authority)\(service.path)"
        failsOnPurpose = false
        guard mesh != .bare else {
            door = (service.host, service.port)
            processes = []
            return
        }
        door = ("\(network).1.102", Self.edgePort)
        let places = [("caller", "1.102"), ("service", "2.2")]
        processes = places.enumerated().map { index, place in
            Self.proxy(
                place.0, number: index + 1, mesh: mesh, network: network, programs: programs, configurations: configurations,
                concurrency: concurrency, listensAt: "\(network).\(place.1):\(Self.edgePort)")
        }
    }

    private static func service(
        _ workload: ShopWorkload, among workloads: [ShopWorkload], mesh: Mesh, network: String, programs: Programs,
        settings: [String: String]
    ) -> Process {
        let host = "\(network).\(workload.number).1"
        if workload.isRedis {
            return Process(
                name: workload.name, workload: workload.name, isProxy: false, program: programs.redis ?? "redis-server",
                arguments: [
                    "--bind", host, "--port", "\(workload.port)", "--save", "", "--appendonly", "no", "--daemonize", "no",
                ], environment: [:], address: "\(host):\(workload.port)",
                health: HealthProbe(host: host, port: workload.port, question: .tcp))
        }
        var environment = workload.environment
        environment["LISTEN_ADDR"] = host
        environment["PORT"] = "\(workload.port)"
        for call in workload.calls {
            guard let target = workloads.first(where: { $0.name == call.workload }) else { continue }
            let address = Self.address(of: target, for: workload, mesh: mesh, network: network)
            environment[call.variable] = target.isOutside ? "http://\(address)\(ShopWorkload.bankPath)" : address
        }
        environment.merge(settings) { _, new in new }
        let question: HealthProbe.Question =
            workload.subcommand == "frontend" ? .http(path: "/_healthz") : workload.isOutside ? .tcp : .grpc
        return Process(
            name: workload.name, workload: workload.name, isProxy: false, program: programs.shop,
            arguments: [workload.subcommand ?? workload.name], environment: environment, address: "\(host):\(workload.port)",
            health: HealthProbe(host: host, port: workload.port, question: question))
    }

    /// The address that `caller` calls `target` by: the target's own where there is no mesh, else one of the caller's
    /// sidecar, which has one for each workload.
    private static func address(of target: ShopWorkload, for caller: ShopWorkload, mesh: Mesh, network: String) -> String {
        mesh == .bare
            ? "\(network).\(target.number).1:\(target.port)"
            : "\(network).\(caller.number).\(100 + target.number):\(target.servicePort)"
    }

    private static func proxy(
        _ workload: String, number: Int, mesh: Mesh, network: String, programs: Programs, configurations: String,
        concurrency: Int, listensAt address: String
    ) -> Process {
        var arguments = ["-c", "\(configurations)/\(workload).yaml", "--concurrency", "\(concurrency)", "-l", "warning"]
        if mesh == .envoy { arguments.append("--disable-hot-restart") }
        return Process(
            name: workload + "-proxy", workload: workload, isProxy: true, program: programs.proxy, arguments: arguments,
            environment: [:], address: address,
            health: HealthProbe(host: "\(network).\(number).\(number == 0 ? 1 : 2)", port: adminPort, question: .http(path: "/ready")))
    }
}
