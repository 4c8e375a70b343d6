import Bytes
import HTTPCodec
import HTTPModel

/// Feeds a parser the way a connection does: bytes arrive, what was not consumed stays. The log of events that comes out
/// has adjacent body pieces joined, so that it does not depend on how the bytes arrived.
struct HTTP1Driver: ~Copyable {
    var parser: HTTP1Parser
    var fields = HeaderBlock()
    private(set) var log: [String] = []
    private var body: [UInt8] = []
    private var waiting: [UInt8] = []
    private(set) var failure: HTTP1Error?
    /// Calls of the parser, to show that it gets on.
    private(set) var calls = 0

    init(_ role: HTTP1Parser.Role, options: HTTP1Options = HTTP1Options()) {
        parser = HTTP1Parser(role: role, options: options)
    }

    var unconsumed: Int { waiting.count }

    mutating func feed(_ bytes: some Sequence<UInt8>) {
        waiting.append(contentsOf: bytes)
        // An allocation of exactly this size, so that a read behind the end is a read out of bounds.
        while failure == nil {
            let exact = UnsafeMutableRawBufferPointer.allocate(byteCount: waiting.count, alignment: 1)
            defer { exact.deallocate() }
            exact.copyBytes(from: waiting)
            let step = parser.next(UnsafeRawBufferPointer(exact), into: &fields)
            calls += 1
            precondition(step.consumed >= 0 && step.consumed <= waiting.count, "consumed more than was given")
            if case .body(let offset, let count) = step.event {
                precondition(
                    count > 0 && offset >= 0 && offset + count <= step.consumed, "a body piece outside the input")
                body.append(contentsOf: waiting[offset..<(offset + count)])
            }
            waiting.removeFirst(step.consumed)
            if step.event == .needMore { return }
            note(step.event)
        }
    }

    mutating func end() {
        note(parser.endOfInput())
        flushBody()
    }

    /// Puts the body read so far into the log.
    mutating func endBody() { flushBody() }

    private mutating func flushBody() {
        guard !body.isEmpty else { return }
        log.append("body " + String(decoding: body, as: UTF8.self))
        body = []
    }

    private mutating func note(_ event: HTTP1Event) {
        switch event {
        case .needMore, .body: return
        default: flushBody()
        }
        switch event {
        case .head, .trailers: Self.verify(fields)
        case .needMore, .body, .end, .failed: break
        }
        switch event {
        case .needMore, .body: break
        case .head(let head): log.append("head \(Self.describe(head)) | \(Self.describe(fields))")
        case .trailers: log.append("trailers | \(Self.describe(fields))")
        case .end: log.append("end")
        case .failed(let error):
            failure = error
            log.append("failed \(error)")
        }
    }

    /// What every block that a parser filled promises.
    static func verify(_ fields: borrowing HeaderBlock) {
        var bytes = 0
        var regular = false
        for index in 0..<fields.count {
            let name = fields.name(at: index)
            let value = fields.value(at: index)
            bytes += name.count + value.count
            precondition(HeaderRules.isValidValue(value), "an invalid value came through")
            precondition(value.trimmingWhitespace.count == value.count, "a value with blanks around it came through")
            if let known = fields.knownName(at: index) {
                precondition(fields.has(known), "a known name is not found")
                precondition(!known.isPseudo || !regular, "a pseudo-header behind a field")
                regular = regular || !known.isPseudo
            } else {
                regular = true
                precondition(
                    HeaderRules.isValidName(name) && KnownHeader.lookup(name) == nil, "an invalid name came through")
                precondition(name.allSatisfy { ASCII.lower($0) == $0 }, "a capital in a name came through")
            }
        }
        precondition(bytes == fields.byteCount, "the bytes of the block are miscounted")
        precondition(
            fields.valueCount(of: UnsafeRawBufferPointer("host")) == 0 || fields.get(.method) == nil,
            "Host came through")
    }

    static func describe(_ head: HTTP1Head) -> String {
        var words = [head.version.name.description, "\(head.framing)"]
        if head.keepAlive { words.append("keepAlive") }
        if head.expectContinue { words.append("expectContinue") }
        if head.hasUpgrade { words.append("upgrade") }
        if head.hasHopByHop { words.append("hopByHop") }
        if head.isHead { words.append("head") }
        if head.isConnect { words.append("connect") }
        if head.informational { words.append("informational") }
        return words.joined(separator: " ")
    }

    static func describe(_ fields: borrowing HeaderBlock) -> String {
        fields.fields.map { "\($0.name)=\($0.value)" }.joined(separator: "; ")
    }
}

/// What one request made: the events, or the fault.
func parseRequest(_ text: String, options: HTTP1Options = HTTP1Options()) -> [String] {
    parse(.request, Array(text.utf8), options: options)
}

func parseResponse(
    _ text: String, toHead: Bool = false, toConnect: Bool = false, options: HTTP1Options = HTTP1Options()
) -> [String] {
    parse(.response, Array(text.utf8), toHead: toHead, toConnect: toConnect, options: options)
}

func parse(
    _ role: HTTP1Parser.Role, _ bytes: [UInt8], toHead: Bool = false, toConnect: Bool = false, pieces: [Int] = [],
    closes: Bool = false, options: HTTP1Options = HTTP1Options()
) -> [String] {
    var driver = HTTP1Driver(role, options: options)
    if role == .response { driver.parser.expectResponse(toHead: toHead, toConnect: toConnect) }
    var start = 0
    for end in pieces + [bytes.count] {
        driver.feed(bytes[start..<end])
        start = end
    }
    if closes { driver.end() }
    return driver.log
}

/// The fault of a message, nil when it has none.
func requestError(_ text: String, options: HTTP1Options = HTTP1Options()) -> HTTP1Error? {
    error(.request, text, options: options)
}

func responseError(_ text: String, toHead: Bool = false, toConnect: Bool = false) -> HTTP1Error? {
    error(.response, text, toHead: toHead, toConnect: toConnect)
}

private func error(
    _ role: HTTP1Parser.Role, _ text: String, toHead: Bool = false, toConnect: Bool = false,
    options: HTTP1Options = HTTP1Options()
) -> HTTP1Error? {
    var driver = HTTP1Driver(role, options: options)
    if role == .response { driver.parser.expectResponse(toHead: toHead, toConnect: toConnect) }
    driver.feed(Array(text.utf8))
    return driver.failure
}
