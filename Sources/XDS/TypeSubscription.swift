import ProxyModel

/// What a ``DiscoveryMachine`` knows of one type: what is wanted and held, and how far the present stream has come.
struct TypeSubscription: Equatable, Sendable {
    let type: ResourceType
    private(set) var wanted = WantedResources.nothing
    /// The names that are wanted, in order; sorted once, for every request of the state of the world has them all.
    private(set) var sortedNames: [String] = []
    var held = HeldResources()
    /// The version of the last response that was taken whole; survives the stream.
    var version = ""
    var deadlines = FetchDeadlines()

    // Of the present stream:

    /// A request was sent.
    var isRequested = false
    /// The names of the last request.
    var sentNames: Set<String> = []
    /// What the control plane may believe to be wanted here.
    var parked = ParkedResources()
    /// Of the last response; empty before there is one.
    var nonce = ""
    /// Responses that came and are not answered.
    var unanswered = 0

    // Against control planes that answer a refusal at once with the same:

    /// Refusals since the last response that was taken whole.
    var refusalsInRow = 0
    /// Nothing is sent before.
    var pausedUntil: UInt64?

    init(_ type: ResourceType) { self.type = type }

    /// Whether the control plane has anything to do with the type on a new stream.
    var isWanted: Bool { !wanted.isEmpty }

    /// The names that are wanted; none for a wildcard.
    var names: Set<String> {
        switch wanted {
        case .all: []
        case .names(let names): names
        }
    }

    /// Sets what is wanted, and waits for what is new.
    /// - Returns: what is new and parked, to be offered once more.
    mutating func want(_ wanted: WantedResources, _ times: FetchTimes, now: UInt64) -> [DiscoveryUpdate.Offer] {
        var offers: [DiscoveryUpdate.Offer] = []
        switch wanted {
        case .all:
            if self.wanted != .all, held.count == 0, times.common > 0 {
                deadlines.add([ResourceWant.wildcard], now &+ times.common)
            }
        case .names(let new):
            let old = names
            for name in old.subtracting(new) {
                giveUp(name)
                deadlines.remove(name)
            }
            for name in new.subtracting(old).sorted() {
                let time = times[name]
                if time > 0, !held.holds(name) { deadlines.add(CollectionOfOne(name), now &+ time) }
                guard let item = parked.take(name) else { continue }
                offers.append(
                    DiscoveryUpdate.Offer(name: name, version: item.version, typeURL: type.typeURL, body: item.body))
            }
        }
        self.wanted = wanted
        sortedNames = names.sorted()
        return offers
    }

    /// Nobody wants a name any more.
    mutating func giveUp(_ name: String) {
        if let item = held.items[name], isRequested { parked.park(name, item) }
        held.forget(name)
    }

    /// Keeps what a response has for names that were asked for and are not wanted at the moment.
    mutating func park(_ update: DiscoveryUpdate) {
        guard case .names(let names) = wanted else { return }
        for offer in update.offers {
            guard let body = offer.body, let name = offer.name ?? ResourceChecker.name(body), !names.contains(name),
                sentNames.contains(name) || parked.contains(name), offer.typeURL == type.typeURL
            else { continue }
            parked.park(name, HeldResources.Item(version: offer.version, body: body))
        }
        for name in update.removed { parked.take(name) }
    }

    /// A new stream knows nothing of the last one's.
    mutating func streamEnded() {
        isRequested = false
        sentNames = []
        parked.removeAll()
        nonce = ""
        unanswered = 0
        pausedUntil = nil
    }

    /// What came need not be waited for.
    mutating func heard(_ sifted: HeldResources.Sifted) {
        deadlines.remove(ResourceWant.wildcard)
        for name in sifted.named { deadlines.remove(name) }
    }
}
