import Bytes
import DataPlane
import HTTPModel
import LuaRuntime
import Observability
import Reactor
import TrafficPolicy

/// One hook of a script on one message: its coroutine, what it waits for, and how much of the message it has seen.
///
/// The object behind everything that the script holds: the stream handle, the header maps, the body and the rest are
/// classes of this one object, told apart by a tag, so that a hook allocates nothing on this side. It serves one message
/// after the other.
///
/// While the script has not let the head go, the filter holds it (`pause`) and with it all body; a script that streams
/// (`bodyChunks`, `trailers`) has let it go.
@WorkerActor final class LuaHook: TurnEndHandler {
    /// What the script waits for.
    enum Wait: Int32 {
        /// It runs, has ended or never began.
        case nothing = 0
        case body, chunk, trailers, call
        /// For its turn: its time slice was over.
        case turn
        /// For nothing any more: it has answered the request.
        case respond

        var reason: LuaYieldReason { LuaYieldReason(rawValue: rawValue) }
    }

    /// Where the bytes of the present chunk lie.
    enum ChunkPlace {
        case none
        /// In the body that waits in the stream.
        case buffered(from: Int, count: Int)
        /// In the bytes that are being received.
        case received
    }

    let direction: Direction
    // Safety: the filter owns its hooks.
    unowned(unsafe) let filter: LuaStreamFilter
    private(set) var stream: Stream?
    private(set) var script: LuaScript?
    /// The state that the hook runs in, which need not be the script's any more.
    private(set) var state: LuaState?
    /// The coroutine that waits.
    private var run: LuaRun?
    var wait = Wait.nothing

    // How much of the message is here.
    private(set) var endSeen = false
    private(set) var trailersKnown = false
    /// Body has come, be it that there is none.
    private(set) var bodySeen = false
    /// Body has gone by that the script did not ask for.
    private(set) var bodyPassed = false
    /// The head has gone on: it cannot be changed any more.
    private(set) var headReleased = false
    /// The script asked for the body whole, and has it.
    var bodyTaken = false
    /// The script takes the body in chunks.
    var takesChunks = false
    /// `body(true)`: a message without body has an empty one.
    var wrapsEmptyBody = false
    /// Buffered bytes that the script has seen as chunks.
    var chunksSeen = 0
    var chunkPlace = ChunkPlace.none
    var received = UnsafeRawBufferPointer.empty
    /// What a chunk was replaced by; kept until the next callback.
    var replacement: [UInt8] = []
    var bodyReplaced = false
    /// The script wrote `content-length`.
    var lengthTouched = false
    /// Position of each header map's iterator, -1 for none; by tag.
    var iterators = [-1, -1, -1]
    /// One of them may have a position.
    var isIterating = false

    /// Keys of the metadata maps that are looped over, in their order; by tag.
    var metadataKeys: [Int: [String]] = [:]
    /// Bytes of dynamic metadata that the script has set.
    var metadataBytes = 0

    /// The public key that the script imported.
    var importedKey: ImportedKey?

    // What the script asked for when it yielded.
    var reply: LocalReply?
    var call: LuaCallPlan?
    private var callState = CallState.none

    private enum CallState {
        /// Next: `beginning`.
        case none
        /// Inside `begin`. Next: `begun`, `ended`.
        case beginning
        /// Next: `none`.
        case begun, ended
    }

    init(_ direction: Direction, _ filter: LuaStreamFilter) {
        self.direction = direction
        self.filter = filter
    }

    var factory: LuaFactory { filter.factory }

    // MARK: From the filter

    /// The head has come: runs the script until it waits or ends.
    func begin(
        _ stream: Stream, _ script: LuaScript, _ state: LuaState, _ function: LuaFunction, endStream: Bool
    ) -> HeadersVerdict {
        self.stream = stream
        self.script = script
        self.state = state
        endSeen = endStream
        factory.executions.add()
        factory.probe?.begins(self)
        measureBegins()
        var run = state.makeRun()
        let outcome = run.start(function) { $0.add(LuaHook.handleType, self, scope: .run) }
        took(run, outcome)
        settle()
        switch wait {
        case .body, .call, .turn: return .pause
        case .respond where direction == .response: return .pause
        case .nothing, .chunk, .trailers, .respond:
            letHeadGo()
            return .proceed
        }
    }

    /// The hook cannot run, for the filter was taken out of the chain or its script cannot be loaded: messages pass it, or
    /// are refused where an error refuses them.
    func refuse(_ stream: Stream) -> HeadersVerdict {
        guard let answer = factory.settings.answer else { return .proceed }
        guard direction == .response else {
            stream.reply(answer)
            return .pause
        }
        self.stream = stream
        reply = answer
        wait = .respond
        settle()
        return .pause
    }

    /// A piece of body has come.
    func receive(_ data: inout UnsafeRawBufferPointer, endStream: Bool) -> DataVerdict {
        guard wait != .nothing, let stream else { return .proceed }
        if endStream { endSeen = true }
        if endStream || !data.isEmpty { bodySeen = true }
        switch wait {
        case .nothing: return .proceed
        case .respond: return direction == .response ? .consume : .proceed
        case .call, .turn: return .bufferWithWatermark
        case .body:
            guard endStream else { return .buffer }
            guard stream.bufferBody(direction, of: filter, data) else { return .proceed }
            data = .empty
            resumeWithBody()
        case .chunk:
            received = data
            chunkPlace = .received
            resume { $0.add(LuaHook.bufferType, self, tag: LuaHook.chunkTag) }
        case .trailers:
            if !bodyTaken { bodyPassed = true }
            guard endStream else { return .proceed }
            resume { $0.add() }
        }
        settle()
        if case .received = chunkPlace {
            data = received
            // A script that was put aside still holds its chunk, which goes behind what waits.
            chunkPlace = wait == .turn ? .buffered(from: stream.bufferedCount(direction, of: filter), count: data.count) : .none
            received = .empty
        }
        switch wait {
        case .call, .turn:
            // The present piece goes behind what waits, and the script has seen it.
            if takesChunks { chunksSeen = stream.bufferedCount(direction, of: filter) + data.count }
            return .bufferWithWatermark
        case .body: return .buffer
        case .respond where direction == .response: return .consume
        case .nothing, .chunk, .trailers, .respond:
            letHeadGo()
            return .proceed
        }
    }

    /// The trailers have come.
    func receiveTrailers() -> TrailersVerdict {
        if wait == .respond { return direction == .response ? .pause : .proceed }
        guard wait != .nothing else { return .proceed }
        endSeen = true
        trailersKnown = true
        switch wait {
        case .nothing, .respond: return .proceed
        case .call, .turn: return .pause
        case .body: resumeWithBody()
        case .chunk: resume { _ in }
        case .trailers: resume { $0.add(LuaHook.headersType, self, scope: .run, slot: 4, tag: LuaHook.trailersTag) }
        }
        settle()
        if wait == .call || wait == .turn || (wait == .respond && direction == .response) { return .pause }
        letHeadGo()
        return .proceed
    }

    /// The stream has ended: what the script waits for never comes.
    func end() {
        guard stream != nil else { return }
        measureEnds()
        drop()
        wait = .nothing
        call?.call.cancel()
        call = nil
    }

    /// Back to the first state.
    func reset() {
        guard stream != nil else { return }
        end()
        stream = nil
        script = nil
        state = nil
        (endSeen, trailersKnown, bodySeen, bodyPassed) = (false, false, false, false)
        (headReleased, bodyTaken, takesChunks, wrapsEmptyBody) = (false, false, false, false)
        chunksSeen = 0
        chunkPlace = .none
        received = .empty
        if !replacement.isEmpty { replacement = [] }
        bodyReplaced = false
        lengthTouched = false
        stopIterating()
        if !metadataKeys.isEmpty { metadataKeys = [:] }
        metadataBytes = 0
        reply = nil
        callState = .none
        if importedKey != nil { importedKey = nil }
    }

    // MARK: Running

    private func resume(_ results: (borrowing LuaValues) -> Void) {
        guard var run = takeRun() else { return }
        stream?.workGoesOn(in: filter)
        wait = .nothing
        factory.probe?.goesOn(self)
        let outcome = run.resume(with: results)
        took(run, outcome)
    }

    private func resumeWithBody() {
        bodyTaken = true
        resume { if self.hasBody { $0.add(LuaHook.bufferType, self, scope: .run, slot: 2, tag: LuaHook.bodyTag) } else { $0.add() } }
    }

    private func took(_ run: consuming LuaRun, _ outcome: LuaOutcome) {
        if let probe = factory.probe, let state { probe.stops(self, state, fuelLeft: run.fuelLeft) }
        script?.measure()
        if outcome == .sliced {
            wait = .turn
            keep(run)
            factory.worker.loop.atTurnEnd(self)
            return
        }
        stopIterating()
        switch outcome {
        case .finished, .sliced: break
        case .yielded(let reason):
            wait = Wait(rawValue: reason.rawValue) ?? .nothing
            keep(run)
        case .failed(let error): failed(error)
        case .killed(let cause): killed(cause, run)
        }
        if wait == .nothing || wait == .respond { measureEnds() }
    }

    private func keep(_ run: consuming LuaRun) {
        self.run = consume run
        factory.stats[.coroutinesActive].add()
    }

    private func takeRun() -> LuaRun? {
        guard let run = run.take() else { return nil }
        factory.stats[.coroutinesActive].subtract()
        return run
    }

    private func drop() { _ = takeRun() }

    private func stopIterating() {
        guard isIterating else { return }
        isIterating = false
        for index in iterators.indices { iterators[index] = -1 }
    }

    /// Does what the script asked for when it yielded, and goes on with what is done at once.
    private func settle() {
        if wait == .call, callState == .none, let call {
            callState = .beginning
            call.call.begin(call.cluster, timeout: call.timeout)
            // A script that makes one call after the other, each over at once, would not let anybody else have a turn.
            if callState == .ended { factory.worker.loop.atTurnEnd(self) } else { callState = .begun }
            return
        }
        if let stream, bodyReplaced {
            bodyReplaced = false
            // A body that the script made too long is refused as one that a client sent.
            guard stream.bufferBody(direction, of: filter, .empty) else { return }
        }
        if wait == .respond, let stream, let reply {
            drop()
            guard direction == .request else {
                // The response is on its way through the filters now: it is replaced when nothing of it is on the stack.
                factory.worker.loop.atTurnEnd(self)
                return
            }
            factory.stats[.responses].add()
            self.reply = nil
            // The proxy may have answered while the script waited.
            if !stream.isLocalReply { stream.reply(reply) }
        }
    }

    /// The turn that the script gave way to is over, or that in which a call was over at once; or the response hook answered in the response's place.
    func turnEnded() {
        if wait == .turn {
            takeTurn()
            return
        }
        if wait == .call, callState == .ended, stream?.isActive == true {
            resumeAfterCall()
            settle()
            goOn()
            return
        }
        guard wait == .respond, direction == .response, let stream, stream.isActive, let reply else { return }
        wait = .nothing
        headReleased = true
        self.reply = nil
        factory.stats[.responses].add()
        stream.replaceResponse(reply, from: filter)
    }

    private func takeTurn() {
        guard stream?.isActive == true, var run = takeRun() else { return }
        factory.probe?.goesOn(self)
        wait = .nothing
        let outcome = run.goOn()
        took(run, outcome)
        settle()
        goOn()
    }

    // MARK: Calls of other services

    /// The call is over, perhaps while it is being begun.
    func callEnded(_ ended: UpstreamCall) {
        guard ended === call?.call, wait == .call else { return }
        let isBeginning = callState == .beginning
        callState = .ended
        guard !isBeginning else { return }
        resumeAfterCall()
        settle()
        goOn()
    }

    private func resumeAfterCall() {
        guard let ended = call else { return }
        call = nil
        callState = .none
        resume { ended.addResult(to: $0) }
    }

    /// Lets the message go on, if the script, resumed from outside of the chain, has let go.
    private func goOn() {
        guard let stream, stream.isActive else { return }
        switch wait {
        case .call, .respond, .turn: return
        case .body:
            // From here on a body over the limit is refused, that which came during the call too.
            _ = stream.bufferBody(direction, of: filter, .empty)
        case .nothing, .chunk, .trailers:
            chunksSeen = 0
            letHeadGo()
            if direction == .request { stream.continueRequest(from: filter) } else { stream.continueResponse(from: filter) }
        }
    }

    private func letHeadGo() {
        guard !headReleased else { return }
        headReleased = true
        if lengthTouched { settleLength() }
    }
}
