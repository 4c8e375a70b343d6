import Bytes
import DataPlane
import HTTPModel
import LuaRuntime
import Observability
import Reactor
import TrafficPolicy

/// The body: whole (`body()`), in chunks (`bodyChunks()`), and the trailers behind it.
extension LuaHook {
    static let bodyTag = 0
    static let chunkTag = 1

    static let bufferType = LuaClass<LuaHook>(
        "Buffer",
        methods: [
            .worker("length") { hook, call in call.returning(hook.length(call.tag)) },
            .worker("getBytes") { hook, call in hook.getBytes(call) },
            .worker("setBytes") { hook, call in hook.setBytes(call) },
        ] + logMethods)

    private static let nextChunk: LuaBoundMethod<LuaHook> = handleType.bound("nextChunk")

    // MARK: Verbs of the handle

    func body(_ call: borrowing LuaCall) -> LuaReply {
        guard call.isNil(1) || call.boolean(1) != nil else { return call.badArgument(1, expected: "boolean") }
        if takesChunks, bodySeen {
            return call.fail(
                endSeen ? "cannot call body() after body has been streamed" : "cannot call body() after body streaming has started")
        }
        // The iterator that there is gives nothing any more.
        takesChunks = false
        guard !bodyPassed else { return call.fail("cannot call body() after body has been streamed") }
        guard bodyTaken || endSeen || !headReleased else {
            return call.fail("cannot call body() after body has been streamed")
        }
        if call.boolean(1) == true { wrapsEmptyBody = true }
        guard bodyTaken || endSeen else { return call.yield(Wait.body.reason) }
        bodyTaken = true
        if hasBody { call.results.add(Self.bufferType, self, scope: .run, slot: 2, tag: Self.bodyTag) }
        return .results
    }

    /// Whether `body()` has something to return.
    var hasBody: Bool {
        guard let stream else { return false }
        return wrapsEmptyBody || bodySeen || stream.bufferedCount(direction, of: filter) > 0
    }

    func bodyChunks(_ call: borrowing LuaCall) -> LuaReply {
        guard !(bodyTaken || takesChunks) || !bodySeen, !bodyPassed else {
            return call.fail("cannot call bodyChunks after body processing has begun")
        }
        takesChunks = !bodyTaken
        call.results.add(Self.nextChunk, on: self, scope: .run)
        return .results
    }

    /// The iterator behind `bodyChunks()`.
    func nextChunk(_ call: borrowing LuaCall) -> LuaReply {
        guard let stream, !bodyTaken else { return .results }
        // What came while the script waited for something else.
        if stream.bufferedCount(direction, of: filter) > chunksSeen {
            chunkPlace = .buffered(from: chunksSeen, count: stream.bufferedCount(direction, of: filter) - chunksSeen)
            chunksSeen = stream.bufferedCount(direction, of: filter)
            call.results.add(Self.bufferType, self, tag: Self.chunkTag)
            return .results
        }
        return endSeen ? .results : call.yield(Wait.chunk.reason)
    }

    func trailers(_ call: borrowing LuaCall) -> LuaReply {
        if trailersKnown {
            call.results.add(Self.headersType, self, scope: .run, slot: 4, tag: Self.trailersTag)
            return .results
        }
        return endSeen ? .results : call.yield(Wait.trailers.reason)
    }

    // MARK: The buffer object

    private func length(_ tag: Int) -> Int {
        guard let stream else { return 0 }
        guard tag == Self.chunkTag else { return stream.bufferedCount(direction, of: filter) }
        switch chunkPlace {
        case .none: return 0
        case .received: return received.count
        case .buffered(_, let count): return count
        }
    }

    private func getBytes(_ call: borrowing LuaCall) -> LuaReply {
        guard let start = call.integer(1) else { return call.badArgument(1, expected: "number") }
        guard let count = call.integer(2) else { return call.badArgument(2, expected: "number") }
        let length = length(call.tag)
        guard start >= 0, count >= 0, start <= length, count <= length - start else {
            return call.fail("index/length must be >= 0 and (index + length) must be <= buffer size")
        }
        if call.tag == Self.chunkTag, case .received = chunkPlace {
            return call.returning(received.slice(start, start + count))
        }
        var offset = start
        if call.tag == Self.chunkTag, case .buffered(let from, _) = chunkPlace { offset += from }
        call.results.addString(count: count) { copyBuffered(from: offset, into: $0) }
        return .results
    }

    private func copyBuffered(from start: Int, into target: UnsafeMutableRawBufferPointer) {
        var skip = start
        var done = 0
        withBuffered { piece in
            guard done < target.count else { return }
            guard skip < piece.count else {
                skip -= piece.count
                return
            }
            let size = min(piece.count - skip, target.count - done)
            UnsafeMutableRawBufferPointer(rebasing: target[done..<(done + size)]).copyMemory(from: piece.slice(skip, skip + size))
            skip = 0
            done += size
        }
    }

    private func withBuffered(_ visit: (UnsafeRawBufferPointer) -> Void) {
        stream?.withBufferedBody(direction, of: filter) { $0.forEachPiece(visit) }
    }

    private func setBytes(_ call: borrowing LuaCall) -> LuaReply {
        guard let bytes = call.bytes(1) else { return call.badArgument(1, expected: "string") }
        guard let stream else { return .results }
        if headReleased, bytes.count != length(call.tag), withFields(Self.headersTag, { $0.has(.contentLength) }) {
            // Envoy breaks the message's framing here; what follows on the connection would be read as something else.
            return call.fail("a chunk cannot change its length when the head with content-length has been sent")
        }
        if call.tag == Self.chunkTag {
            switch chunkPlace {
            case .none: return .results
            case .received:
                replacement = Array(bytes)
                // Safety: the array is not touched again before the next callback, and its memory does not move.
                received = replacement.withUnsafeBytes { UnsafeRawBufferPointer($0) }
                if !headReleased { lengthTouched = true }
            case .buffered(let from, let count):
                call.charge(bytes: 2 * stream.bufferedCount(direction, of: filter))
                var whole: [UInt8] = []
                withBuffered { whole.append(contentsOf: $0) }
                whole.replaceSubrange(from..<from + count, with: bytes)
                whole.withUnsafeBytes { stream.replaceBufferedBody(direction, of: filter, with: $0) }
                chunksSeen += bytes.count - count
                chunkPlace = .buffered(from: from, count: bytes.count)
                if !headReleased { lengthTouched = true }
                bodyReplaced = true
            }
            return call.returning(bytes.count)
        }
        if direction == .response, stream.isHead {
            // The head says what GET would have brought.
            if !headReleased { setContentLength(bytes.count) }
            return call.returning(bytes.count)
        }
        call.charge(bytes: bytes.count)
        stream.replaceBufferedBody(direction, of: filter, with: bytes)
        bodyReplaced = true
        if !headReleased { setContentLength(bytes.count) }
        return call.returning(bytes.count)
    }

    private func setContentLength(_ count: Int) {
        withFields(Self.headersTag) {
            _ = $0.remove(.transferEncoding)
            $0.set(.contentLength, decimal: count)
        }
    }

    /// The script wrote `content-length`, or changed a body that the head speaks of: the head that goes on must say what
    /// is true, or nothing, whatever the script wrote (a wrong length is request smuggling).
    func settleLength() {
        guard let stream else { return }
        if direction == .response, stream.isHead { return }
        let count = stream.bufferedCount(direction, of: filter)
        if endSeen, !trailersKnown, count > 0 {
            withFields(Self.headersTag) { $0.set(.contentLength, decimal: count) }
        } else {
            withFields(Self.headersTag) { _ = $0.remove(.contentLength) }
        }
    }
}
