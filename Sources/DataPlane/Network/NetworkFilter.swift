package import Reactor

/// What understands the bytes of a downstream connection after its transport is up: the HTTP connection manager or the
/// TCP proxy. The last and only network filter of a chain so far.
@WorkerActor package protocol NetworkFilter: AnyObject {
    /// The connection is up; comes once and first.
    func connectionOpened()
    /// See ``TransportOwner/transport(_:received:)``.
    func received(_ bytes: UnsafeRawBufferPointer) -> Int
    func inputEnded()
    func outputCrossed(_ crossing: Watermark.Crossing)
    /// Comes once and last.
    func connectionClosed(_ reason: TransportClose)
    /// The listener or the worker goes away: finish what is under way and take nothing new.
    func drain()
    /// The filter chain goes away: as ``drain()``, but what is idle stays open, for its client may be sending already.
    func retire()
    /// The filter chain has a new form that differs only in what new streams look at: go on under it.
    /// - Parameter factory: of that form; made from the same connection form (`FilterChain.connectionForm`).
    func adopt(_ factory: any NetworkFilterFactory)
}

/// Makes the network filter of a connection; one a filter chain.
@WorkerActor package protocol NetworkFilterFactory: AnyObject {
    func makeFilter(_ connection: DownstreamConnection) -> any NetworkFilter
}
