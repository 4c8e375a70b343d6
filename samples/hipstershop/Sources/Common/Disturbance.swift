import GRPCCore

/// What makes a service slow or faulty on purpose, so that timeouts, retries and breakers have something to do.
struct Disturbance: Sendable {
    /// `EXTRA_LATENCY`: how long each call waits.
    let latency: Duration?
    /// `ERROR_RATE`: the share of calls that fail.
    let errorShare: Double

    init(settings: Settings) throws(Settings.Failure) {
        latency = try settings.duration("EXTRA_LATENCY")
        errorShare = try settings.share("ERROR_RATE")
    }

    /// Waits as configured, and says whether this call is one of those that fail.
    func apply() async throws -> Bool {
        if let latency {
            // Rule zero: waiting is what this is for.
            try await Task.sleep(for: latency)
        }
        return errorShare > 0 && Chance.share() < errorShare
    }
}

/// Disturbs every call but the health checks, which tell about the process and not about the calls.
struct DisturbingInterceptor: ServerInterceptor {
    let disturbance: Disturbance

    func intercept<Input: Sendable, Output: Sendable>(
        request: StreamingServerRequest<Input>, context: ServerContext,
        next: @Sendable (StreamingServerRequest<Input>, ServerContext) async throws -> StreamingServerResponse<Output>
    ) async throws -> StreamingServerResponse<Output> {
        if context.descriptor.service != Grpc_Health_V1_Health.descriptor, try await disturbance.apply() {
            throw RPCError(code: .unavailable, message: "an error on purpose (ERROR_RATE)")
        }
        return try await next(request, context)
    }
}
