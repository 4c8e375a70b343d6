import GRPCCore

/// The headers that tie a call to the request that caused it. A mesh cannot know which call of a service belongs to which
/// request, so each service that calls others passes them on.
struct TraceContext: Sendable {
    /// Those of W3C, and the baggage of OpenTelemetry.
    static let names = ["traceparent", "tracestate", "baggage"]

    /// Of the request that the current task serves.
    @TaskLocal static var current = TraceContext()

    var fields: [(name: String, value: String)] = []
}

/// Keeps the context of a call while it is served.
struct TraceReceivingInterceptor: ServerInterceptor {
    func intercept<Input: Sendable, Output: Sendable>(
        request: StreamingServerRequest<Input>, context: ServerContext,
        next: @Sendable (StreamingServerRequest<Input>, ServerContext) async throws -> StreamingServerResponse<Output>
    ) async throws -> StreamingServerResponse<Output> {
        var trace = TraceContext()
        for name in TraceContext.names {
            for value in request.metadata[stringValues: name] { trace.fields.append((name, value)) }
        }
        return try await TraceContext.$current.withValue(trace) { try await next(request, context) }
    }
}

/// Gives the context to the calls that are made meanwhile.
struct TraceSendingInterceptor: ClientInterceptor {
    func intercept<Input: Sendable, Output: Sendable>(
        request: StreamingClientRequest<Input>, context: ClientContext,
        next: (StreamingClientRequest<Input>, ClientContext) async throws -> StreamingClientResponse<Output>
    ) async throws -> StreamingClientResponse<Output> {
        var request = request
        for field in TraceContext.current.fields { request.metadata.addString(field.value, forKey: field.name) }
        return try await next(request, context)
    }
}
