import Bytes
import HTTPModel
import Observability
import Reactor

/// Where a request goes. The router's state has no part in it.
extension Router {
    /// The cluster that the route's target comes to; nil where there is none of that name.
    func resolve(_ stream: Stream, _ choice: RouteChoice, _ target: RouteEntry.Target) -> Cluster? {
        switch target {
        case .cluster(let reference):
            stream.info.clusterName = reference.name
            return reference.cluster
        case .weighted(let clusters, _):
            let reference = clusters[choice.weighted ?? 0].cluster
            stream.info.clusterName = reference.name
            return reference.cluster
        case .clusterHeader(let header):
            guard let name = stream.requestHeaders.get(header.bytes) else { return nil }
            return stream.worker.clusters.find(name)
        case .specified:
            if let reference = choice.specified { stream.info.clusterName = reference.name }
            return choice.specified?.cluster
        }
    }

    /// Where a request to a cluster of type ORIGINAL_DST goes: what a filter or its header says, or where its connection
    /// was going.
    func destination(_ stream: Stream, _ cluster: Cluster) -> HostOverride? {
        if let wanted = stream.hostOverride { return wanted }
        if let address = stream.info.filterState?.own(FilterState.originalDestination).flatMap({ SocketAddress($0) }), address.ip != nil {
            return HostOverride(address: address, isStrict: true)
        }
        if let header = cluster.destinations?.header, let index = stream.requestHeaders.firstIndex(of: header.bytes) {
            if let address = SocketAddress(stream.requestHeaders.value(at: index).text), address.ip != nil {
                return HostOverride(address: address, isStrict: true)
            }
            cluster.stats[.originalDstHostInvalid].add()
        }
        guard let address = stream.manager.originalDestination else { return nil }
        return HostOverride(address: address, isStrict: true)
    }
}
