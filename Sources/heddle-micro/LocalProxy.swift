import Bytes
import DataPlane
import Filters
import Glibc
import Observability
import ProxyModel
import Reactor
import TrafficPolicy

/// A whole worker in this process, its client and its host on the same thread: one request after the other passes through
/// without anything else happening, so that its instructions can be counted.
@WorkerActor final class LocalProxy {
    /// Turns that one message may take.
    private static let maximumTurns = 100
    /// How long a turn waits, in nanoseconds; what was sent is there at once.
    private static let patience: UInt64 = 20_000_000

    private let loop = EventLoop.process
    private let worker: Worker
    private let stats: StatsSegment
    private let limits = LimitMemory()
    private let port: UInt16
    private let hostListener: Descriptor
    private let client: Descriptor
    /// The host's end of the proxy's connection, -1 before there is one; stays open until the process ends.
    private var host: Int32 = -1
    // Safety: allocated once and kept until the process ends, as the limits are; the sockets read into it.
    private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 16, alignment: 16)

    /// - Parameters:
    ///   - filters: items of `http_filters` in front of the router.
    ///   - routes: items of `routes`.
    ///   - options: more fields of the cluster.
    init(filters: String = "", routes: String = "", options: String = "") throws {
        hostListener = try Socket.listen(Self.loopback(0))
        let config = Self.bootstrap(filters, routes, options, port: Socket.localAddress(hostListener.raw)?.port ?? 0)
        let decoded = try ConfigDecoder.decodeBootstrap(config, file: "micro.yaml")
        stats = try StatsSegment(named: "heddle-micro")
        let region = limits.region
        worker = Worker(
            WorkerResources(
                context: WorkerContext(loop: loop, seed: 7), stats: stats, registry: BuiltInFilters.registry(),
                logWriter: try LogFileWriter(), log: Log(levels: LogLevels(.off)), environment: FormatEnvironment(),
                limits: { _ in region.counters(group: 0, slot: 0) }))
        let socket = try Socket.listen(Self.loopback(0))
        port = Socket.localAddress(socket.raw)?.port ?? 0
        try worker.commit(try worker.prepare(decoded.bootstrap), sockets: ["main": [socket.release()]])
        client = try Socket.connect(to: Self.loopback(port))
    }

    private static func loopback(_ port: UInt16) -> SocketAddress {
        SocketAddress(SocketAddress.IP(v4: 0x7F00_0001), port: port)
    }

    private static func bootstrap(_ filters: String, _ routes: String, _ options: String, port: UInt16) -> String {
        """
        static_resources:
          listeners:
          - name: main
            address: {socket_address: {address: 127.0.0.1, port_value: 1}}
            filter_chains:
            - filters:
              - name: hcm
                typed_config:
                  "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
                  stat_prefix: micro
                  use_remote_address: true
                  route_config: {virtual_hosts: [{name: all, domains: ["*"], routes: [\(routes){match: {prefix: "/"}, route: {cluster: main}}]}]}
                  http_filters: [\(filters){name: router, typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}}]
          clusters:
          - name: main
            \(options)
            load_assignment: {cluster_name: main, endpoints: [{lb_endpoints: [{endpoint: {address: {socket_address: {address: 127.0.0.1, port_value: \(port)}}}}]}]}
        """
    }

    /// Turns of the loop until the host has something to read.
    /// - Returns: how many bytes it read.
    func serveUntilHostReads() -> Int {
        serve { host >= 0 || accept() ? receive(host) : nil }
    }

    /// Turns of the loop until the client has something to read.
    /// - Returns: how many bytes it read.
    func serveUntilClientReads() -> Int { serve { receive(client.raw) } }

    /// The first bytes of what was read last; valid until the next call.
    func bytes(_ count: Int) -> UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: buffer[..<count]) }

    func clientSends(_ bytes: [UInt8]) { Self.send(client.raw, bytes) }

    func hostSends(_ bytes: [UInt8]) { Self.send(host, bytes) }

    // MARK: A second client

    /// Another connection, which stays open until the process ends.
    func connectAnother() throws -> Int32 { try Socket.connect(to: Self.loopback(port)).release() }

    func send(_ bytes: [UInt8], on client: Int32) { Self.send(client, bytes) }

    /// Whether it has been answered by now.
    func hasReceived(_ client: Int32) -> Bool { receive(client) != nil }

    func turn() { loop.turn(maximumWait: 0) }

    private func serve(_ read: () -> Int?) -> Int {
        for _ in 0..<Self.maximumTurns {
            loop.turn(maximumWait: Self.patience)
            if let count = read() { return count }
        }
        preconditionFailure("the proxy passes nothing on")
    }

    private func accept() -> Bool {
        host = Glibc.accept(hostListener.raw, nil, nil)
        return host >= 0
    }

    private func receive(_ descriptor: Int32) -> Int? {
        let count = recv(descriptor, buffer.baseAddress, buffer.count, Int32(MSG_DONTWAIT))
        return count > 0 ? count : nil
    }

    private static func send(_ descriptor: Int32, _ bytes: [UInt8]) {
        let count = Glibc.send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL))
        precondition(count == bytes.count, "a socket took less than a message")
    }
}
