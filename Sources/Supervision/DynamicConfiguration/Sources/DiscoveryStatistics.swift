import Bytes
import Observability
import ProxyModel
import Reactor
import XDS

/// Counts and logs what sources do.
@WorkerActor final class DiscoveryStatistics {
    let controlPlane: ControlPlaneStats
    private let log: Log
    private let loop: EventLoop
    private let byType: [ResourceType: any DiscoveryStats]
    private var openStreams = 0
    /// Envoy's text readouts, by name.
    private(set) var texts: [String: String] = [:]

    init(_ stats: StatsSegment, log: Log, loop: EventLoop) {
        self.log = log
        self.loop = loop
        controlPlane = stats.controlPlane()
        byType = [
            .cluster: stats.clusterDiscovery(), .listener: stats.listenerDiscovery(),
            .clusterLoadAssignment: stats.discovery("eds"), .routeConfiguration: stats.discovery("rds"),
            .secret: stats.discovery("sds"),
        ]
    }

    func streamOpened(_ source: String) {
        openStreams += 1
        controlPlane[.streams].add()
        showConnected()
        log.info(.config, "the stream to control plane \(source) is open")
    }

    /// - Parameter wasOpen: whether ``streamOpened(_:)`` was told.
    func streamClosed(_ source: String, wasOpen: Bool, _ reason: String) {
        if wasOpen { openStreams -= 1 }
        showConnected()
        log.warning(
            .config, "the stream to control plane \(source) \(wasOpen ? "ended" : "cannot be opened"): \(reason)")
    }

    /// Envoy's level is 0 or 1, however many streams there are.
    private func showConnected() { controlPlane[.connectedState].set(openStreams > 0 ? 1 : 0) }

    /// One note of a machine or a file.
    func note(_ note: DiscoveryNote, _ source: String) {
        switch note {
        case .attempt(let type): byType[type]?[.updateAttempt].add()
        case .accepted(let type, let version):
            byType[type]?[.updateSuccess].add()
            byType[type]?[.version].set(Self.hash(version))
            byType[type]?[.updateTime].set(Int(loop.wallNow / 1_000_000))
            if type == .cluster { texts["cluster_manager.cds.version_text"] = version }
            if type == .listener { texts["listener_manager.lds.version_text"] = version }
            log.debug(.config, "\(type) of \(source): version \(version) is taken")
        case .rejected(let type, let reason):
            byType[type]?[.updateRejected].add()
            log.warning(.config, "\(type) of \(source): refused: \(reason)")
        case .failed(let type, let reason):
            byType[type]?[.updateFailure].add()
            if let reason { log.warning(.config, "\(type) of \(source): \(reason)") }
        case .timedOut(let type, let names):
            byType[type]?[.initFetchTimeout].add()
            log.warning(.config, "\(type) of \(source): \(names) name\(names == 1 ? "" : "s") did not come in time")
        case .unexpected(let typeURL):
            log.warning(.config, "\(source) sends \(typeURL.isEmpty ? "no type" : typeURL), which was not asked for")
        case .ignored(let fields): log.info(.config, "\(source): left aside: \(fields.joined(separator: ", "))")
        case .rateLimited: controlPlane[.rateLimitEnforced].add()
        case .controlPlane(let name):
            texts["control_plane.identifier"] = name
            log.info(.config, "control plane \(source) calls itself \"\(name)\"")
        }
    }

    /// A number for a version, so that two proxies can be compared (FNV-1a, 63 bits); 0 for none.
    static func hash(_ version: String) -> Int {
        version.isEmpty ? 0 : Int(FNV1a(version.utf8).value >> 1)
    }
}
