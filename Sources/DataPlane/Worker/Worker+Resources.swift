import HTTPModel
import Observability
import ProxyModel
package import Reactor
import SwiftProtobuf
import TrafficPolicy

/// Hosts by where they come from, of clusters whose configuration does not list them.
@WorkerActor struct ClusterMembers {
    /// From name resolution, by cluster.
    var named: [String: [Endpoint]] = [:]
    /// From discovery, by the name of the endpoints.
    var discovered: [String: [Endpoint]] = [:]
    /// Which clusters take which endpoints.
    var users: [String: Set<String>] = [:]
    /// The same the other way round: the name of the endpoints, by cluster.
    var sources: [String: String] = [:]
}

extension Worker {
    // MARK: The first step

    /// Compiles a resource and keeps it under its number. Nothing changes; what is wrong is thrown, with its path inside
    /// of the resource.
    ///
    /// Resources of one batch come in the order of their types, so that routes are compiled for the connection managers
    /// that came with them.
    /// - Parameter anew: a listener takes over none of the filter chains that it has, so that filters begin without
    ///   anything from before.
    package func prepare(_ update: ResourceUpdate, anew: Bool = false) throws(ConfigProblem) {
        guard let body = update.body else {
            staged[update.number] = .removal(update.key)
            return
        }
        let compiler = SnapshotCompiler(resources: resources, settings: settings)
        let name = update.key.name
        switch update.key.type {
        case .cluster:
            staged[update.number] = .cluster(try compiler.prepare(cluster: try Self.decode(body)))
        case .clusterLoadAssignment:
            staged[update.number] = .endpoints(name, try compiler.endpoints(try Self.decode(body)))
        case .secret:
            let secret: Envoy_Extensions_TransportSockets_Tls_V3_Secret = try Self.decode(body)
            try resources.context.secrets.prepare(name, secret)
            staged[update.number] = .secret(name, secret)
        case .listener:
            let present = anew ? nil : sockets[name]?.listener.current
            staged[update.number] = .listener(try compiler.listener(try Self.decode(body), name: name, present: present))
        case .routeConfiguration:
            staged[update.number] = .routes(try resources.context.routes.prepare(name, body, compiler))
        }
    }

    private static func decode<Message: SwiftProtobuf.Message>(_ body: [UInt8]) throws(ConfigProblem) -> Message {
        do {
            return try Message(serializedBytes: body, options: ConfigDecoder.binaryOptions)
        } catch {
            throw ConfigProblem("cannot be read: \(error)")
        }
    }

    /// Gives up what was prepared.
    package func forget(_ numbers: some Sequence<UInt32>) {
        for number in numbers {
            if case .secret(let name, _)? = staged.removeValue(forKey: number) { resources.context.secrets.forget(name) }
        }
    }

    // MARK: The second step

    /// Puts prepared resources in force. Requests under way end under what they began with.
    /// - Parameter sockets: listening descriptors by listener name; a listener without any keeps those that it has.
    package func commit(_ numbers: some Sequence<UInt32>, sockets descriptors: [String: [Int32]]) throws(SystemError) {
        var changes: [StagedResource] = []
        for number in numbers {
            if let change = staged.removeValue(forKey: number) { changes.append(change) }
        }
        changes.sort { $0.phase < $1.phase }
        var sweeps = false
        for change in changes {
            switch change {
            case .endpoints(let name, let endpoints): setDiscovered(name, endpoints)
            case .cluster(let prepared):
                commit(prepared)
                sweeps = true
            case .secret(let name, let secret): report(resources.context.secrets.set(name, secret), "secret \(name)")
            case .routes(let prepared):
                let problem = resources.context.routes.commit(prepared)
                report(problem, "route configuration \(prepared.name)")
            case .listener(let config):
                try commit(config, descriptors[config.name])
                sweeps = true
            case .removal(let key):
                remove(key)
                sweeps = true
            }
        }
        if sweeps {
            resources.context.routes.sweep()
            resources.context.secrets.sweep()
        }
    }

    private func report(_ problem: ConfigProblem?, _ what: String) {
        guard let problem else { return }
        resources.log.error(.config, "\(what) is not in force everywhere: \(problem)")
    }

    private func commit(_ prepared: PreparedCluster) {
        let directory = resources.context.clusters
        let config = prepared.config
        let name = config.name.text
        let cluster = Cluster(
            config: config, segment: resources.stats, worker: resources.context,
            breaker: CircuitBreaker(
                counters: resources.limits(name), normal: config.thresholds, high: config.highThresholds))
        forgetMembers(of: name)
        switch prepared.members {
        case .listed(let endpoints): cluster.replace(endpoints)
        case .named: if let endpoints = members.named[name] { cluster.replace(endpoints) }
        case .discovered(let source):
            members.users[source, default: []].insert(name)
            members.sources[name] = source
            if let endpoints = members.discovered[source] { cluster.replace(endpoints) }
        }
        let old = directory.cluster(name)
        directory.set(name, cluster)
        old?.drain()
    }

    private func forgetMembers(of cluster: String) {
        guard let source = members.sources.removeValue(forKey: cluster) else { return }
        members.users[source]?.remove(cluster)
        if members.users[source]?.isEmpty == true { members.users[source] = nil }
    }

    private func commit(_ config: ListenerConfig, _ descriptors: [Int32]?) throws(SystemError) {
        if let present = sockets[config.name], descriptors == nil {
            present.replace(config, drainTime: chainDrainTime)
            resources.context.listeners.remove(present)
            resources.context.listeners.insert(present, at: config.addresses)
            return
        }
        if let replaced = sockets.removeValue(forKey: config.name) { retire(replaced) }
        let socket = ListenerSocket(
            listener: Listener(config), worker: resources.context, sockets: descriptors ?? [], balancer: resources.balancer)
        sockets[config.name] = socket
        resources.context.listeners.insert(socket, at: config.addresses)
        if !isDraining { try socket.start() }
        serveEarly(config.name)
    }

    private func remove(_ key: ResourceKey) {
        let directory = resources.context.clusters
        switch key.type {
        case .cluster:
            forgetMembers(of: key.name)
            members.named[key.name] = nil
            guard let cluster = directory.cluster(key.name) else { return }
            cluster.drain()
            directory.set(key.name, nil)
            resources.context.http2Counters.forget(cluster.config.statName)
        case .clusterLoadAssignment: members.discovered[key.name] = nil
        case .secret: resources.context.secrets.remove(key.name)
        case .listener: if let socket = sockets.removeValue(forKey: key.name) { retire(socket) }
        case .routeConfiguration: resources.context.routes.remove(key.name)
        }
    }

    // MARK: Endpoints

    private func setDiscovered(_ name: String, _ endpoints: [Endpoint]) {
        members.discovered[name] = endpoints
        for user in members.users[name] ?? [] { resources.context.clusters.cluster(user)?.replace(endpoints) }
    }

    /// What name resolution found for a cluster of a DNS type; a cluster that is not in force yet takes it when it is.
    package func setEndpoints(_ cluster: String, _ endpoints: [Endpoint]) {
        members.named[cluster] = endpoints
        resources.context.clusters.cluster(cluster)?.replace(endpoints)
    }
}
