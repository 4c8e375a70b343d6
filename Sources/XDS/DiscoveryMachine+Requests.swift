import ProxyModel
import SwiftProtobuf

/// What is sent.
extension DiscoveryMachine {
    /// Has a type's names sent, unless something that will be sent anyway has them in it.
    mutating func ask(_ type: ResourceType) {
        guard state == .open, self[type].isWanted || self[type].isRequested else { return }
        if settings.variant == .stateOfTheWorld, self[type].unanswered > 0 { return }
        // What is held would change behind a first request that says what is held.
        if !self[type].isRequested, hasOldResponse(type) { return }
        guard
            !pending.contains(where: { $0.type == type && (settings.variant == .stateOfTheWorld || $0.answer == nil) })
        else { return }
        pending.append(Pending(type: type))
    }

    /// Whether a response of a stream that ended is not applied yet.
    private func hasOldResponse(_ type: ResourceType) -> Bool {
        let isOld = { (received: Received) in received.type == type && received.stream != stream && !received.isReplay }
        return inHand.map { isOld($0.received) } == true || waiting.contains(where: isOld)
    }

    /// Sends what waits, as far as the rate limit lets it.
    mutating func flush(now: UInt64) -> [DiscoveryAction] {
        guard state == .open else { return [] }
        var actions: [DiscoveryAction] = []
        budgetReadyAt = nil
        while let index = pending.firstIndex(where: { (self[$0.type].pausedUntil ?? 0) <= now }) {
            let request = pending[index]
            guard let bytes = peekMessage(request) else {
                pending.remove(at: index)
                continue
            }
            if let ready = budget?.take(now: now) {
                budgetReadyAt = ready
                actions.append(.note(.rateLimited))
                break
            }
            pending.remove(at: index)
            self[request.type].pausedUntil = nil
            sent(request.type)
            actions.append(.send(bytes))
        }
        return actions
    }

    /// Notes that a request with the names of now is on its way.
    private mutating func sent(_ type: ResourceType) {
        isNodeSent = true
        // A delta request is never ignored: what it gives up is given up.
        if settings.variant == .delta, self[type].sentNames != self[type].names {
            for name in self[type].sentNames.subtracting(self[type].names) { self[type].parked.take(name) }
        }
        self[type].isRequested = true
        self[type].sentNames = self[type].names
    }

    /// The message of a request; nil when it would say nothing.
    private func peekMessage(_ request: Pending) -> [UInt8]? {
        do {
            switch settings.variant {
            case .stateOfTheWorld: return try stateOfTheWorld(request).serializedBytes()
            case .delta: return try delta(request)?.serializedBytes()
            }
        } catch {
            preconditionFailure("a request cannot be written: \(error)")
        }
    }

    private var sendsNode: Bool { !isNodeSent || !settings.nodeOnFirstMessageOnly }

    private func stateOfTheWorld(_ request: Pending) -> Envoy_Service_Discovery_V3_DiscoveryRequest {
        let subscription = self[request.type]
        var message = Envoy_Service_Discovery_V3_DiscoveryRequest()
        message.typeURL = request.type.typeURL
        message.versionInfo = subscription.version
        message.resourceNames = subscription.sortedNames
        message.responseNonce = request.answer?.nonce ?? subscription.nonce
        if sendsNode { message.node = settings.node }
        if let error = request.answer?.error { message.errorDetail = Self.status(error) }
        return message
    }

    private func delta(_ request: Pending) -> Envoy_Service_Discovery_V3_DeltaDiscoveryRequest? {
        let subscription = self[request.type]
        var message = Envoy_Service_Discovery_V3_DeltaDiscoveryRequest()
        // What was sent shares its storage with what is wanted until that changes, so that this costs nothing.
        if subscription.sentNames != subscription.names {
            message.resourceNamesSubscribe = subscription.names.subtracting(subscription.sentNames).sorted()
            message.resourceNamesUnsubscribe = subscription.sentNames.subtracting(subscription.names).sorted()
        }
        if subscription.isRequested, request.answer == nil, message.resourceNamesSubscribe.isEmpty,
            message.resourceNamesUnsubscribe.isEmpty
        {
            return nil
        }
        message.typeURL = request.type.typeURL
        if !subscription.isRequested { message.initialResourceVersions = subscription.held.versions }
        if sendsNode { message.node = settings.node }
        if let answer = request.answer {
            message.responseNonce = answer.nonce
            if let error = answer.error { message.errorDetail = Self.status(error) }
        }
        return message
    }

    /// INVALID_ARGUMENT, as gRPC's own clients say it.
    private static func status(_ error: String) -> Google_Rpc_Status {
        var status = Google_Rpc_Status()
        status.code = 3
        status.message = error
        return status
    }
}
