import Bytes
import DataPlane
import ProxyModel
import Reactor
import SwiftProtobuf

/// A bootstrap taken apart: its static resources by name, and everything else.
struct BootstrapFrame: Equatable {
    /// The bootstrap without its static resources, in binary form.
    let bytes: [UInt8]
    let resources: [(key: ResourceKey, body: [UInt8])]
    /// What resources are compiled with.
    let settings: CompileSettings
    let adminAddress: SocketAddress?
    /// What the admin interface shows of the statistics.
    let statsRules: StatsRules
    /// Types that a control plane or files are to give.
    let expectedTypes: Set<ResourceType>

    init(_ bytes: [UInt8]) throws {
        var bootstrap = try Supervisor.decode(bytes)
        let all = try BootstrapResources.all(bootstrap)
        bootstrap.clearStaticResources()
        var options = BinaryEncodingOptions()
        options.useDeterministicOrdering = true
        var expected: Set<ResourceType> = []
        if bootstrap.dynamicResources.hasCdsConfig { expected.insert(.cluster) }
        if bootstrap.dynamicResources.hasLdsConfig { expected.insert(.listener) }
        self.init(
            bytes: try bootstrap.serializedBytes(options: options), resources: all.map { ($0.key, $0.body) },
            settings: try CompileSettings(bootstrap),
            adminAddress: bootstrap.admin.hasAddress ? try Address.compile(bootstrap.admin.address).get() : nil,
            statsRules: try StatsRules(bootstrap.statsConfig), expectedTypes: expected)
    }

    private init(
        bytes: [UInt8], resources: [(key: ResourceKey, body: [UInt8])], settings: CompileSettings,
        adminAddress: SocketAddress?, statsRules: StatsRules, expectedTypes: Set<ResourceType>
    ) {
        self.bytes = bytes
        self.resources = resources
        self.settings = settings
        self.adminAddress = adminAddress
        self.statsRules = statsRules
        self.expectedTypes = expectedTypes
    }

    /// What is worth keeping when the resources are in the ledger.
    var withoutResources: BootstrapFrame {
        BootstrapFrame(
            bytes: bytes, resources: [], settings: settings, adminAddress: adminAddress, statsRules: statsRules,
            expectedTypes: expectedTypes)
    }

    /// Whether everything but the resources is the same.
    static func == (left: BootstrapFrame, right: BootstrapFrame) -> Bool { left.bytes == right.bytes }
}
