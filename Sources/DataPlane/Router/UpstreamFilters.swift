import Reactor

/// The HTTP filters of a cluster (`http_filters` of its `HttpProtocolOptions`): each attempt at one of its hosts runs
/// through a chain of them, behind the router.
@WorkerActor final class UpstreamFilters {
    /// In the order of the configuration, without the codec at their end.
    private let factories: [any HTTPFilterFactory]
    /// Filters that are off unless a route switches them on, a bit for each.
    let switchedOff: UInt64
    private var pool: [UpstreamFilterChain] = []
    /// Chains kept for reuse.
    private static let maximumPooled = 1024

    init(_ factories: [any HTTPFilterFactory], switchedOff: UInt64) {
        self.factories = factories
        self.switchedOff = switchedOff
    }

    /// A chain for one attempt.
    func take(_ worker: WorkerContext) -> UpstreamFilterChain {
        pool.popLast() ?? UpstreamFilterChain(factories.map { $0.makeFilter() }, of: self, worker)
    }

    fileprivate func giveBack(_ chain: UpstreamFilterChain) {
        if pool.count < Self.maximumPooled { pool.append(chain) }
    }
}

/// The filters of a cluster at one attempt: between the router and the connection to the host.
///
/// They see the request as the router has made it, before there is a connection, and the response before the router looks
/// at it. The object belongs to its cluster's pool and serves one attempt after the other; an attempt that is over keeps it
/// until its stream is, since it may still be on the call stack.
@WorkerActor final class UpstreamFilterChain {
    let requestPath: MessagePath
    let responsePath: MessagePath
    private let filters: [HTTPFilter]
    private let home: UpstreamFilters
    /// Of the attempt before, which is over.
    private var earlier: UpstreamFilterChain?
    private var isRunning = false

    fileprivate init(_ filters: [HTTPFilter], of home: UpstreamFilters, _ worker: WorkerContext) {
        let chain = filters + [UpstreamCodecFilter()]
        self.filters = chain
        self.home = home
        requestPath = MessagePath(.request, chain, isUpstream: true, pool: worker.blocks)
        responsePath = MessagePath(.response, chain, isUpstream: true, pool: worker.blocks)
        for (index, filter) in chain.enumerated() {
            filter.index = index
            filter.upstream = self
        }
    }

    // MARK: The request, from the router

    /// The request's head goes to the first filter.
    /// - Parameter earlier: the chain of the attempt before.
    func begin(_ stream: Stream, after earlier: UpstreamFilterChain?, endStream: Bool) {
        self.earlier = earlier
        isRunning = true
        var off = home.switchedOff
        if stream.routes.configuresFilters { off = stream.switched(filters, off) }
        requestPath.switchedOff = off
        responsePath.switchedOff = off
        requestPath.iteration.endSeen = endStream
        stream.runHeaders(requestPath, from: 0)
    }

    func send(_ stream: Stream, _ bytes: UnsafeRawBufferPointer, endStream: Bool) {
        stream.feedData(requestPath, bytes, endStream: endStream)
    }

    func sendTrailers(_ stream: Stream) {
        stream.feedTrailers(requestPath)
    }

    // MARK: The response, from the host

    func receiveHeaders(_ stream: Stream, endStream: Bool) {
        responsePath.iteration.endSeen = endStream
        guard !responsePath.isStopped else { return }
        stream.runHeaders(responsePath, from: 0)
    }

    func receiveData(_ stream: Stream, _ bytes: UnsafeRawBufferPointer, endStream: Bool) {
        stream.feedData(responsePath, bytes, endStream: endStream)
    }

    func receiveTrailers(_ stream: Stream) {
        stream.feedTrailers(responsePath)
    }

    // MARK: The end

    /// The attempt is over, whoever ended it.
    func stop(_ stream: Stream) {
        guard isRunning else { return }
        isRunning = false
        requestPath.isStopped = true
        responsePath.isStopped = true
        if requestPath.senderPaused {
            requestPath.senderPaused = false
            if stream.isActive { stream.codec.resumeRequest(stream) }
        }
        for filter in filters { filter.onStreamEnd(stream) }
    }

    /// Nothing of the stream is on the call stack any more: back to the first state and into the pool, with the chains of
    /// earlier attempts.
    func recycle() {
        var next: UpstreamFilterChain? = self
        while let chain = next {
            next = chain.earlier
            chain.reset()
            chain.home.giveBack(chain)
        }
    }

    private func reset() {
        earlier = nil
        for filter in filters { filter.reset() }
        requestPath.reset()
        responsePath.reset()
    }
}

/// `envoy.filters.http.upstream_codec`: the end of a cluster's chain, behind which the request goes to a connection.
@WorkerActor private final class UpstreamCodecFilter: HTTPFilter {
    init() {
        super.init(name: "envoy.filters.http.upstream_codec", callbacks: .request)
    }

    override func onRequestHeaders(_ stream: Stream, endStream: Bool) -> HeadersVerdict {
        stream.router.begin(endStream: endStream)
        return .proceed
    }

    override func onRequestData(
        _ stream: Stream, _ data: inout UnsafeRawBufferPointer, endStream: Bool
    ) -> DataVerdict {
        stream.router.send(data, endStream: endStream)
        return .proceed
    }

    override func onRequestTrailers(_ stream: Stream) -> TrailersVerdict {
        stream.router.sendTrailers()
        return .proceed
    }
}
