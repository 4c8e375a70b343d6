import Bytes
import Reactor

/// The listeners of a worker by address, those without a socket of their own included: a listener with `use_original_dst`
/// gives its connections to the one that has the address which they were made to.
@WorkerActor final class ListenerDirectory {
    private var byAddress: [SocketAddress: [ListenerSocket]] = [:]

    init() {}

    /// The listener of an address: of exactly this one, else of all addresses at its port.
    func find(_ address: SocketAddress) -> ListenerSocket? {
        if let exact = byAddress[address]?.last { return exact }
        guard let ip = address.ip, let port = address.port else { return nil }
        if ip.isIPv6 { return byAddress[SocketAddress(SocketAddress.IP(high: 0, low: 0), port: port)]?.last }
        // A listener of all IPv6 addresses takes IPv4 when it is said to.
        return byAddress[SocketAddress(SocketAddress.IP(v4: 0), port: port)]?.last
    }

    func insert(_ socket: ListenerSocket, at addresses: [SocketAddress]) {
        for address in addresses { byAddress[address, default: []].append(socket) }
    }

    func remove(_ socket: ListenerSocket) {
        for (address, sockets) in byAddress where sockets.contains(where: { $0 === socket }) {
            let rest = sockets.filter { $0 !== socket }
            byAddress[address] = rest.isEmpty ? nil : rest
        }
    }
}
