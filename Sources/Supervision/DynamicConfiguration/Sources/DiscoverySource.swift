import ProxyModel
import Reactor
import XDS

/// Something that gives resources: a stream to a control plane, or a file.
@WorkerActor protocol DiscoverySource: AnyObject {
    /// Sets what is wanted of a type.
    /// - Parameter fetchTimeout: how long what is new is waited for.
    func want(_ type: ResourceType, _ wanted: WantedResources, fetchTimeout: FetchTimes)

    /// The answer to ``DiscoverySourceOwner/source(_:offers:)``.
    func applied(_ refusals: [ResourceRefusal])

    /// Ends it; nothing is told any more.
    func stop()
}

/// Who takes what sources give.
@WorkerActor protocol DiscoverySourceOwner: AnyObject {
    /// A response came; the answer is ``DiscoverySource/applied(_:)``, and until then this source has nothing else.
    func source(_ source: any DiscoverySource, offers batch: ResourceBatch)
    /// These did not come in time or do not exist.
    func source(_ source: any DiscoverySource, ended keys: [ResourceKey])
}
