import SwiftProtobuf

/// Checks what must hold between the fields of a configuration, as Envoy does when it loads one: names that are unique,
/// clusters that exist, filters in their place.
///
/// ``ConstraintChecker`` has checked each field by itself before. What needs more than the configuration to be decided
/// (a file that must exist, a format that must compile) is left to whoever compiles it.
package struct ConfigValidator {
    /// Where the values stand.
    let marks: ConfigMarks
    private(set) var errors: [ConfigError] = []

    /// The clusters that routes may name; nil when they cannot be known, as with a control plane.
    var clusters: Set<String>?
    /// The secrets that TLS contexts may name; nil when they cannot be known.
    var secrets: Set<String>?

    /// Whether there is an `ads_config`; nil when it cannot be known here.
    var hasADS: Bool?
    /// The clusters that a control plane can be asked through; nil when they cannot be known here.
    var staticClusters: [String: Envoy_Config_Cluster_V3_Cluster]?

    /// A validator that reports errors at the places that `marks` knows.
    package init(marks: ConfigMarks) {
        self.marks = marks
    }

    /// Checks a whole bootstrap.
    package mutating func validate(_ bootstrap: Envoy_Config_Bootstrap_V3_Bootstrap) {
        let resources = bootstrap.staticResources
        let path = ConfigPath().field("static_resources")
        clusters = Set(resources.clusters.map(\.name))
        secrets = Set(resources.secrets.map(\.name))
        validateDynamicResources(bootstrap)
        unique(resources.clusters.map(\.name), path.field("clusters"), "cluster")
        unique(resources.secrets.map(\.name), path.field("secrets"), "secret")
        unique(resources.listeners.map(\.name), path.field("listeners"), "listener")
        uniqueAddresses(resources.listeners, path.field("listeners"))
        for (index, cluster) in resources.clusters.enumerated() {
            validate(cluster, path.field("clusters").index(index))
        }
        for (index, listener) in resources.listeners.enumerated() {
            validate(listener, path.field("listeners").index(index))
        }
        for (index, secret) in resources.secrets.enumerated() {
            validate(secret, path.field("secrets").index(index))
        }
        if bootstrap.hasTypedDnsResolverConfig {
            validateResolver(bootstrap.typedDnsResolverConfig, ConfigPath().field("typed_dns_resolver_config"))
        }
        if bootstrap.admin.hasAddress {
            validateBound(bootstrap.admin.address, ConfigPath().field("admin").field("address"))
        }
    }

    /// Throws what was found, if anything was.
    package func finish() throws(ConfigErrors) {
        try ConfigDecoder.throwIfAny(errors)
    }

    mutating func fail(_ path: ConfigPath, _ message: String) {
        guard errors.count < ConfigErrors.maximum else { return }
        errors.append(marks.error(path, message))
    }

    /// Reports names that appear twice; several items without a name are fine.
    mutating func unique(_ names: [String], _ path: ConfigPath, _ kind: String) {
        var first: [String: Int] = [:]
        for (index, name) in names.enumerated() where !name.isEmpty {
            guard let other = first[name] else {
                first[name] = index
                continue
            }
            fail(path.index(index).field("name"), "the \(kind) name \"\(name)\" is taken by \(path.index(other))")
        }
    }

    /// Reports two listeners on one address; port 0 stands for any free port.
    private mutating func uniqueAddresses(_ listeners: [Envoy_Config_Listener_V3_Listener], _ path: ConfigPath) {
        var first: [Envoy_Config_Core_V3_Address: ConfigPath] = [:]
        for (index, listener) in listeners.enumerated() where !listener.hasBindToPort || listener.bindToPort.value {
            let path = path.index(index)
            var bound = [(listener.address, path.field("address"))]
            for (index, additional) in listener.additionalAddresses.enumerated() {
                bound.append((additional.address, path.field("additional_addresses").index(index).field("address")))
            }
            for (address, path) in bound where address.socketAddress.portValue != 0 || !address.pipe.path.isEmpty {
                if let other = first.updateValue(path, forKey: address) {
                    fail(path, "the address is taken by \(other)")
                }
            }
        }
    }

    /// An address to listen at: a name would have to be resolved first.
    mutating func validateBound(_ address: Envoy_Config_Core_V3_Address, _ path: ConfigPath) {
        switch address.address {
        case .socketAddress(let socket)? where IPAddressText.version(socket.address) == nil:
            fail(path.field("socket_address").field("address"), "expected an IP address, found \"\(socket.address)\"")
        case .pipe(let pipe)?: validate(pipe, path.field("pipe"))
        case .socketAddress, nil: break
        }
    }

    /// A unix socket, whose path the system bounds; one in the abstract namespace (`@`) has no file and so no mode.
    mutating func validate(_ pipe: Envoy_Config_Core_V3_Pipe, _ path: ConfigPath) {
        if pipe.path.utf8.count > Self.maximumPipePath {
            fail(path.field("path"), "must have at most \(Self.maximumPipePath) bytes, found \(pipe.path.utf8.count)")
        }
        if pipe.path.hasPrefix("@"), pipe.mode != 0 { fail(path.field("mode"), "an abstract unix socket has no mode") }
    }

    /// The longest path of a unix socket: 108 bytes of which the last is a zero (unix(7)).
    private static let maximumPipePath = 107

    /// A range of addresses.
    mutating func validate(_ range: Envoy_Config_Core_V3_CidrRange, _ path: ConfigPath) {
        if IPAddressText.version(range.addressPrefix) == nil {
            fail(path.field("address_prefix"), "expected an IP address, found \"\(range.addressPrefix)\"")
        }
    }

    /// A reference to a cluster.
    mutating func requireCluster(_ name: String, _ path: ConfigPath) {
        guard let clusters, !name.isEmpty, !clusters.contains(name) else { return }
        let nearest = NearestName.find(name, among: clusters.sorted())
        fail(path, "there is no cluster \"\(name)\"" + (nearest.map { "; did you mean \"\($0)\"?" } ?? ""))
    }
}
