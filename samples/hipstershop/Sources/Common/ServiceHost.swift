import GRPCCore
import GRPCNIOTransportHTTP2Posix
import Logging
import ServiceLifecycle
import UnixSignals

/// Runs one gRPC service with all that it has in common with the others: address, health, trace headers, disturbance,
/// an end that waits for what is under way.
struct ServiceHost {
    let name: String
    let settings: Settings
    let log: ServiceLog
    private(set) var clients: [ServiceClient] = []
    private(set) var background: [any Service] = []

    init(_ name: String) {
        self.name = name
        settings = Settings()
        log = ServiceLog(service: name)
    }

    /// A client of another service, which runs as long as this one.
    mutating func client(_ variable: String) throws -> GRPCClient<NeighbourTransport> {
        let client = try ServiceClient(address: settings.address(variable))
        clients.append(client)
        return client.client
    }

    /// Something that runs as long as the service.
    mutating func runBeside(_ service: any Service) { background.append(service) }

    /// Serves until the process is told to end.
    func serve(
        port standard: Int, isServing: @escaping @Sendable () -> Bool = { true }, _ services: [any RegistrableRPCService]
    ) async throws {
        let host = settings["LISTEN_ADDR"] ?? "0.0.0.0"
        let port = try settings.number("PORT", default: standard, in: 1...65_535)
        var interceptors: [any ServerInterceptor] = [
            TraceReceivingInterceptor(), DisturbingInterceptor(disturbance: try Disturbance(settings: settings)),
        ]
        if let version = settings["SERVICE_VERSION"] { interceptors.append(VersionInterceptor(version: version)) }
        let server = GRPCServer(
            transport: .http2NIOPosix(address: .ipv4(host: host, port: port), transportSecurity: .plaintext),
            services: services + [HealthService(names: ["hipstershop.\(name)"], isServing: isServing)],
            interceptors: interceptors)
        log.write("serving", ["address": "\(host):\(port)"])
        try await Self.run(clients as [any Service] + background + [ServedServer(server: server)], log: log)
        log.write("ended")
    }

    /// Runs services until SIGTERM or SIGINT; the last of them stops first.
    static func run(_ services: [any Service], log: ServiceLog) async throws {
        var quiet = Logger(label: log.service)
        quiet.logLevel = .error
        let group = ServiceGroup(
            configuration: ServiceGroupConfiguration(
                services: services.map { .init(service: $0, successTerminationBehavior: .gracefullyShutdownGroup) },
                gracefulShutdownSignals: [.sigterm, .sigint], logger: quiet))
        try await group.run()
    }
}

/// A server as a part of the process.
private struct ServedServer: Service {
    let server: GRPCServer<HTTP2ServerTransport.Posix>

    func run() async throws {
        try await withGracefulShutdownHandler {
            try await server.serve()
        } onGracefulShutdown: {
            server.beginGracefulShutdown()
        }
    }
}

/// A client as a part of the process.
struct ServiceClient: Service {
    let client: GRPCClient<NeighbourTransport>

    init(address: Address) throws {
        let isNumeric = address.host.allSatisfy { $0.isNumber || $0 == "." }
        let target: any ResolvableTarget =
            isNumeric ? .ipv4(address: address.host, port: address.port) : .dns(host: address.host, port: address.port)
        // Who lost its neighbour finds it again soon: the neighbour is a proxy on the same machine.
        let config = HTTP2ClientTransport.Posix.Config.defaults { config in
            config.http2.authority = "\(address.host):\(address.port)"
            config.backoff = .init(initial: .milliseconds(50), max: .seconds(1), multiplier: 1.6, jitter: 0.2)
        }
        client = GRPCClient(
            transport: NeighbourTransport(try .init(target: target, transportSecurity: .plaintext, config: config)),
            interceptors: [TraceSendingInterceptor()])
    }

    func run() async throws {
        try await withGracefulShutdownHandler {
            try await client.runConnections()
        } onGracefulShutdown: {
            client.beginGracefulShutdown()
        }
    }
}

/// Says in every answer which version of the service gave it.
private struct VersionInterceptor: ServerInterceptor {
    let version: String

    func intercept<Input: Sendable, Output: Sendable>(
        request: StreamingServerRequest<Input>, context: ServerContext,
        next: @Sendable (StreamingServerRequest<Input>, ServerContext) async throws -> StreamingServerResponse<Output>
    ) async throws -> StreamingServerResponse<Output> {
        var response = try await next(request, context)
        response.metadata.addString(version, forKey: "x-service-version")
        return response
    }
}
