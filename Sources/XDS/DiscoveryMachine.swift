package import ProxyModel

/// The client's side of xDS on one stream, of one type or of all (ADS): what to ask for, what to answer, when to try
/// again. It decides and does nothing itself: verbs come in, ``DiscoveryAction``s go out.
///
/// ```
/// idle ── want ──► connecting ── opened ──► open ── closed ──► waiting ── time ──► connecting
///                      └──────── closed ──────────────────────────┘
/// ```
///
/// The rules are those of Envoy's page "xDS REST and gRPC protocol":
/// - a response is answered when it has been applied, with its nonce; a refusal has an `error_detail` and keeps the
///   version before (state of the world);
/// - while a response of a type waits to be applied, no other request of the type is sent in the state of the world: its
///   nonce would be taken for the answer. The answer itself carries the names that are wanted by then;
/// - names that somebody wants because of a response are asked for before it is answered, because ``want(_:_:fetchTimeout:now:)``
///   comes before ``applied(_:now:)``;
/// - on a new stream everything that is wanted is asked for anew, in the order of the types; a delta stream hears what
///   is held already.
package struct DiscoveryMachine: Sendable {
    enum State: Equatable {
        /// Nothing is wanted. Next: connecting.
        case idle
        /// Next: open, waiting.
        case connecting
        /// Next: waiting.
        case open
        /// Next: connecting.
        case waiting(until: UInt64)
    }

    /// A response that came.
    struct Received {
        let stream: UInt64
        let type: ResourceType
        let update: DiscoveryUpdate
        /// It was answered before and is offered once more.
        var isReplay = false
    }

    /// The response that is being applied.
    struct InHand {
        let received: Received
        let sifted: HeldResources.Sifted
    }

    /// A request that is to be sent.
    struct Pending: Equatable {
        /// What it says about a response.
        struct Answer: Equatable {
            let nonce: String
            /// Nil: taken.
            let error: String?
        }

        let type: ResourceType
        var answer: Answer?
    }

    let settings: DiscoverySettings
    let checker: ResourceChecker
    var state = State.idle
    /// In the order in which they are asked for.
    var subscriptions: [TypeSubscription]
    var pending: [Pending] = []
    var budget: RequestBudget?
    /// When the rate limit lets the next request pass; nil when it does.
    var budgetReadyAt: UInt64?
    var isNodeSent = false
    /// Counts streams, so that the answer to an old one's response is not sent on another.
    var stream: UInt64 = 0
    var inHand: InHand?
    var waiting: [Received] = []
    private var backoff: StreamBackoff
    private var controlPlane = ""

    /// - Parameter types: what the stream is for; the order is that in which they are asked for.
    package init(_ settings: DiscoverySettings, types: [ResourceType], checker: ResourceChecker) {
        self.settings = settings
        self.checker = checker
        subscriptions = types.sorted().map(TypeSubscription.init)
        budget = settings.rateLimit.map(RequestBudget.init)
        backoff = StreamBackoff(base: settings.limits.reconnectBase, maximum: settings.limits.reconnectMaximum)
    }

    /// Whether a stream is open.
    package var isOpen: Bool { state == .open }

    /// Requests that wait for the rate limit or a pause.
    package var pendingRequests: Int { pending.count }

    /// Whether a response waits for another to be applied: then nothing more should be read.
    package var isBusy: Bool { !waiting.isEmpty }

    /// What is held of a type.
    package func held(_ type: ResourceType) -> HeldResources { self[type].held }

    /// When ``timeCame(now:)`` is to be called; nil: not before something else happens.
    package var deadline: UInt64? {
        var times = subscriptions.compactMap(\.deadlines.next)
        if case .waiting(let until) = state { times.append(until) }
        if state == .open, !pending.isEmpty {
            // While the budget holds everything back, a pause that is over is no deadline, or it would come again and again.
            times += budgetReadyAt.map { [$0] } ?? pending.compactMap { self[$0.type].pausedUntil }
        }
        return times.min()
    }

    /// Takes as held what came another way, such as from the last good configuration on disk.
    package mutating func seed(_ type: ResourceType, _ held: HeldResources) { self[type].held = held }

    // MARK: Verbs

    /// Sets what is wanted of a type.
    /// - Parameter fetchTimeout: how long what is new is waited for.
    package mutating func want(
        _ type: ResourceType, _ wanted: WantedResources, fetchTimeout: FetchTimes, now: UInt64
    ) -> [DiscoveryAction] {
        guard self[type].wanted != wanted else { return [] }
        let wasWanted = self[type].isWanted
        let offers = self[type].want(wanted, fetchTimeout, now: now)
        var actions: [DiscoveryAction] = []
        if !offers.isEmpty {
            let update = DiscoveryUpdate(replaying: offers, typeURL: type.typeURL, version: self[type].version)
            // Before what came since.
            waiting.insert(Received(stream: stream, type: type, update: update, isReplay: true), at: 0)
        }
        if !wasWanted { actions.append(.note(.attempt(type))) }
        if state == .idle, !wanted.isEmpty {
            state = .connecting
            actions.append(.connect)
        }
        ask(type)
        return actions + flush(now: now) + next(now: now)
    }

    /// The stream is open.
    package mutating func opened(now: UInt64) -> [DiscoveryAction] {
        guard state == .connecting else { preconditionFailure("a stream opened in \(state)") }
        state = .open
        for subscription in subscriptions where subscription.isWanted { ask(subscription.type) }
        return flush(now: now)
    }

    /// The stream ended, or could not be opened.
    package mutating func closed(now: UInt64, rng: inout some RandomNumberGenerator) -> [DiscoveryAction] {
        guard state == .open || state == .connecting else { return [] }
        state = .waiting(until: now &+ backoff.next(&rng))
        stream += 1
        pending = []
        isNodeSent = false
        budgetReadyAt = nil
        var actions: [DiscoveryAction] = []
        for index in subscriptions.indices {
            subscriptions[index].streamEnded()
            if subscriptions[index].isWanted {
                actions.append(.note(.failed(subscriptions[index].type)))
                actions.append(.note(.attempt(subscriptions[index].type)))
            }
        }
        return actions
    }

    /// A message came.
    package mutating func received(
        _ bytes: [UInt8], now: UInt64, rng: inout some RandomNumberGenerator
    ) -> [DiscoveryAction] {
        // What was under way when we ended the stream.
        guard state == .open else { return [] }
        let update: DiscoveryUpdate
        do {
            update = try DiscoveryUpdate(bytes, settings.variant)
        } catch {
            return disconnect("a message of the control plane cannot be read", now: now, rng: &rng)
        }
        guard let type = ResourceType(typeURL: update.typeURL), has(type), self[type].isRequested else {
            return [.note(.unexpected(typeURL: update.typeURL))]
        }
        guard waiting.count < settings.limits.waitingResponses else {
            return disconnect("more than \(settings.limits.waitingResponses) responses wait", now: now, rng: &rng)
        }
        backoff.succeeded()
        self[type].nonce = update.nonce
        self[type].unanswered += 1
        waiting.append(Received(stream: stream, type: type, update: update))
        var actions: [DiscoveryAction] = []
        if controlPlane != update.controlPlane {
            controlPlane = update.controlPlane
            actions.append(.note(.controlPlane(controlPlane)))
        }
        return actions + next(now: now) + flush(now: now)
    }

    /// The batch in hand is in force, but for the refused ones.
    package mutating func applied(_ refusals: [ResourceRefusal], now: UInt64) -> [DiscoveryAction] {
        guard let done = inHand else { preconditionFailure("nothing is in hand") }
        inHand = nil
        return settle(done, refusals, now: now) + next(now: now) + flush(now: now)
    }

    /// The time of ``deadline`` has come.
    package mutating func timeCame(now: UInt64) -> [DiscoveryAction] {
        var actions: [DiscoveryAction] = []
        for index in subscriptions.indices {
            let type = subscriptions[index].type
            let names = subscriptions[index].deadlines.takeExpired(now: now)
            guard !names.isEmpty else { continue }
            actions.append(.note(.timedOut(type, names: names.count)))
            actions.append(.fetchEnded(names.map { ResourceKey(type, $0) }))
        }
        if case .waiting(let until) = state, until <= now {
            state = .connecting
            actions.append(.connect)
        }
        return actions + flush(now: now)
    }

    // MARK: Private parts

    private mutating func disconnect(
        _ reason: String, now: UInt64, rng: inout some RandomNumberGenerator
    ) -> [DiscoveryAction] {
        [.disconnect(reason: reason)] + closed(now: now, rng: &rng)
    }

    func has(_ type: ResourceType) -> Bool { subscriptions.contains { $0.type == type } }

    subscript(_ type: ResourceType) -> TypeSubscription {
        get { subscriptions[position(type)] }
        _modify { yield &subscriptions[position(type)] }
    }

    private func position(_ type: ResourceType) -> Int {
        guard let position = subscriptions.firstIndex(where: { $0.type == type }) else {
            preconditionFailure("this stream is not for \(type)")
        }
        return position
    }
}
