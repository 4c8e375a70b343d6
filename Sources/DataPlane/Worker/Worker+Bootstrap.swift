package import ProxyModel
package import Reactor
import SwiftProtobuf

/// The static resources of a bootstrap.
package enum BootstrapResources {
    /// All of them by name, in the order in which they are put in force. A listener without a name has its place for one.
    package static func all(
        _ bootstrap: Envoy_Config_Bootstrap_V3_Bootstrap
    ) throws(ConfigProblem) -> [(key: ResourceKey, path: String, body: [UInt8])] {
        let resources = bootstrap.staticResources
        var result: [(key: ResourceKey, path: String, body: [UInt8])] = []
        for (index, cluster) in resources.clusters.enumerated() {
            result.append((ResourceKey(.cluster, cluster.name), "static_resources.clusters[\(index)]", try bytes(cluster)))
        }
        for (index, secret) in resources.secrets.enumerated() {
            result.append((ResourceKey(.secret, secret.name), "static_resources.secrets[\(index)]", try bytes(secret)))
        }
        for (index, listener) in resources.listeners.enumerated() {
            let name = SnapshotCompiler.name(listener, index: index)
            result.append((ResourceKey(.listener, name), "static_resources.listeners[\(index)]", try bytes(listener)))
        }
        return result
    }

    private static func bytes(_ message: some SwiftProtobuf.Message) throws(ConfigProblem) -> [UInt8] {
        try SnapshotCompiler.bytes(message)
    }
}

/// A bootstrap whose static resources are all prepared.
package struct PreparedBootstrap: Sendable {
    let numbers: [UInt32]
}

extension Worker {
    /// First step for all static resources of a bootstrap, for who has one worker and no supervisor.
    /// - Parameter anew: as for one resource.
    /// - Throws: the first problem, with its path in the bootstrap; what was prepared before it is forgotten.
    package func prepare(
        _ bootstrap: Envoy_Config_Bootstrap_V3_Bootstrap, anew: Bool = false
    ) throws(ConfigProblem) -> PreparedBootstrap {
        settings = try CompileSettings(bootstrap)
        var numbers: [UInt32] = []
        for (key, path, body) in try BootstrapResources.all(bootstrap) {
            let number = UInt32(numbers.count)
            do throws(ConfigProblem) {
                try prepare(ResourceUpdate(number: number, key: key, body: body), anew: anew)
            } catch {
                forget(numbers)
                throw error.within(path)
            }
            numbers.append(number)
        }
        return PreparedBootstrap(numbers: numbers)
    }

    /// Second step for all of them.
    package func commit(_ prepared: PreparedBootstrap, sockets: [String: [Int32]]) throws(SystemError) {
        try commit(prepared.numbers, sockets: sockets)
    }
}
