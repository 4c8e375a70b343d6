import Bytes
import DataPlane
import Glibc
import Observability
import ProxyModel
import Reactor
import ServiceKit
import TrafficPolicy
import XDS

/// Runs a ``DiscoveryMachine`` on gRPC calls to a control plane.
@WorkerActor final class ControlPlaneStream: DiscoverySource, GRPCCallOwner {
    private let loop: EventLoop
    private let statistics: DiscoveryStatistics
    private let upstream: ControlPlaneUpstream
    private let path: String
    private let resolver: NameResolver
    private unowned let owner: any DiscoverySourceOwner
    private var machine: DiscoveryMachine
    private var random: FastRandom
    private var call: GRPCCall?
    private var timer: LoopTimer?
    private var nextEndpoint = 0
    /// Counts tries, so that an address that comes late is not used for another one.
    private var attempt = 0
    private var isStopped = false
    /// Whether the statistics count the stream as open.
    private var isOpen = false
    private var pendingRequests = 0

    /// - Parameter path: the method.
    init(
        loop: EventLoop, statistics: DiscoveryStatistics, upstream: ControlPlaneUpstream, path: String,
        resolver: NameResolver, machine: DiscoveryMachine, seed: UInt64, owner: any DiscoverySourceOwner
    ) {
        self.loop = loop
        self.statistics = statistics
        self.upstream = upstream
        self.path = path
        self.resolver = resolver
        self.machine = machine
        self.owner = owner
        random = FastRandom(seed: seed)
        // The proxies of a mesh do not all begin with the same endpoint.
        nextEndpoint = Int(random.next() % UInt64(upstream.endpoints.count))
        timer = LoopTimer(loop: loop) { [unowned self] in self.perform(self.machine.timeCame(now: self.loop.now)) }
    }

    // MARK: DiscoverySource

    func want(_ type: ResourceType, _ wanted: WantedResources, fetchTimeout: FetchTimes) {
        perform(machine.want(type, wanted, fetchTimeout: fetchTimeout, now: loop.now))
    }

    func applied(_ refusals: [ResourceRefusal]) {
        guard !isStopped else { return }
        perform(machine.applied(refusals, now: loop.now))
    }

    func stop() {
        guard !isStopped else { return }
        isStopped = true
        timer?.cancel()
        endCall("it is not needed any more")
    }

    // MARK: GRPCCallOwner

    func callOpened(_ call: GRPCCall) {
        isOpen = true
        statistics.streamOpened(upstream.cluster)
        perform(machine.opened(now: loop.now))
    }

    func call(_ call: GRPCCall, received message: [UInt8]) {
        perform(machine.received(message, now: loop.now, rng: &random))
    }

    func call(_ call: GRPCCall, ended end: GRPCEnd) {
        statistics.streamClosed(upstream.cluster, wasOpen: isOpen, end.message)
        isOpen = false
        self.call = nil
        perform(machine.closed(now: loop.now, rng: &random))
    }

    // MARK: Private parts

    private func perform(_ actions: [DiscoveryAction]) {
        for action in actions where !isStopped {
            switch action {
            case .connect: connect()
            case .send(let bytes): call?.send(bytes)
            case .disconnect(let reason): endCall(reason)
            case .apply(let batch): owner.source(self, offers: batch)
            case .fetchEnded(let keys): owner.source(self, ended: keys)
            case .note(let note): statistics.note(note, upstream.cluster)
            }
        }
        guard !isStopped else { return }
        if machine.isBusy { call?.pause() } else { call?.resume() }
        if let deadline = machine.deadline { timer?.schedule(at: deadline) } else { timer?.cancel() }
        notePending(machine.pendingRequests)
    }

    private func notePending(_ count: Int) {
        guard count != pendingRequests else { return }
        statistics.controlPlane[.pendingRequests].add(count - pendingRequests)
        pendingRequests = count
    }

    private func endCall(_ reason: String) {
        notePending(0)
        guard let call else { return }
        self.call = nil
        let wasOpen = isOpen
        isOpen = false
        call.cancel()
        statistics.streamClosed(upstream.cluster, wasOpen: wasOpen, reason)
    }

    private func connect() {
        attempt += 1
        let attempt = attempt
        let endpoint = upstream.endpoints[nextEndpoint % upstream.endpoints.count]
        nextEndpoint += 1
        switch endpoint {
        case .address(let address): start(address)
        case .name(let host, let port):
            resolver.resolve(host, family: AF_UNSPEC) { [weak self] result in
                guard let self, !self.isStopped, self.attempt == attempt else { return }
                switch result {
                case .success(let addresses) where !addresses.isEmpty:
                    let index = Int(self.random.next() % UInt64(addresses.count))
                    self.start(SocketAddress(addresses[index].ip, port: port))
                case .success: self.failed("\(host) has no address")
                case .failure(let failure): self.failed("\(host): \(failure)")
                }
            }
        }
    }

    private func start(_ address: SocketAddress) {
        do throws(ConfigProblem) {
            let call = GRPCCall(loop: loop, target: try upstream.target(address, path: path, seed: random.next()), owner: self)
            self.call = call
            call.start()
        } catch {
            failed(error.description)
        }
    }

    private func failed(_ reason: String) {
        statistics.streamClosed(upstream.cluster, wasOpen: false, reason)
        perform(machine.closed(now: loop.now, rng: &random))
    }
}
