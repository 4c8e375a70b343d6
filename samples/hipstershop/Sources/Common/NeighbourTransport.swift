import GRPCCore
import GRPCNIOTransportHTTP2Posix

/// The way to another service, which in a mesh begins at a proxy on the same machine. A call that was not sent is tried
/// again, a few times: gRPC's transparent retry, which this gRPC library does not have.
///
/// Not sent is a call for which no stream was opened, because its connection has just ended or another one is being made.
/// A call that has a stream may have arrived; it is never repeated, whatever became of it, and neither is one that was
/// answered.
struct NeighbourTransport: ClientTransport {
    typealias Bytes = HTTP2ClientTransport.Posix.Bytes

    private let connections: HTTP2ClientTransport.Posix

    init(_ connections: HTTP2ClientTransport.Posix) {
        self.connections = connections
    }

    var retryThrottle: RetryThrottle? { connections.retryThrottle }

    func connect() async throws { try await connections.connect() }

    func beginGracefulShutdown() { connections.beginGracefulShutdown() }

    func config(forMethod descriptor: MethodDescriptor) -> MethodConfig? { connections.config(forMethod: descriptor) }

    func withStream<Result: Sendable>(
        descriptor: MethodDescriptor, options: CallOptions,
        _ call: (_ stream: RPCStream<Inbound, Outbound>, _ context: ClientContext) async throws -> Result
    ) async throws -> Result {
        var pauses = Pauses()
        while true {
            var hasStream = false
            do {
                return try await connections.withStream(descriptor: descriptor, options: options) { stream, context in
                    hasStream = true
                    return try await call(stream, context)
                }
            } catch let error as RPCError where !hasStream && error.code == .unavailable {
                guard let pause = pauses.next() else { throw error }
                // Rule zero: the neighbour comes back in its own time.
                try await Task.sleep(for: pause)
            }
        }
    }

    /// How long a call waits before it is tried again: each time twice as long, 0.63 s in all.
    struct Pauses: IteratorProtocol {
        private static let first = Duration.milliseconds(10)
        private static let most = 6
        private var count = 0

        mutating func next() -> Duration? {
            guard count < Self.most else { return nil }
            defer { count += 1 }
            return Self.first * (1 << count)
        }
    }
}
