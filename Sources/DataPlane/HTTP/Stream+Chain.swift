package import Bytes
import HTTPModel
import Reactor

/// The message's way through the filters. Both directions are the same code: a position counts in the order of its
/// direction and is turned into a filter by ``filter(_:at:)``.
extension Stream {
    subscript(direction: Direction) -> MessagePath {
        direction == .request ? requestPath : responsePath
    }

    /// Filters that this direction passes; the router is the sink of the request and the source of the response.
    private func positions(_ direction: Direction) -> Int {
        direction == .request ? filters.count : filters.count - 1
    }

    private func filter(_ direction: Direction, at position: Int) -> HTTPFilter {
        direction == .request ? filters[position] : filters[filters.count - 2 - position]
    }

    private func position(_ direction: Direction, of filter: HTTPFilter) -> Int {
        direction == .request ? filter.index : filters.count - 2 - filter.index
    }

    private func wants(_ filter: HTTPFilter, _ callback: FilterCallbacks) -> Bool {
        filter.callbacks.has(callback) && switchedOff & (1 &<< UInt64(truncatingIfNeeded: filter.index)) == 0
    }

    /// Which filters the request meets, as its route says when the request begins.
    func switchFilters() {
        for index in filters.indices {
            guard let said = routeConfig(at: index) else { continue }
            let bit = 1 &<< UInt64(truncatingIfNeeded: index)
            if said is DisabledFilter { switchedOff |= bit } else { switchedOff &= ~bit }
        }
    }

    // MARK: Heads

    func runHeaders(_ direction: Direction, from start: Int) {
        var position = start
        let count = positions(direction)
        if direction == .response, !wantsResponse.has(.responseHeaders) { position = count }
        while position < count {
            let filter = filter(direction, at: position)
            let wanted: FilterCallbacks = direction == .request ? .requestHeaders : .responseHeaders
            if wants(filter, wanted) {
                let endStream = headEndsMessage(direction)
                worker.takeInHand(self, filter)
                let verdict =
                    direction == .request
                    ? filter.onRequestHeaders(self, endStream: endStream)
                    : filter.onResponseHeaders(self, endStream: endStream)
                guard !self[direction].isStopped else { return }
                switch verdict {
                case .proceed:
                    guard endStream, !self[direction].buffer.isEmpty else { break }
                    // The filter gave a body to a message that had none.
                    self[direction].iteration.headHeld(at: position, seesData: true)
                    resume(direction, from: position)
                    return
                case .pause:
                    self[direction].iteration.headHeld(at: position, seesData: true)
                    return
                case .pauseAndBuffer, .pauseAndWatermark:
                    self[direction].iteration.headHeld(at: position, seesData: false)
                    self[direction].watermarkMode = verdict == .pauseAndWatermark
                    return
                }
            }
            self[direction].iteration.headPassed(position)
            position += 1
        }
        self[direction].iteration.headPassed(count - 1)
        let endStream = headEndsMessage(direction)
        if endStream { self[direction].iteration.isComplete = true }
        if direction == .response { deliverResponseHeaders(endStream: endStream) }
    }

    private func headEndsMessage(_ direction: Direction) -> Bool {
        self[direction].iteration.endSeen && !self[direction].iteration.trailersSeen && self[direction].buffer.isEmpty
    }

    // MARK: Bodies

    func runData(_ direction: Direction, _ bytes: UnsafeRawBufferPointer, endStream: Bool, from start: Int) {
        var data = bytes
        var position = start
        let count = positions(direction)
        if self[direction].iteration.hold == .none { position = max(position, firstDataPosition(direction)) }
        while position < count {
            let filter = filter(direction, at: position)
            if self[direction].iteration.holder == position {
                dataAtHolder(direction, filter, position, data, endStream: endStream)
                return
            }
            let wanted: FilterCallbacks = direction == .request ? .requestData : .responseData
            if wants(filter, wanted) {
                let verdict = call(direction, filter, &data, endStream: endStream)
                guard !self[direction].isStopped else { return }
                switch verdict {
                case .proceed: break
                case .buffer, .bufferWithWatermark:
                    self[direction].iteration.bodyHeld(at: position)
                    keep(direction, data, watermark: verdict == .bufferWithWatermark)
                    return
                case .consume:
                    if endStream { self[direction].iteration.bodyHeld(at: position) }
                    return
                }
            }
            position += 1
        }
        if endStream { self[direction].iteration.isComplete = true }
        if direction == .response { deliverResponseData(data, endStream: endStream) }
    }

    /// The first filter that wants body; those before it are not asked.
    private func firstDataPosition(_ direction: Direction) -> Int {
        switch direction {
        case .request: wantsRequestData ? 0 : filters.count - 1
        case .response: wantsResponse.has(.responseData) ? 0 : filters.count - 1
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
        _ direction: Direction, _ filter: HTTPFilter, _ position: Int, _ bytes: UnsafeRawBufferPointer, endStream: Bool
    ) {
        if case .head(_, seesData: false) = self[direction].iteration.hold {
            keep(direction, bytes, watermark: self[direction].watermarkMode)
            return
        }
        var data = bytes
        let wanted: FilterCallbacks = direction == .request ? .requestData : .responseData
        let verdict = wants(filter, wanted) ? call(direction, filter, &data, endStream: endStream) : .buffer
        guard !self[direction].isStopped else { return }
        switch verdict {
        case .proceed:
            self[direction].buffer.append(data)
            resume(direction, from: position)
        case .buffer: keep(direction, data, watermark: false)
        case .bufferWithWatermark: keep(direction, data, watermark: true)
        case .consume: break
        }
    }

    /// Puts body behind what already waits, within the limit.
    private func keep(_ direction: Direction, _ bytes: UnsafeRawBufferPointer, watermark: Bool) {
        self[direction].buffer.append(bytes)
        let limit = direction == .request ? requestBufferLimit : config.bufferLimit
        guard limit > 0, self[direction].buffer.count > limit else { return }
        if watermark {
            pauseSender(direction)
            return
        }
        switch direction {
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

    private func pauseSender(_ direction: Direction) {
        guard !self[direction].senderPaused else { return }
        self[direction].senderPaused = true
        switch direction {
        case .request: codec.pauseRequest(self)
        case .response: router.pauseResponse()
        }
    }

    private func resumeSender(_ direction: Direction) {
        guard self[direction].senderPaused else { return }
        self[direction].senderPaused = false
        switch direction {
        case .request: codec.resumeRequest(self)
        case .response: router.resumeResponse()
        }
    }

    // MARK: Trailers

    func runTrailers(_ direction: Direction, from start: Int) {
        var position = start
        let count = positions(direction)
        while position < count {
            let filter = filter(direction, at: position)
            let holds = self[direction].iteration.holder == position
            if holds, case .head(_, seesData: false) = self[direction].iteration.hold { return }
            if holds, case .trailers = self[direction].iteration.hold { return }
            let wanted: FilterCallbacks = direction == .request ? .requestTrailers : .responseTrailers
            if wants(filter, wanted) {
                worker.takeInHand(self, filter)
                let verdict = direction == .request ? filter.onRequestTrailers(self) : filter.onResponseTrailers(self)
                guard !self[direction].isStopped else { return }
                if verdict == .pause {
                    if !holds { self[direction].iteration.trailersHeld(at: position) }
                    return
                }
            }
            if holds {
                resume(direction, from: position)
                return
            }
            position += 1
        }
        self[direction].iteration.isComplete = true
        if direction == .response { deliverResponseTrailers() }
    }

    // MARK: Going on

    /// `filter` works on this stream from here on, outside of its callbacks: if it crashes, the two are named.
    package func workGoesOn(in filter: HTTPFilter) { worker.takeInHand(self, filter) }

    /// Lets the request go on from `filter`, which held it back.
    package func continueRequest(from filter: HTTPFilter) {
        worker.eventBegan()
        defer { worker.eventEnded() }
        resume(.request, from: position(.request, of: filter))
    }

    /// Lets the response go on from `filter`, which held it back.
    package func continueResponse(from filter: HTTPFilter) {
        worker.eventBegan()
        defer { worker.eventEnded() }
        resume(.response, from: position(.response, of: filter))
    }

    private func resume(_ direction: Direction, from position: Int) {
        guard state == .active, !self[direction].isStopped,
            let todo = self[direction].iteration.release(position)
        else { return }
        var endTold = false
        if let headFrom = todo.headFrom {
            endTold = headEndsMessage(direction)
            runHeaders(direction, from: headFrom)
            guard !self[direction].isStopped, !endTold else { return }
        }
        releaseBody(direction, from: todo.bodyFrom)
        guard !self[direction].isStopped else { return }
        if self[direction].iteration.trailersSeen, !self[direction].iteration.isComplete {
            runTrailers(direction, from: todo.trailersFrom)
        }
    }

    /// Sends the buffered body on, piece by piece; a later filter may keep it again.
    private func releaseBody(_ direction: Direction, from position: Int) {
        let iteration = self[direction].iteration
        let endsHere = iteration.endSeen && !iteration.trailersSeen && !iteration.isComplete
        guard !self[direction].buffer.isEmpty else {
            if endsHere { runData(direction, .empty, endStream: true, from: position) }
            return
        }
        var waiting = ByteQueue(pool: worker.blocks)
        self[direction].buffer.moveAll(to: &waiting)
        while !waiting.isEmpty {
            let piece = waiting.first
            let isLast = piece.count == waiting.count
            runData(direction, piece, endStream: isLast && endsHere, from: position)
            guard !self[direction].isStopped else { return }
            waiting.consume(piece.count)
        }
        if self[direction].buffer.count <= config.bufferLimit / 2 { resumeSender(direction) }
    }

    // MARK: The buffered body, for filters

    /// The request body that waits for the filter which holds it.
    package func withBufferedRequestBody<Result>(_ body: (borrowing ByteQueue) -> Result) -> Result {
        body(requestPath.buffer)
    }

    /// The response body that waits for the filter which holds it.
    package func withBufferedResponseBody<Result>(_ body: (borrowing ByteQueue) -> Result) -> Result {
        body(responsePath.buffer)
    }

    /// Puts other bytes in the place of the buffered body of a direction.
    package func replaceBufferedBody(_ direction: Direction, with bytes: UnsafeRawBufferPointer) {
        self[direction].buffer.removeAll()
        self[direction].buffer.append(bytes)
    }

    /// Puts a piece behind the body that waits for the filter which holds it, as ``DataVerdict/buffer`` does, so that the
    /// filter has the body whole before it answers.
    /// - Returns: false when the body is over the limit now and the stream has been answered.
    package func bufferBody(_ direction: Direction, _ bytes: UnsafeRawBufferPointer) -> Bool {
        keep(direction, bytes, watermark: false)
        return !self[direction].isStopped
    }

    /// How many bytes of body wait in a direction.
    package func bufferedCount(_ direction: Direction) -> Int { self[direction].buffer.count }
}
