import GRPCCore
import SwiftProtobuf
import Synchronization

/// `grpc.health.v1.Health`: whether the process can serve.
final class HealthService: Grpc_Health_V1_Health.SimpleServiceProtocol {
    /// How often a watcher's state is looked at.
    private static let watchInterval = Duration.milliseconds(200)

    private let names: Set<String>
    private let isServing: @Sendable () -> Bool

    /// - Parameters:
    ///   - names: the services that can be asked for, besides the whole server.
    ///   - isServing: the state at the time of the call.
    init(names: [String], isServing: @escaping @Sendable () -> Bool) {
        self.names = Set(names + [""])
        self.isServing = isServing
    }

    private func state(of name: String) -> Grpc_Health_V1_HealthCheckResponse.ServingStatus? {
        guard names.contains(name) else { return nil }
        return isServing() ? .serving : .notServing
    }

    func check(request: Grpc_Health_V1_HealthCheckRequest, context: ServerContext) async throws
        -> Grpc_Health_V1_HealthCheckResponse
    {
        guard let state = state(of: request.service) else { throw RPCError(code: .notFound, message: "unknown service") }
        return .with { $0.status = state }
    }

    func watch(
        request: Grpc_Health_V1_HealthCheckRequest, response: RPCWriter<Grpc_Health_V1_HealthCheckResponse>,
        context: ServerContext
    ) async throws {
        var last: Grpc_Health_V1_HealthCheckResponse.ServingStatus?
        while !context.cancellation.isCancelled {
            let now = state(of: request.service) ?? .serviceUnknown
            if now != last { try await response.write(.with { $0.status = now }) }
            last = now
            // Rule zero: a sample's watcher may look now and then.
            try await Task.sleep(for: Self.watchInterval)
        }
    }
}
