package import Bytes
import HTTPModel
import Reactor

/// The message's way through the filters. Both directions, and the filters of a cluster, are the same code: a position
/// counts in the order of its ``MessagePath``.
extension Stream {
    /// The way that a filter stands at.
    private func path(_ direction: Direction, of filter: HTTPFilter) -> MessagePath {
        if let chain = filter.upstream { return direction == .request ? chain.requestPath : chain.responsePath }
        return direction == .request ? requestPath : responsePath
    }

    private func wants(_ path: MessagePath, _ filter: HTTPFilter, _ callback: FilterCallbacks) -> Bool {
        filter.callbacks.has(callback) && path.switchedOff & (1 &<< UInt64(truncatingIfNeeded: filter.index)) == 0
    }

    /// Filters that this stream does not meet, a bit for each.
    var switchedOff: UInt64 {
        get { requestPath.switchedOff }
        set {
            requestPath.switchedOff = newValue
            responsePath.switchedOff = newValue
        }
    }

    /// Which filters the request meets, as its route says when the request begins.
    func switchFilters() { switchedOff = switched(filters, switchedOff) }

    /// - Parameter off: those that are off where the route says nothing, a bit for each.
    func switched(_ filters: [HTTPFilter], _ off: UInt64) -> UInt64 {
        var off = off
        for (index, filter) in filters.enumerated() {
            guard let said = routeConfig(of: filter) else { continue }
            let bit = 1 &<< UInt64(truncatingIfNeeded: index)
            if said is DisabledFilter { off |= bit } else { off &= ~bit }
        }
        return off
    }

    // MARK: Heads

    func runHeaders(_ path: MessagePath, from start: Int) {
        var position = max(start, path.firstForHead)
        let count = path.filters.count
        let wanted: FilterCallbacks = path.direction == .request ? .requestHeaders : .responseHeaders
        while position < count {
            let filter = path.filters[position]
            if wants(path, filter, wanted) {
                let endStream = headEndsMessage(path)
                worker.takeInHand(self, filter)
                let verdict =
                    path.direction == .request
                    ? filter.onRequestHeaders(self, endStream: endStream)
                    : filter.onResponseHeaders(self, endStream: endStream)
                guard !path.isStopped else { return }
                switch verdict {
                case .proceed:
                    guard endStream, !path.buffer.isEmpty else { break }
                    // The filter gave a body to a message that had none.
                    path.iteration.headHeld(at: position, seesData: true)
                    resume(path, from: position)
                    return
                case .pause:
                    path.iteration.headHeld(at: position, seesData: true)
                    return
                case .pauseAndBuffer, .pauseAndWatermark:
                    path.iteration.headHeld(at: position, seesData: false)
                    path.watermarkMode = verdict == .pauseAndWatermark
                    return
                }
            }
            path.iteration.headPassed(position)
            position += 1
        }
        path.iteration.headPassed(count - 1)
        let endStream = headEndsMessage(path)
        if endStream { path.iteration.isComplete = true }
        switch path.sink {
        case .none: break
        case .client: deliverResponseHeaders(endStream: endStream)
        case .router: router.answered(self, endStream: endStream)
        }
    }

    private func headEndsMessage(_ path: MessagePath) -> Bool {
        path.iteration.endSeen && !path.iteration.trailersSeen && path.buffer.isEmpty
    }

    // MARK: Bodies

    /// The next piece of body comes to the first filter.
    func feedData(_ path: MessagePath, _ bytes: UnsafeRawBufferPointer, endStream: Bool) {
        if endStream { path.iteration.endSeen = true }
        guard !path.isStopped else { return }
        runData(path, bytes, endStream: endStream, from: 0)
    }

    func runData(_ path: MessagePath, _ bytes: UnsafeRawBufferPointer, endStream: Bool, from start: Int) {
        var data = bytes
        var position = start
        let count = path.filters.count
        if path.iteration.hold == .none { position = max(position, path.firstForBody) }
        while position < count {
            let filter = path.filters[position]
            if path.iteration.holder == position {
                dataAtHolder(path, filter, position, data, endStream: endStream)
                return
            }
            let wanted: FilterCallbacks = path.direction == .request ? .requestData : .responseData
            if wants(path, filter, wanted) {
                let verdict = call(path.direction, filter, &data, endStream: endStream)
                guard !path.isStopped else { return }
                switch verdict {
                case .proceed: break
                case .buffer, .bufferWithWatermark:
                    path.iteration.bodyHeld(at: position)
                    keep(path, data, watermark: verdict == .bufferWithWatermark)
                    return
                case .consume:
                    if endStream { path.iteration.bodyHeld(at: position) }
                    return
                }
            }
            position += 1
        }
        if endStream { path.iteration.isComplete = true }
        switch path.sink {
        case .none: break
        case .client: deliverResponseData(data, endStream: endStream)
        case .router: router.answeredData(self, data, endStream: endStream)
        }
    }

    private func call(
        _ direction: Direction, _ filter: HTTPFilter, _ data: inout UnsafeRawBufferPointer, endStream: Bool
    ) -> DataVerdict {
        worker.takeInHand(self, filter)
        return direction == .request
            ? filter.onRequestData(self, &data, endStream: endStream)
            : filter.onResponseData(self, &data, endStream: endStream)
    }

    private func dataAtHolder(
        _ path: MessagePath, _ filter: HTTPFilter, _ position: Int, _ bytes: UnsafeRawBufferPointer, endStream: Bool
    ) {
        if case .head(_, seesData: false) = path.iteration.hold {
            keep(path, bytes, watermark: path.watermarkMode)
            return
        }
        var data = bytes
        let wanted: FilterCallbacks = path.direction == .request ? .requestData : .responseData
        let verdict = wants(path, filter, wanted) ? call(path.direction, filter, &data, endStream: endStream) : .buffer
        guard !path.isStopped else { return }
        switch verdict {
        case .proceed:
            path.buffer.append(data)
            resume(path, from: position)
        case .buffer: keep(path, data, watermark: false)
        case .bufferWithWatermark: keep(path, data, watermark: true)
        case .consume: break
        }
    }

    /// Puts body behind what already waits, within the limit.
    private func keep(_ path: MessagePath, _ bytes: UnsafeRawBufferPointer, watermark: Bool) {
        path.buffer.append(bytes)
        let limit = path.direction == .request ? requestBufferLimit : config.bufferLimit
        guard limit > 0, path.buffer.count > limit else { return }
        if watermark {
            pauseSender(path)
            return
        }
        switch path.direction {
        case .request:
            config.stats.requestTooLarge()
            reply(LocalReply(status: 413, body: "Payload Too Large", details: "request_payload_too_large"))
        case .response:
            config.stats.responseTooLarge()
            reply(LocalReply(status: 500, body: "Internal Server Error", details: "response_payload_too_large"))
        }
    }

    /// How much of a request's body may wait here: what its route says, else the connection's limit.
    var requestBufferLimit: Int {
        guard routes.limitsBodies else { return config.bufferLimit }
        return route?.requestBufferLimit ?? config.bufferLimit
    }

    private func pauseSender(_ path: MessagePath) {
        guard !path.senderPaused else { return }
        path.senderPaused = true
        switch path.direction {
        case .request: codec.pauseRequest(self)
        case .response: router.pauseResponse()
        }
    }

    private func resumeSender(_ path: MessagePath) {
        guard path.senderPaused else { return }
        path.senderPaused = false
        switch path.direction {
        case .request: codec.resumeRequest(self)
        case .response: router.resumeResponse()
        }
    }

    // MARK: Trailers

    /// The trailers come to the first filter.
    func feedTrailers(_ path: MessagePath) {
        path.iteration.endSeen = true
        path.iteration.trailersSeen = true
        guard !path.isStopped else { return }
        runTrailers(path, from: 0)
    }

    func runTrailers(_ path: MessagePath, from start: Int) {
        var position = start
        let count = path.filters.count
        let wanted: FilterCallbacks = path.direction == .request ? .requestTrailers : .responseTrailers
        while position < count {
            let filter = path.filters[position]
            let holds = path.iteration.holder == position
            if holds, case .head(_, seesData: false) = path.iteration.hold { return }
            if holds, case .trailers = path.iteration.hold { return }
            if wants(path, filter, wanted) {
                worker.takeInHand(self, filter)
                let verdict = path.direction == .request ? filter.onRequestTrailers(self) : filter.onResponseTrailers(self)
                guard !path.isStopped else { return }
                if verdict == .pause {
                    if !holds { path.iteration.trailersHeld(at: position) }
                    return
                }
            }
            if holds {
                resume(path, from: position)
                return
            }
            position += 1
        }
        path.iteration.isComplete = true
        switch path.sink {
        case .none: break
        case .client: deliverResponseTrailers()
        case .router: router.answeredTrailers(self)
        }
    }

    // MARK: Going on

    /// `filter` works on this stream from here on, outside of its callbacks: if it crashes, the two are named.
    package func workGoesOn(in filter: HTTPFilter) { worker.takeInHand(self, filter) }

    /// Lets the request go on from `filter`, which held it back.
    package func continueRequest(from filter: HTTPFilter) {
        worker.eventBegan()
        defer { worker.eventEnded() }
        let path = path(.request, of: filter)
        resume(path, from: path.position(of: filter))
    }

    /// Lets the response go on from `filter`, which held it back.
    package func continueResponse(from filter: HTTPFilter) {
        worker.eventBegan()
        defer { worker.eventEnded() }
        let path = path(.response, of: filter)
        resume(path, from: path.position(of: filter))
    }

    private func resume(_ path: MessagePath, from position: Int) {
        guard state == .active, !path.isStopped,
            let todo = path.iteration.release(position)
        else { return }
        var endTold = false
        if let headFrom = todo.headFrom {
            endTold = headEndsMessage(path)
            runHeaders(path, from: headFrom)
            guard !path.isStopped, !endTold else { return }
        }
        releaseBody(path, from: todo.bodyFrom)
        guard !path.isStopped else { return }
        if path.iteration.trailersSeen, !path.iteration.isComplete {
            runTrailers(path, from: todo.trailersFrom)
        }
    }

    /// Sends the buffered body on, piece by piece; a later filter may keep it again.
    private func releaseBody(_ path: MessagePath, from position: Int) {
        let iteration = path.iteration
        let endsHere = iteration.endSeen && !iteration.trailersSeen && !iteration.isComplete
        guard !path.buffer.isEmpty else {
            if endsHere { runData(path, .empty, endStream: true, from: position) }
            return
        }
        var waiting = ByteQueue(pool: worker.blocks)
        path.buffer.moveAll(to: &waiting)
        while !waiting.isEmpty {
            let piece = waiting.first
            let isLast = piece.count == waiting.count
            runData(path, piece, endStream: isLast && endsHere, from: position)
            guard !path.isStopped else { return }
            waiting.consume(piece.count)
        }
        if path.buffer.count <= config.bufferLimit / 2 { resumeSender(path) }
    }

    // MARK: The buffered body, for filters

    /// The body that waits for the filter which holds it.
    package func withBufferedBody<Result>(
        _ direction: Direction, of filter: HTTPFilter, _ body: (borrowing ByteQueue) -> Result
    ) -> Result {
        body(path(direction, of: filter).buffer)
    }

    /// Puts other bytes in the place of the body that waits for `filter`.
    package func replaceBufferedBody(_ direction: Direction, of filter: HTTPFilter, with bytes: UnsafeRawBufferPointer) {
        let path = path(direction, of: filter)
        path.buffer.removeAll()
        path.buffer.append(bytes)
    }

    /// Puts a piece behind the body that waits for the filter which holds it, as ``DataVerdict/buffer`` does, so that the
    /// filter has the body whole before it answers.
    /// - Returns: false when the body is over the limit now and the stream has been answered.
    package func bufferBody(_ direction: Direction, of filter: HTTPFilter, _ bytes: UnsafeRawBufferPointer) -> Bool {
        let path = path(direction, of: filter)
        keep(path, bytes, watermark: false)
        return !path.isStopped
    }

    /// How many bytes of body wait for `filter` in a direction.
    package func bufferedCount(_ direction: Direction, of filter: HTTPFilter) -> Int { path(direction, of: filter).buffer.count }
}
