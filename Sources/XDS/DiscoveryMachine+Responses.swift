import ProxyModel

/// What responses come to.
extension DiscoveryMachine {
    /// Takes the next response in hand, when there is one and nothing is in hand.
    mutating func next(now: UInt64) -> [DiscoveryAction] {
        var actions: [DiscoveryAction] = []
        while inHand == nil, !waiting.isEmpty {
            let received = waiting.removeFirst()
            self[received.type].park(received.update)
            let subscription = self[received.type]
            let sifted = subscription.held.sift(
                received.update, received.type, wanted: subscription.wanted, checker: checker, limits: settings.limits)
            self[received.type].heard(sifted)
            if !sifted.ignored.isEmpty { actions.append(.note(.ignored(fields: sifted.ignored))) }
            if !sifted.absent.isEmpty {
                actions.append(.fetchEnded(sifted.absent.map { ResourceKey(received.type, $0) }))
            }
            inHand = InHand(received: received, sifted: sifted)
            let version = received.update.version
            actions.append(.apply(ResourceBatch(sifted, received.type, source: settings.source, version: version)))
        }
        return actions
    }

    /// Keeps what was taken, and answers.
    mutating func settle(_ done: InHand, _ refusals: [ResourceRefusal], now: UInt64) -> [DiscoveryAction] {
        let type = done.received.type
        var actions: [DiscoveryAction] = []
        self[type].held.settle(done.sifted, refused: Set(refusals.map(\.key.name)))
        dropUnwanted(done, type)
        let all = done.sifted.refused + refusals
        // Who waits for one that was refused gets no other soon.
        let lost = all.map(\.key).filter { self[type].wanted.contains($0.name) && !self[type].held.holds($0.name) }
        if type.isWildcard == false, !lost.isEmpty { actions.append(.fetchEnded(lost)) }
        let error = all.isEmpty ? nil : Self.errorText(all, limit: settings.limits.reasonBytes)
        if let error { actions.append(.note(.rejected(type, reason: error))) }
        guard !done.received.isReplay else { return actions }
        if error != nil {
            self[type].refusalsInRow += 1
        } else {
            self[type].refusalsInRow = 0
            self[type].version = done.received.update.version
            actions.append(.note(.accepted(type, version: done.received.update.version)))
        }
        actions.append(.note(.attempt(type)))
        guard state == .open else { return actions }
        guard done.received.stream == stream else {
            // Its type has waited for it on the new stream.
            ask(type)
            return actions
        }
        self[type].unanswered -= 1
        if self[type].refusalsInRow > 1 { self[type].pausedUntil = now &+ refusalPause(self[type].refusalsInRow) }
        pending.append(Pending(type: type, answer: .init(nonce: done.received.update.nonce, error: error)))
        return actions
    }

    /// What nobody wants any more since it was taken in hand.
    private mutating func dropUnwanted(_ done: InHand, _ type: ResourceType) {
        for change in done.sifted.changes where !self[type].wanted.contains(change.key.name) {
            self[type].giveUp(change.key.name)
        }
    }

    private func refusalPause(_ count: Int) -> UInt64 {
        let shift = UInt64(min(count - 2, 20))
        return min(settings.limits.refusalMaximum, settings.limits.refusalBase << shift)
    }

    /// One text for all that was refused, with the name before each reason.
    static func errorText(_ refusals: [ResourceRefusal], limit: Int) -> String {
        var text = ""
        for (index, refusal) in refusals.enumerated() {
            let line = (index == 0 ? "" : "\n") + "\(refusal.key.name): \(refusal.reason)"
            guard text.utf8.count + line.utf8.count <= limit else {
                if text.isEmpty { text = String(decoding: line.utf8.prefix(limit), as: UTF8.self) }
                return text + "\nand \(refusals.count - max(index, 1)) more"
            }
            text += line
        }
        return text
    }
}
