package import Bytes
package import Reactor

/// What an ``HTTPService`` lets its clients do.
package struct ServiceLimits: Equatable, Sendable {
    /// Connections at a time; more are closed at once.
    package var connections = 256
    /// Bytes of a request's body.
    package var bodyBytes = 1 << 20
    /// Nanoseconds without progress after which a connection is closed.
    package var idleTime: UInt64 = 60_000_000_000

    package init() {}
}

/// A small HTTP/1 server on the process's loop, for the few requests of operators and scrapers: one request at a time a
/// connection, answered at once.
@WorkerActor package final class HTTPService: EventHandler {
    package typealias Handler = @WorkerActor (ServiceRequest) -> ServiceResponse

    /// Connections accepted in one event.
    private static let acceptBatch = 16

    /// Where it listens; with the port that the kernel chose where none was asked for.
    package let address: SocketAddress
    let loop: EventLoop
    let limits: ServiceLimits
    let handler: Handler
    private let listener: Int32
    private var connections: [ObjectIdentifier: ServiceConnection] = [:]
    private var isListening = false

    /// Listens at `address`; port 0 stands for any free one.
    package convenience init(
        loop: EventLoop, address: SocketAddress, options: Socket.ListenOptions = .init(), limits: ServiceLimits = ServiceLimits(),
        handler: @escaping Handler
    ) throws(SystemError) {
        try self.init(loop: loop, listener: Socket.listen(address, options), limits: limits, handler: handler)
    }

    /// Serves a socket that listens already.
    package init(
        loop: EventLoop, listener: consuming Descriptor, limits: ServiceLimits = ServiceLimits(), handler: @escaping Handler
    ) throws(SystemError) {
        self.loop = loop
        self.limits = limits
        self.handler = handler
        address = Socket.localAddress(listener.raw) ?? SocketAddress(unixPath: "")
        self.listener = listener.release()
        try loop.watch(self.listener, .readable, self)
        isListening = true
    }

    /// Ends the service and its connections.
    package func close() {
        guard isListening else { return }
        isListening = false
        loop.unwatch(listener)
        _ = Descriptor(listener)
        for connection in connections.values { connection.close() }
        connections = [:]
    }

    /// Connections that have not closed.
    package var connectionCount: Int { connections.count }

    /// Accepts what waits.
    package func ready(_ readiness: Readiness) {
        for _ in 0..<Self.acceptBatch {
            guard case .connection(let descriptor, let remote) = Socket.accept(listener) else { return }
            guard connections.count < limits.connections else { continue }
            let connection = ServiceConnection(service: self, descriptor: descriptor, remote: remote)
            connections[ObjectIdentifier(connection)] = connection
            connection.start()
        }
    }

    func ended(_ connection: ServiceConnection) {
        connections[ObjectIdentifier(connection)] = nil
    }
}
