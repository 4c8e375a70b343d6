import Bytes
import HTTPCodec
import HTTPModel

/// What must hold for any bytes whatever; shared by the mutation test, the replayed corpus and the fuzzer, so it stops the
/// process where it does not hold.
enum HTTP1Property {
    /// The first byte chooses the role and the options, the second how the rest is cut.
    static func check(_ input: [UInt8]) {
        guard input.count > 2 else { return }
        let choice = input[0]
        let bytes = Array(input[2...])
        let whole = parse(bytes, choice: choice, cuts: [])
        var seed = UInt64(input[1]) | 1
        var cuts: [Int] = []
        for index in 1..<bytes.count {
            seed = seed &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            if seed >> 61 == 0 || input[1] == 0 { cuts.append(index) }
        }
        let pieces = parse(bytes, choice: choice, cuts: cuts)

        // In pieces a fault in a head may show later than in one; then nothing else may have come of it.
        if let failure = pieces.failure {
            precondition(failure == whole.failure, "another fault in pieces: \(failure)")
        }
        let same = whole.log.filter { !$0.hasPrefix("failed") } == pieces.log.filter { !$0.hasPrefix("failed") }
        precondition(same, "other events in pieces")
        if whole.failure == nil { precondition(pieces.failure == nil, "a fault in pieces only") }
        if choice & 1 == 0 { checkRewriting(bytes, options: options(choice)) }
    }

    private static func options(_ choice: UInt8) -> HTTP1Options {
        var options = HTTP1Options()
        options.allowBareLF = choice & 8 != 0
        options.allowChunkedLength = choice & 16 != 0
        options.allowCustomMethods = choice & 32 != 0
        options.allowBackslashInPath = choice & 32 != 0
        if choice & 64 != 0 { options.underscores = .dropField }
        return options
    }

    private static func parse(_ bytes: [UInt8], choice: UInt8, cuts: [Int]) -> (log: [String], failure: HTTP1Error?) {
        let role: HTTP1Parser.Role = choice & 1 == 0 ? .request : .response
        var driver = HTTP1Driver(role, options: options(choice))
        if role == .response { driver.parser.expectResponse(toHead: choice & 2 != 0, toConnect: choice & 4 != 0) }
        var start = 0
        for end in cuts + [bytes.count] {
            driver.feed(bytes[start..<end])
            start = end
        }
        if driver.failure == nil { driver.endBody() }
        return (driver.log, driver.failure)
    }

    /// A head that was taken, stripped and written again is read by the strictest parser as the same one message.
    private static func checkRewriting(_ bytes: [UInt8], options: HTTP1Options) {
        var parser = HTTP1Parser(role: .request, options: options)
        var fields = HeaderBlock(fields: 4, bytes: 64)
        let step = bytes.withUnsafeBytes { parser.next($0, into: &fields) }
        guard case .head(let head) = step.event, fields.get(.authority) != nil, !head.isConnect else { return }
        HopByHop.strip(&fields, keepUpgrade: head.hasUpgrade)
        var out = ByteWriter(capacity: 64)
        let wrote = HTTP1Writer().writeRequestHead(
            fields, framing: head.framing, connection: head.hasUpgrade ? .upgrade : .keepAlive, to: &out)
        precondition(wrote, "a parsed head could not be written")
        var strict = HTTP1Options()
        strict.maximumHeadBytes = 1 << 20
        strict.allowCustomMethods = options.allowCustomMethods
        strict.allowBackslashInPath = options.allowBackslashInPath
        var second = HTTP1Parser(role: .request, options: strict)
        var again = HeaderBlock()
        let reread = second.next(out.bytes, into: &again)
        guard case .head(let newHead) = reread.event else {
            preconditionFailure("what was written is refused: \(reread.event)")
        }
        precondition(reread.consumed == out.count, "what was written is more than one head")
        precondition(newHead.framing == head.framing, "the framing changed")
        fields.remove(.scheme)
        for name in [KnownHeader.contentLength, .transferEncoding, .connection] {
            fields.remove(name)
            again.remove(name)
        }
        precondition(HTTP1Driver.describe(fields) == HTTP1Driver.describe(again), "fields changed on the way")
    }
}
