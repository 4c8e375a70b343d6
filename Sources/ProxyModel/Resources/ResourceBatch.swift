/// The name of one resource.
package struct ResourceKey: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// What it is, and its name among those of its type.
    package var type: ResourceType
    package var name: String

    /// The name of a resource of this type.
    package init(_ type: ResourceType, _ name: String) {
        self.type = type
        self.name = name
    }

    package static func < (left: ResourceKey, right: ResourceKey) -> Bool {
        (left.type, left.name) < (right.type, right.name)
    }

    /// Such as `cds "backend"`.
    package var description: String { "\(type) \"\(name)\"" }
}

/// One resource that came, changed or was removed.
package struct ResourceChange: Equatable, Sendable {
    /// Which resource.
    package var key: ResourceKey
    /// The version that the source gave it; empty where it is removed.
    package var version: String
    /// The message in binary form (the value of the `google.protobuf.Any`), whose fields and constraints have been
    /// checked; nil: the resource is removed.
    package var body: [UInt8]?

    /// A change; without a body the resource is removed.
    package init(_ key: ResourceKey, version: String, body: [UInt8]?) {
        self.key = key
        self.version = version
        self.body = body
    }
}

/// Why a resource is not taken.
package struct ResourceRefusal: Equatable, Sendable {
    /// Which resource.
    package var key: ResourceKey
    /// What is wrong and where, for a person at the control plane.
    package var reason: String

    /// A refusal with its reason.
    package init(_ key: ResourceKey, reason: String) {
        self.key = key
        self.reason = reason
    }
}

/// What one response of a source comes to: changes of one type, none of them twice.
///
/// A response that repeats byte for byte what was taken already gives no change for it, and may give none at all. So
/// whoever applies keeps the endpoints and routes that it holds when a cluster or listener changes that uses them.
package struct ResourceBatch: Equatable, Sendable {
    /// Which type of resources.
    package var type: ResourceType
    /// Who sent it, for the log and `/config_dump`: a cluster's name (`xds`) or a file's path.
    package var source: String
    /// The response's version.
    package var version: String
    /// What is new, other or gone.
    package var changes: [ResourceChange]
    /// Resources of the response that were refused before anyone could look at them, with their bytes where there are
    /// any: for `error_state` of `/config_dump` alone; nothing is to be done about them.
    package var refused: [(change: ResourceChange, reason: String)]

    /// What a response comes to.
    package init(
        type: ResourceType, source: String, version: String, changes: [ResourceChange],
        refused: [(change: ResourceChange, reason: String)] = []
    ) {
        self.type = type
        self.source = source
        self.version = version
        self.changes = changes
        self.refused = refused
    }

    package static func == (left: ResourceBatch, right: ResourceBatch) -> Bool {
        left.type == right.type && left.source == right.source && left.version == right.version
            && left.changes == right.changes && left.refused.count == right.refused.count
            && zip(left.refused, right.refused).allSatisfy { $0.change == $1.change && $0.reason == $1.reason }
    }
}

/// A resource that someone needs, and where it is to come from.
package struct ResourceWant: Hashable, Sendable {
    /// In the place of a name: all resources of the type.
    package static let wildcard = "*"

    /// What is wanted.
    package var key: ResourceKey
    /// `cds_config`, `eds_config`, `config_source` of `rds`, `sds_config` as the configuration has it.
    package var source: Envoy_Config_Core_V3_ConfigSource

    /// A want of a resource from a source.
    package init(_ key: ResourceKey, from source: Envoy_Config_Core_V3_ConfigSource) {
        self.key = key
        self.source = source
    }
}
