import ProxyModel
import Reactor
import XDS

@testable import Supervision

/// The stream between the proxy and its control plane: a ``DiscoveryMachine`` run as `ControlPlaneStream` runs it, over a
/// link that delays and breaks. A stream that another bootstrap asks for takes the place of the one before.
@WorkerActor final class SimulatedLink: DiscoverySourceMaker {
    /// What the subscriber has of one stream.
    @WorkerActor private final class Stream: DiscoverySource {
        private unowned let link: SimulatedLink

        init(_ link: SimulatedLink) { self.link = link }

        private var isCurrent: Bool { link.current === self }

        func want(_ type: ResourceType, _ wanted: WantedResources, fetchTimeout: FetchTimes) {
            guard isCurrent else { return }
            link.work { $0.want(type, wanted, fetchTimeout: fetchTimeout, now: self.link.loop.now) }
        }

        func applied(_ refusals: [ResourceRefusal]) {
            if isCurrent { link.work { $0.applied(refusals, now: self.link.loop.now) } }
        }

        func stop() { if isCurrent { link.stopStream() } }
    }

    private let loop: EventLoop
    private unowned var owner: (any DiscoverySourceOwner)?
    private(set) var machine: DiscoveryMachine?
    private var current: Stream?
    private var timer: LoopTimer?
    private var rng: Seeded
    var toPlane: [[UInt8]] = []
    var toMachine: [[UInt8]] = []
    private(set) var isConnecting = false
    private(set) var isConnected = false
    private(set) var streams = 0
    /// Resources that the proxy was told not to wait for.
    private(set) var ended: Set<ResourceKey> = []
    /// Since when clusters that were there are offered no more, nanoseconds.
    private(set) var removedAt: [String: UInt64] = [:]

    init(loop: EventLoop, seed: UInt64) {
        self.loop = loop
        rng = Seeded(seed)
        timer = LoopTimer(loop: loop) { [unowned self] in self.work { $0.timeCame(now: self.loop.now) } }
    }

    // MARK: DiscoverySourceMaker

    func stream(_ order: StreamOrder, owner: any DiscoverySourceOwner) throws -> any DiscoverySource {
        self.owner = owner
        machine = order.machine(source: "xds", checker: ResourceChecker())
        let stream = Stream(self)
        current = stream
        return stream
    }

    func file(_ order: FileOrder, owner: any DiscoverySourceOwner) throws -> any DiscoverySource { Stream(self) }

    func stop() {}

    private func stopStream() {
        current = nil
        machine = nil
        isConnecting = false
        timer?.cancel()
        drop()
    }

    // MARK: The link

    /// The stream that was asked for opens, or does not.
    func connect(succeeds: Bool) {
        isConnecting = false
        if succeeds {
            isConnected = true
            streams += 1
            work { $0.opened(now: self.loop.now) }
        } else {
            work { $0.closed(now: self.loop.now, rng: &self.rng) }
        }
    }

    /// The stream ends; what is under way is lost.
    func cut() {
        drop()
        work { $0.closed(now: self.loop.now, rng: &self.rng) }
    }

    /// The next message arrives.
    func deliver() {
        let bytes = toMachine.removeFirst()
        work { $0.received(bytes, now: self.loop.now, rng: &self.rng) }
    }

    private func drop() {
        isConnected = false
        toPlane = []
        toMachine = []
    }

    private func work(_ verb: (inout DiscoveryMachine) -> [DiscoveryAction]) {
        guard var machine else { return }
        // The machine is nobody else's while it decides; what follows may come back here.
        self.machine = nil
        let actions = verb(&machine)
        self.machine = machine
        let stream = current
        for action in actions where current === stream { perform(action) }
        if let deadline = self.machine?.deadline { timer?.schedule(at: deadline) } else { timer?.cancel() }
    }

    private func perform(_ action: DiscoveryAction) {
        switch action {
        case .connect: isConnecting = true
        case .send(let bytes): if isConnected { toPlane.append(bytes) }
        case .disconnect: drop()
        case .apply(let batch):
            for change in batch.changes where change.key.type == .cluster {
                removedAt[change.key.name] = change.body == nil ? loop.now : nil
            }
            if let current { owner?.source(current, offers: batch) }
        case .fetchEnded(let keys):
            ended.formUnion(keys)
            if let current { owner?.source(current, ended: keys) }
        case .note: break
        }
    }
}
