package import ProxyModel
import SwiftProtobuf

/// What resources are compiled with besides their own message: the parts of the bootstrap that they look things up in.
package struct CompileSettings: Equatable, Sendable {
    /// A bootstrap of nothing but these parts, in binary form: how they travel, and how they are told from others.
    package let bytes: [UInt8]
    /// `node.id` and `node.cluster`
    let nodeID: String
    let nodeCluster: String
    let runtime: RuntimeValues

    /// Those of an empty bootstrap.
    package init() {
        bytes = []
        nodeID = ""
        nodeCluster = ""
        runtime = RuntimeValues()
    }

    /// Those of a bootstrap.
    package init(_ bootstrap: Envoy_Config_Bootstrap_V3_Bootstrap) throws(ConfigProblem) {
        var parts = Envoy_Config_Bootstrap_V3_Bootstrap()
        if !bootstrap.node.id.isEmpty { parts.node.id = bootstrap.node.id }
        if !bootstrap.node.cluster.isEmpty { parts.node.cluster = bootstrap.node.cluster }
        if bootstrap.hasLayeredRuntime { parts.layeredRuntime = bootstrap.layeredRuntime }
        self.init(parts, bytes: try SnapshotCompiler.bytes(parts))
    }

    /// Those that ``bytes`` hold.
    package init(bytes: [UInt8]) throws(ConfigProblem) {
        do {
            let parts = try Envoy_Config_Bootstrap_V3_Bootstrap(serializedBytes: bytes, options: ConfigDecoder.binaryOptions)
            self.init(parts, bytes: bytes)
        } catch {
            throw ConfigProblem("cannot be read: \(error)")
        }
    }

    private init(_ parts: Envoy_Config_Bootstrap_V3_Bootstrap, bytes: [UInt8]) {
        self.bytes = bytes
        nodeID = parts.node.id
        nodeCluster = parts.node.cluster
        runtime = RuntimeValues(parts.layeredRuntime)
    }

    /// Whether the parts are the same.
    package static func == (left: CompileSettings, right: CompileSettings) -> Bool { left.bytes == right.bytes }
}
