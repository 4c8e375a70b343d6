import Observability

/// What a worker works on at a moment.
package struct RequestInHand: Equatable, Sendable {
    /// Of the request's head as it arrived; see `HeaderBlock.fingerprint`.
    package let fingerprint: UInt64
    /// The route's name, or what it matches; empty as long as there is none.
    package let route: String
    /// The filter that was called last; empty outside of filters.
    package let filter: String
    /// What that filter runs, for one that runs scripts.
    package let script: String

    /// As a process that is gone noted it, or as the running one has it.
    package init(fingerprint: UInt64, route: String, filter: String, script: String) {
        self.fingerprint = fingerprint
        self.route = route
        self.filter = filter
        self.script = script
    }
}

extension WorkerContext {
    /// The request that the present event is about; nil when it is about none.
    ///
    /// Made so that the handler of a fatal signal may call it on the loop's thread: it reads, and allocates nothing.
    package var requestInHand: RequestInHand? {
        guard let stream = streamInHand else { return nil }
        var route = ""
        if case .known(let choice?) = stream.routeState { route = choice.entry.name?.text ?? choice.entry.matchText }
        let filter = filterInHand
        return RequestInHand(
            fingerprint: stream.fingerprint, route: route, filter: filter?.name ?? "",
            script: filter?.scriptInHand ?? "")
    }
}
