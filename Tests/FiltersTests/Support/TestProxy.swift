import Bytes
import DataPlane
import Filters
import Glibc
import HTTPModel
import Observability
import ProxyModel
import Reactor
import SwiftProtobuf
import TestKit
import TrafficPolicy

/// A whole worker in this process: listener, filters, router and clusters, on real sockets and the process's loop.
@WorkerActor final class TestProxy {
    nonisolated let port: UInt16
    private let worker: Worker
    private let stats: StatsSegment
    private let limits: LimitMemory
    private nonisolated let logFile: Int32
    /// Connections may outlive their test; what they count in must not end before them.
    private static var kept: [TestProxy] = []

    /// - Parameters:
    ///   - filters: items of `http_filters`, before the router.
    ///   - routes: items of `routes`; all to cluster `main` when empty.
    ///   - clusters: port by cluster name.
    ///   - router: more of the router's configuration, `, key: value`.
    nonisolated static func start(
        filters: String, routes: String = "", clusters: [String: UInt16], perHost: String = "", bufferLimit: Int = 65536,
        router: String = "", rolledBack: Set<String> = []
    ) async throws -> TestProxy {
        try await start(
            bootstrap: bootstrap(filters, routes, clusters.mapValues { [$0] }, perHost, bufferLimit, router), rolledBack: rolledBack)
    }

    /// - Parameters:
    ///   - clusters: ports by cluster name.
    ///   - registry: the filters that there are.
    nonisolated static func start(
        filters: String, routes: String = "", clusters: [String: [UInt16]], perHost: String = "", bufferLimit: Int = 65536,
        router: String = "", registry: @escaping Registry = { BuiltInFilters.registry() }
    ) async throws -> TestProxy {
        try await start(bootstrap: bootstrap(filters, routes, clusters, perHost, bufferLimit, router), registry: registry)
    }

    /// - Parameters:
    ///   - bootstrap: a configuration with one listener, `main`, whose address is not looked at.
    ///   - rolledBack: keys of candidates that the worker hears of before it compiles anything.
    nonisolated static func start(
        bootstrap: String, rolledBack: Set<String> = [], registry: @escaping Registry = { BuiltInFilters.registry() }
    ) async throws -> TestProxy {
        _ = RunningLoop.started
        return try await TestProxy(bootstrap, registry, rolledBack)
    }

    typealias Registry = @WorkerActor @Sendable () -> HTTPFilterRegistry

    private init(_ text: String, _ registry: Registry, _ rolledBack: Set<String>) throws {
        let decoded = try ConfigDecoder.decodeBootstrap(text, file: "test.yaml")
        logFile = Self.unnamedFile()
        stats = try StatsSegment(named: "filters-test")
        let names = decoded.bootstrap.staticResources.clusters.map(\.name)
        limits = LimitMemory(groups: names.count)
        let region = limits.region
        worker = Worker(
            WorkerResources(
                context: WorkerContext(loop: .process, seed: 7), stats: stats, registry: registry(),
                logWriter: try LogFileWriter(), log: Log(levels: LogLevels(.trace), output: .descriptor(logFile)),
                environment: FormatEnvironment(), limits: { region.counters(group: names.firstIndex(of: $0) ?? 0, slot: 0) }))
        worker.resources.context.rolledBack.set(rolledBack)
        let socket = try Socket.listen(SocketAddress(host: "127.0.0.1", port: 0) ?? SocketAddress(unixPath: ""))
        port = Socket.localAddress(socket.raw)?.port ?? 0
        Self.kept.append(self)
        try worker.commit(try worker.prepare(decoded.bootstrap), sockets: ["main": [socket.release()]])
    }

    /// A file that is gone when it is closed.
    private static func unnamedFile() -> Int32 {
        var template = Array("/tmp/heddle-filters-XXXXXX".utf8CString)
        let raw = mkstemp(&template)
        unlink(template)
        return raw
    }

    /// The problem with a configuration, "" for none.
    nonisolated static func problem(filters: String, router: String = "") async -> String {
        do {
            _ = try await start(filters: filters, clusters: ["main": 1], router: router)
            return ""
        } catch {
            return "\(error)"
        }
    }

    /// One change of a resource, in YAML.
    struct Change: Sendable {
        let key: ResourceKey
        /// Nil: the resource goes away.
        let body: [UInt8]?

        static func listener(_ yaml: String, name: String = "main") throws -> Change {
            try Change(.listener, name, yaml, Envoy_Config_Listener_V3_Listener.self)
        }
        static func routes(_ name: String, _ yaml: String) throws -> Change {
            try Change(.routeConfiguration, name, yaml, Envoy_Config_Route_V3_RouteConfiguration.self)
        }
        static func cluster(_ name: String, _ yaml: String) throws -> Change { try Change(.cluster, name, yaml, Envoy_Config_Cluster_V3_Cluster.self) }
        /// - Parameter labels: the metadata `envoy.transport_socket_match` of each endpoint.
        static func endpoints(_ name: String, ports: [UInt16], labels: String = "{}") throws -> Change {
            let members = ports.map {
                "{ endpoint: { address: { socket_address: { address: 127.0.0.1, port_value: \($0) } } }, metadata: { filter_metadata: { envoy.transport_socket_match: \(labels) } } }"
            }
            let yaml = "{ cluster_name: \(name), endpoints: [{ lb_endpoints: [\(members.joined(separator: ", "))] }] }"
            return try Change(.clusterLoadAssignment, name, yaml, Envoy_Config_Endpoint_V3_ClusterLoadAssignment.self)
        }
        static func secret(_ name: String, _ yaml: String) throws -> Change {
            try Change(.secret, name, yaml, Envoy_Extensions_TransportSockets_Tls_V3_Secret.self)
        }
        static func removal(_ type: ResourceType, _ name: String) -> Change { Change(key: ResourceKey(type, name), body: nil) }

        private init(key: ResourceKey, body: [UInt8]?) {
            self.key = key
            self.body = body
        }

        private init<Message: SwiftProtobuf.Message>(_ type: ResourceType, _ name: String, _ yaml: String, _ message: Message.Type) throws {
            let source = ConfigSource(text: yaml, file: "change.yaml", format: .yaml)
            self.init(key: ResourceKey(type, name), body: try ConfigDecoder.decode(message, from: [source]).bytes)
        }
    }

    /// Brings changes into force, all or none.
    func apply(_ changes: [Change]) throws {
        let numbers = changes.map { _ in nextNumber() }
        do {
            for (number, change) in zip(numbers, changes) {
                try worker.prepare(ResourceUpdate(number: number, key: change.key, body: change.body))
            }
        } catch {
            worker.forget(numbers)
            throw error
        }
        try worker.commit(numbers, sockets: [:])
    }

    /// What is compiled from now on is compiled with this `layered_runtime`.
    func setRuntime(_ yaml: String) throws {
        let decoded = try ConfigDecoder.decodeBootstrap("layered_runtime: \(yaml)", file: "runtime.yaml")
        worker.settings = try CompileSettings(decoded.bootstrap)
    }

    private var lastNumber: UInt32 = 1 << 16

    private func nextNumber() -> UInt32 {
        lastNumber += 1
        return lastNumber
    }

    /// A counter of a cluster.
    func cluster(_ name: String, _ counter: ClusterStats.Counters) -> UInt64 { stats.cluster(name)[counter].value }

    /// A connection comes that another worker accepted.
    func take(_ descriptor: Int32, listener: String) { worker.take(Descriptor(descriptor), listener: listener) }

    func stop() {
        worker.closeAll()
        worker.stopAccepting()
        // Timers of its filters would go on to ask hosts whose ports are others' by now.
        for name in worker.listenerNames { try? apply([.removal(.listener, name)]) }
    }

    /// As `/healthcheck/fail` and `/healthcheck/ok` tell the worker.
    func setHealth(fails: Bool) { worker.setHealth(fails: fails) }

    /// Refuses requests with these fields, as the supervisor does with those that killed workers.
    func putInQuarantine(_ fields: [(String, String)]) {
        var head = HeaderBlock()
        for (name, value) in fields { head.append(name, value) }
        let memory = UnsafeMutableRawPointer.allocate(byteCount: RequestQuarantine.byteCount, alignment: 8)
        memory.initializeMemory(as: UInt8.self, repeating: 0, count: RequestQuarantine.byteCount)
        let quarantine = RequestQuarantine(memory: memory)
        quarantine.publish([head.fingerprint])
        worker.resources.context.quarantine = quarantine
    }

    func endQuarantine() { worker.resources.context.quarantine = nil }

    /// As the supervisor tells the worker.
    func rollBack(_ keys: Set<String>) { worker.resources.context.rolledBack.set(keys) }

    /// Does something while the loop can do nothing else.
    func holdingLoop<Result: Sendable>(_ body: (UInt16) -> Result) -> Result { body(port) }

    /// A counter of the Lua filter without `stat_prefix`.
    func lua(_ counter: LuaStats.Counters) -> UInt64 { stats.lua(prefix: "test", statPrefix: "")[counter].value }

    /// What `/stats` shows.
    func statistics() throws -> String {
        worker.publishStatistics()
        var text = ByteWriter(capacity: 1 << 16)
        try StatsReader(mapping: dup(stats.region.descriptor)).read().appendText(to: &text)
        return String(decoding: text.bytes, as: UTF8.self)
    }

    /// What `/stats/prometheus` shows.
    func prometheus() throws -> String {
        var text = ByteWriter(capacity: 1 << 16)
        try StatsReader(mapping: dup(stats.region.descriptor)).read().appendPrometheus(to: &text)
        return String(decoding: text.bytes, as: UTF8.self)
    }

    /// Everything logged so far.
    nonisolated var log: String {
        var buffer = [UInt8](repeating: 0, count: 1 << 20)
        let count = pread(logFile, &buffer, buffer.count, 0)
        return String(decoding: buffer.prefix(max(count, 0)), as: UTF8.self)
    }

    // MARK: Asking

    /// Sends `request` and reads one response.
    nonisolated func ask(_ request: String, hasBody: Bool = true, pieces: Int? = nil) async -> Message? {
        await ask(Array(request.utf8), hasBody: hasBody, pieces: pieces)
    }

    /// - Parameter pieces: bytes a send; nil for all in one.
    nonisolated func ask(_ request: [UInt8], hasBody: Bool = true, pieces: Int? = nil) async -> Message? {
        let port = port
        return await onThread {
            guard let socket = PlainSocket(connectingTo: port) else { return nil }
            defer { socket.close() }
            if let pieces {
                for start in stride(from: 0, to: request.count, by: pieces) {
                    socket.send(request[start..<min(start + pieces, request.count)])
                    sched_yield()
                }
            } else {
                socket.send(request)
            }
            var reader = MessageReader(socket)
            return reader.next(hasBody: hasBody)
        }
    }

    nonisolated func get(_ path: String = "/", _ fields: String...) async -> Message? {
        await ask("GET \(path) HTTP/1.1\r\nhost: test\r\n" + fields.map { $0 + "\r\n" }.joined() + "\r\n")
    }

    nonisolated func post(_ body: String, to path: String = "/", _ fields: String...) async -> Message? {
        await ask(
            "POST \(path) HTTP/1.1\r\nhost: test\r\ncontent-length: \(body.utf8.count)\r\n"
                + fields.map { $0 + "\r\n" }.joined() + "\r\n" + body)
    }

    // MARK: Configuration

    private nonisolated static func bootstrap(
        _ filters: String, _ routes: String, _ clusters: [String: [UInt16]], _ perHost: String, _ bufferLimit: Int,
        _ router: String
    ) -> String {
        let routes = routes.isEmpty ? "- { match: { prefix: / }, route: { cluster: main } }" : routes
        return """
            static_resources:
              listeners:
                - name: main
                  address: { socket_address: { address: 127.0.0.1, port_value: 1 } }
                  per_connection_buffer_limit_bytes: \(bufferLimit)
                  filter_chains:
                    - filters:
                        - name: http
                          typed_config:
                            "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
                            stat_prefix: test
                            http_protocol_options: { enable_trailers: true }
                            route_config:
                              name: routes
                              virtual_hosts:
                                - name: all
                                  domains: ["*"]
            \(perHost.indented(22))
                                  routes:
            \(routes.indented(24))
                            http_filters:
            \(filters.indented(18))
                              - name: envoy.filters.http.router
                                typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router\(router) }
              clusters:
            \(clusters.sorted { $0.key < $1.key }.map(cluster).joined(separator: "\n").indented(4))
            """
    }

    private nonisolated static func cluster(_ name: String, _ ports: [UInt16]) -> String {
        let endpoints = ports.map { "{ endpoint: { address: { socket_address: { address: 127.0.0.1, port_value: \($0) } } } }" }
        return """
        - name: \(name)
          type: STATIC
          connect_timeout: 60s
          typed_extension_protocol_options:
            envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
              "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
              explicit_http_config: { http_protocol_options: { enable_trailers: true } }
          load_assignment:
            cluster_name: \(name)
            endpoints: [{ lb_endpoints: [\(endpoints.joined(separator: ", "))] }]
        """
    }
}

extension String {
    func indented(_ spaces: Int) -> String {
        let indent = String(repeating: " ", count: spaces)
        return split(separator: "\n", omittingEmptySubsequences: false).map { $0.isEmpty ? "" : indent + $0 }.joined(separator: "\n")
    }

    /// A Lua filter's configuration with this text as its script.
    var asLuaFilter: String { luaFilter() }

    func luaFilter(_ more: String = "") -> String {
        """
        - name: envoy.filters.http.lua
          typed_config:
            "@type": type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua
        \(more.indented(4))
            default_source_code:
              inline_string: |
        \(indented(8))
        """
    }
}
