import HTTPModel
import ProxyModel
package import Reactor
import SwiftProtobuf
import TrafficPolicy

/// What a route configuration must know of a connection manager that uses it: which of its filters stands where.
package struct RouteShape: Hashable, Sendable {
    /// Names of the HTTP filters, in their order.
    package var filters: [String]
    /// `stat_prefix` of the connection manager.
    package var statPrefix: String

    package init(filters: [String], statPrefix: String) {
        self.filters = filters
        self.statPrefix = statPrefix
    }
}

/// A route configuration by its name, as connection managers of one shape see it, and the form that is in force at
/// present. Streams take that form when they begin and keep it.
@WorkerActor package final class RouteReference {
    package let name: String
    let shape: RouteShape
    /// In force at present.
    package fileprivate(set) var current: RouteConfiguration

    init(name: String, shape: RouteShape, current: RouteConfiguration) {
        self.name = name
        self.shape = shape
        self.current = current
    }
}

/// A route configuration that is compiled for everyone who uses it, and not yet in force.
@WorkerActor struct PreparedRoutes {
    let name: String
    let body: [UInt8]
    let message: Envoy_Config_Route_V3_RouteConfiguration
    let compiler: SnapshotCompiler
    fileprivate(set) var compiled: [(reference: RouteReference, routes: RouteConfiguration)] = []
}

/// The route configurations of a worker by name (RDS), each shared by the connection managers that name it.
@WorkerActor package final class RouteDirectory {
    /// Rises whenever some reference gets another form.
    private(set) var generation: UInt64 = 0
    private var bodies: [String: [UInt8]] = [:]
    private var references: [String: [RouteReference]] = [:]

    package init() {}

    /// The reference for a name and a shape. One that is new gets what is in force under the name, or no routes.
    func reference(_ name: String, _ shape: RouteShape, _ compiler: SnapshotCompiler) throws(ConfigProblem) -> RouteReference {
        if let present = references[name]?.first(where: { $0.shape == shape }) { return present }
        let current: RouteConfiguration
        if let body = bodies[name] {
            current = try compiler.routeConfiguration(try Self.decode(body), shape)
        } else {
            current = try RouteConfiguration.empty(name)
        }
        let reference = RouteReference(name: name, shape: shape, current: current)
        references[name, default: []].append(reference)
        return reference
    }

    static func decode(_ body: [UInt8]) throws(ConfigProblem) -> Envoy_Config_Route_V3_RouteConfiguration {
        do {
            return try Envoy_Config_Route_V3_RouteConfiguration(serializedBytes: body, options: ConfigDecoder.binaryOptions)
        } catch {
            throw ConfigProblem("cannot be read: \(error)")
        }
    }

    /// First step: compiles a new form for all who use the name. Nothing changes.
    func prepare(_ name: String, _ body: [UInt8], _ compiler: SnapshotCompiler) throws(ConfigProblem) -> PreparedRoutes {
        let message = try Self.decode(body)
        var prepared = PreparedRoutes(name: name, body: body, message: message, compiler: compiler)
        for reference in references[name] ?? [] {
            prepared.compiled.append((reference, try compiler.routeConfiguration(message, reference.shape)))
        }
        // What nobody uses yet is compiled all the same: whether it is good must be known now.
        if prepared.compiled.isEmpty {
            _ = try compiler.routeConfiguration(message, RouteShape(filters: [], statPrefix: ""))
        }
        return prepared
    }

    /// Second step: streams that begin from now on take the new form.
    /// - Returns: what went wrong for users who came after the first step; they keep what they have.
    func commit(_ prepared: PreparedRoutes) -> ConfigProblem? {
        bodies[prepared.name] = prepared.body
        var problem: ConfigProblem?
        for reference in references[prepared.name] ?? [] {
            if let known = prepared.compiled.first(where: { $0.reference === reference }) {
                reference.current = known.routes
                continue
            }
            do throws(ConfigProblem) {
                reference.current = try prepared.compiler.routeConfiguration(prepared.message, reference.shape)
            } catch {
                problem = error
            }
        }
        generation += 1
        return problem
    }

    /// The name is gone: whoever still uses it keeps what it has.
    func remove(_ name: String) {
        bodies[name] = nil
    }

    /// Forgets references that no connection manager holds any longer.
    func sweep() {
        for name in Array(references.keys) {
            guard var list = references.removeValue(forKey: name) else { continue }
            var index = 0
            while index < list.count {
                if isKnownUniquelyReferenced(&list[index]) { list.remove(at: index) } else { index += 1 }
            }
            if !list.isEmpty { references[name] = list }
        }
    }
}

extension RouteConfiguration {
    /// Routes nothing: every request is answered with 404.
    static func empty(_ name: String) throws(ConfigProblem) -> RouteConfiguration {
        do throws(PolicyError) {
            return RouteConfiguration(name: name, table: try RouteTable([], options: RouteTable.Options()), entries: [])
        } catch {
            throw ConfigProblem("\(error)")
        }
    }
}
