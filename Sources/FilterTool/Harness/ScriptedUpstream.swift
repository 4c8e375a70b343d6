import Bytes
import HTTPCodec
import HTTPModel
import Reactor

/// A service behind the worker, for one cluster: keeps what it was asked and answers as the case says.
@WorkerActor final class ScriptedUpstream: EventHandler {
    let cluster: String
    let port: UInt16
    private let loop: EventLoop
    private let listener: Int32
    private var peers: [WirePeer] = []
    /// What it was asked since the last ``take()``.
    private var requests: [WireMessage] = []
    /// What it answers; the last one again and again.
    var answers: [WireMessage] = []

    init(_ cluster: String, _ loop: EventLoop) throws(SystemError) {
        self.cluster = cluster
        self.loop = loop
        guard let loopback = SocketAddress(host: "127.0.0.1", port: 0) else { preconditionFailure("loopback is an address") }
        let socket = try Socket.listen(loopback)
        port = Socket.localAddress(socket.raw)?.port ?? 0
        listener = socket.release()
        try loop.watch(listener, [.readable], self)
    }

    /// What it was asked since the last call.
    func take() -> [WireMessage] {
        defer { requests = [] }
        return requests
    }

    func close() {
        loop.unwatch(listener)
        _ = Descriptor(listener)
        for peer in peers { peer.close() }
        peers = []
    }

    func ready(_ readiness: Readiness) {
        guard case .connection(let descriptor, _) = Socket.accept(listener) else { return }
        do throws(SystemError) {
            peers.append(
                try WirePeer(
                    descriptor, .request, loop, received: { [unowned self] in self.answer($0, $1) },
                    ended: { [unowned self] peer in self.peers.removeAll { $0 === peer } }))
        } catch {
            // The worker sees the connection end and says so in its answer.
            return
        }
    }

    private func answer(_ peer: WirePeer, _ request: WireMessage) {
        requests.append(request)
        let answer = answers.count > 1 ? answers.removeFirst() : answers.first ?? WireMessage()
        peer.send(answer.responseBytes(toHead: request[":method"] == "HEAD"))
    }
}
