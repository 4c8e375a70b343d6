import Foundation
import Glibc
import TestKit

/// `heddle-proxy` with several workers, an admin interface at a free port, and one listener, `in`, at a port that stays.
final class SupervisedProxy {
    struct Failed: Error, CustomStringConvertible {
        let description: String
    }

    /// What a bootstrap has beside the plain one.
    struct Parts {
        /// Lines at the top.
        var top = ""
        /// Fields of the admin interface beside its address, in flow style, each with a comma before it.
        var admin = ""
        /// A field of the listener's filter chain.
        var chain = ""
        /// A field of the listener.
        var listener = ""
        /// Fields of the connection manager.
        var manager: [String] = []
        /// Routes before the others, in flow style, each with a comma behind it.
        var routes = ""
        /// Fields of the cluster beside its name, in flow style, in place of the host on loopback.
        var cluster: String?
        /// More clusters, in flow style.
        var others: [String] = []
    }

    static let program: String? = ProxyProcess.Kind.heddle.program
    /// The same with a filter that crashes; it stands beside the other.
    static let faultyProgram: String? = program.map { $0 + "-faulty" }.flatMap {
        FileManager.default.isExecutableFile(atPath: $0) ? $0 : nil
    }

    let port: UInt16
    private(set) var id: Int32
    private let folder: String
    private let upstream: UInt16
    private let workers: Int
    private let flags: [String]
    private let program: String?
    /// These count from the next ``write(_:)`` on.
    var filters: String
    var parts: Parts
    private var generations = 0

    /// - Parameter filters: items of `http_filters` before the router, each with a comma behind it.
    init(
        workers: Int, upstream: UInt16, flags: [String] = [], program: String? = SupervisedProxy.program, filters: String = "",
        parts: Parts = Parts()
    ) throws {
        port = Loopback.freePort()
        self.workers = workers
        self.upstream = upstream
        self.flags = flags
        self.program = program
        self.filters = filters
        self.parts = parts
        folder = NSTemporaryDirectory() + "heddle-processes-\(getpid())-\(port)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        id = 0
        try write(config(route: "up"))
        id = try launch()
        try waitUntilLive()
    }

    deinit {
        if id > 0, kill(id, 0) == 0 {
            // Workers end with their supervisor; those that hang are killed by it.
            kill(id, SIGINT)
            _ = Deadline(seconds: 5).polls { waitpid(id, nil, Int32(WNOHANG)) != 0 }
            kill(id, SIGKILL)
        }
        try? FileManager.default.removeItem(atPath: folder)
    }

    /// A cluster's field with hosts at these names or addresses.
    static func assignment(_ hosts: [(String, UInt16)]) -> String {
        let members = hosts.map { "{endpoint: {address: {socket_address: {address: \($0.0), port_value: \($0.1)}}}}" }
        return "load_assignment: {cluster_name: up, endpoints: [{lb_endpoints: [\(members.joined(separator: ", "))]}]}"
    }

    /// A bootstrap with one listener and one cluster; `prefix` tells versions apart.
    /// - Parameter shared: percentage of requests, by `layered_runtime`, that are answered "shared" by the proxy itself.
    func config(route cluster: String, prefix: String = "in", shared: Int = 0) -> String {
        """
        \(parts.top)
        admin: {address: {socket_address: {address: \(Loopback.address), port_value: 0}}\(parts.admin)}
        layered_runtime: {layers: [{name: all, static_layer: {shared: \(shared)}}]}
        static_resources:
          listeners:
          - name: in
            address: {socket_address: {address: \(Loopback.address), port_value: \(port)}}
            \(parts.listener)
            filter_chains:
            - \(parts.chain)
              filters:
              - name: hcm
                typed_config:
                  "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
                  stat_prefix: \(prefix)
                  \(parts.manager.joined(separator: "\n          "))
                  route_config: {virtual_hosts: [{name: all, domains: ["*"], routes: [\(parts.routes){match: {prefix: "/", runtime_fraction: {default_value: {}, runtime_key: shared}}, direct_response: {status: 200, body: {inline_string: "shared"}}}, {match: {prefix: "/"}, route: {cluster: \(cluster)}}]}]}
                  http_filters: [\(filters){name: router, typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}}]
          clusters:
          - {name: up, \(parts.cluster ?? Self.assignment([(Loopback.address, upstream)]))}
        \(parts.others.map { "  - \($0)" }.joined(separator: "\n"))
        """
    }

    func write(_ config: String) throws { try config.write(toFile: folder + "/config.yaml", atomically: true, encoding: .utf8) }

    var log: String {
        (0..<generations).compactMap { try? String(contentsOfFile: "\(folder)/log\($0)", encoding: .utf8) }.joined()
    }

    /// Starts another program with the same configuration.
    func launch(_ more: [String] = []) throws -> Int32 {
        guard let program else { throw Failed(description: ProxyProcess.Kind.heddle.whyMissing) }
        let admin = folder + "/admin"
        unlink(admin)
        let arguments =
            [program, "-c", folder + "/config.yaml", "--concurrency", "\(workers)", "--drain-time-s", "10", "--admin-address-path", admin]
            + flags + more
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 2, "\(folder)/log\(generations)", O_WRONLY | O_CREAT | O_TRUNC, 0o644)
        generations += 1
        var words: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
        defer { for word in words { free(word) } }
        var child: pid_t = 0
        guard posix_spawn(&child, program, &actions, nil, &words, environ) == 0 else { throw Failed(description: "cannot start") }
        return child
    }

    /// Hands over to a new program; the old one's id is returned.
    func takeOver() throws -> Int32 {
        let old = id
        id = try launch(["--restart-epoch", "1"])
        try waitUntilLive()
        return old
    }

    var adminPort: UInt16? {
        guard let text = try? String(contentsOfFile: folder + "/admin", encoding: .utf8) else { return nil }
        return text.split(separator: ":").last.flatMap { UInt16($0) }
    }

    func waitUntilLive() throws {
        let isLive = Deadline(seconds: 20).polls(every: 10) {
            guard let adminPort else { return false }
            return (try? AdminClient.get("/ready", port: adminPort)) == "LIVE\n"
        }
        guard isLive else { throw Failed(description: "not live:\n\(log)") }
    }

    func get(_ path: String) throws -> String {
        guard let adminPort else { throw Failed(description: "no admin interface") }
        return try AdminClient.get(path, port: adminPort)
    }

    /// One statistic of the whole proxy.
    func counter(_ name: String) throws -> Int {
        for line in try get("/stats?filter=\(name)").split(separator: "\n") {
            let parts = line.components(separatedBy: ": ")
            if parts[0] == name, let value = Int(parts[1]) { return value }
        }
        throw Failed(description: "no statistic \(name)")
    }

    /// The processes of the workers.
    var workerIDs: [Int32] {
        let list = (try? String(contentsOfFile: "/proc/\(id)/task/\(id)/children", encoding: .utf8)) ?? ""
        return list.split(separator: " ").compactMap { Int32($0) }
    }

    /// Whether a process runs; one that ended and was not collected does not.
    static func runs(_ process: Int32) -> Bool {
        guard let text = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8) else { return false }
        return text.split(separator: ")").last?.trimmingCharacters(in: .whitespaces).first != "Z"
    }

    /// Whether a child of this process has ended, and its exit code.
    static func exitCode(_ process: Int32) -> Int32? {
        var status: Int32 = 0
        guard Deadline(seconds: 15).polls(every: 10, { waitpid(process, &status, Int32(WNOHANG)) == process }) else { return nil }
        return status & 0x7F == 0 ? (status >> 8) & 0xFF : -(status & 0x7F)
    }
}
