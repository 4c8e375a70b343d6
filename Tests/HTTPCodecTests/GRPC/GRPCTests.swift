import Bytes
import HTTPCodec
import Testing

struct GRPCTests {
    private func text(_ body: (inout ByteWriter) -> Void) -> String {
        var writer = ByteWriter(capacity: 64)
        body(&writer)
        return writer.text
    }

    // MARK: Messages

    /// Events of a stream, data joined.
    private func events(_ bytes: [UInt8], pieces: [Int] = [], maximum: Int = 16, allowsCompression: Bool = false)
        -> [String]
    {
        var parser = GRPCMessageParser(maximumMessageBytes: maximum, allowsCompression: allowsCompression)
        var log: [String] = []
        var data: [UInt8] = []
        var start = 0
        for end in pieces + [bytes.count] {
            var rest = Array(bytes[start..<end])
            start = end
            while true {
                let step = rest.withUnsafeBytes { parser.next($0) }
                #expect(step.consumed <= rest.count)
                if case .data(let offset, let count) = step.event { data += rest[offset..<(offset + count)] }
                rest.removeFirst(step.consumed)
                if step.event == .needMore { break }
                switch step.event {
                case .needMore, .data: break
                case .message(let length, let isCompressed):
                    log.append("message \(length)\(isCompressed ? " compressed" : "")")
                case .end:
                    log.append(String(decoding: data, as: UTF8.self))
                    data = []
                case .failed(let error): return log + ["failed \(error)"]
                }
            }
        }
        return log + (parser.endOfInput().map { ["failed \($0)"] } ?? [])
    }

    @Test("messages come out the same wherever the stream is cut")
    func messages() {
        let bytes: [UInt8] = [0, 0, 0, 0, 2, 104, 105, 0, 0, 0, 0, 0, 1, 0, 0, 0, 3, 97, 98, 99]
        let expected = ["message 2", "hi", "message 0", "", "message 3 compressed", "abc"]
        for cut in 0...bytes.count { #expect(events(bytes, pieces: [cut], allowsCompression: true) == expected) }
        #expect(events(bytes, pieces: Array(0..<bytes.count), allowsCompression: true) == expected)
    }

    @Test("a message at the limit is taken, one byte more is refused before it is read, and so are broken frames")
    func limits() {
        #expect(events([0, 0, 0, 0, 16] + Array(repeating: 97, count: 16)).count == 2)
        #expect(events([0, 0, 0, 0, 17]) == ["failed messageTooLarge"])
        #expect(events([0, 255, 255, 255, 255]) == ["failed messageTooLarge"])
        #expect(events([2, 0, 0, 0, 0]) == ["failed invalidFlag"])
        #expect(events([2]) == ["failed invalidFlag"])
        #expect(events([1, 0, 0, 0, 1, 1]) == ["failed unexpectedCompression"])
        #expect(events([0, 0, 0]) == ["failed incomplete"])
        #expect(events([0, 0, 0, 0, 2, 1]) == ["message 2", "failed incomplete"])
        #expect(events([]) == [])
    }

    @Test("the reader gives whole messages wherever the stream is cut, and writes what it reads")
    func reader() throws {
        let messages = ["", "first", String(repeating: "long ", count: 100), "x"]
        var stream = ByteWriter()
        for message in messages {
            GRPCMessageReader.writePrefix(messageLength: message.utf8.count, to: &stream)
            stream.append(message)
        }
        for cut in 0...stream.count {
            var reader = GRPCMessageReader()
            var found: [String] = []
            let bytes = stream.bytes
            try reader.read(bytes.slice(0, cut)) { found.append($0.text) }
            try reader.read(bytes.slice(cut, bytes.count)) { found.append($0.text) }
            try reader.endOfInput()
            #expect(found == messages)
        }
        var reader = GRPCMessageReader(maximumMessageBytes: 4)
        var error: GRPCError?
        do { try reader.read(stream.bytes) { _ in } } catch let thrown { error = thrown }
        #expect(error == .messageTooLarge)
    }

    // MARK: Status

    @Test("each code has its number and name")
    func status() {
        #expect(GRPCStatus.allCases.map(\.rawValue) == Array(0...16))
        #expect(GRPCStatus.unauthenticated.rawValue == 16)
        #expect(GRPCStatus.unavailable.name.description == "UNAVAILABLE")
        func read(_ text: String) -> GRPCStatus? { Array(text.utf8).withUnsafeBytes { GRPCStatus(headerValue: $0) } }
        #expect(read("0") == .ok && read("14") == .unavailable)
        #expect(read("17") == nil && read("") == nil && read("-1") == nil && read("1x") == nil && read("300") == nil)
    }

    @Test(
        "an HTTP status becomes the code of the table",
        arguments: [
            (200, GRPCStatus.ok), (400, .internal), (401, .unauthenticated), (403, .permissionDenied),
            (404, .unimplemented), (429, .unavailable),
            (502, .unavailable), (503, .unavailable), (504, .unavailable), (500, .unknown), (302, .unknown),
            (408, .unknown),
        ])
    func mapping(http: Int, code: GRPCStatus) {
        #expect(GRPCStatus(httpStatus: http) == code)
        #expect(GRPCStatus(httpStatus: 429, rateLimitedAsResourceExhausted: true) == .resourceExhausted)
    }

    @Test("a code becomes the HTTP status of google.rpc.Code")
    func toHTTP() {
        let expected = [200, 499, 500, 400, 504, 404, 409, 403, 429, 400, 409, 400, 501, 500, 503, 500, 401]
        #expect(GRPCStatus.allCases.map(\.httpStatus) == expected)
    }

    // MARK: Headers

    @Test(
        "grpc-timeout is read by the letter of the specification",
        arguments: [
            ("1H", Duration.seconds(3600)), ("2M", .seconds(120)), ("3S", .seconds(3)),
            ("99999999m", .milliseconds(99_999_999)),
            ("5u", .microseconds(5)), ("0n", .zero), ("00000001S", .seconds(1)),
            ("", nil), ("S", nil), ("1", nil), ("1s", nil), ("1h", nil), ("-1S", nil), ("+1S", nil), ("1 S", nil),
            ("123456789S", nil), ("1.5S", nil),
            ("1SS", nil), ("S1", nil), ("0x1S", nil),
        ] as [(String, Duration?)])
    func timeout(text: String, expected: Duration?) {
        let read = Array(text.utf8).withUnsafeBytes { GRPCHeaders.timeout($0) }
        #expect(read == expected)
    }

    @Test(
        "grpc-timeout is written in at most eight digits and never shorter than it is",
        arguments: [
            (Duration.nanoseconds(7), "7n"), (.milliseconds(50), "50000000n"), (.milliseconds(100), "100000u"),
            (.seconds(15), "15000000u"),
            (.seconds(100), "100000m"), (.seconds(99_999), "99999000m"), (.seconds(100_000), "100000S"),
            (.seconds(100_000_000), "1666667M"),
            (.seconds(-1), "0n"), (.zero, "0n"), (.milliseconds(99) + .milliseconds(1) + .nanoseconds(1), "100001u"),
            (.seconds(Int64.max), "99999999H"),
        ])
    func writeTimeout(duration: Duration, expected: String) {
        let written = text { GRPCHeaders.writeTimeout(duration, to: &$0) }
        #expect(written == expected)
        if duration > .zero, duration < .seconds(1_000_000_000) {
            let read = Array(written.utf8).withUnsafeBytes { GRPCHeaders.timeout($0) }
            #expect(read.map { $0 >= duration } == true)
        }
    }

    @Test("grpc-message is escaped and read back; broken escapes stay")
    func message() {
        for (plain, escaped) in [("ok then", "ok then"), ("50% é\n", "50%25 %C3%A9%0A"), ("", ""), ("\u{7F}~", "%7F~")]
        {
            #expect(
                text { out in Array(plain.utf8).withUnsafeBytes { GRPCHeaders.writeMessage($0, to: &out) } } == escaped)
            #expect(
                text { out in Array(escaped.utf8).withUnsafeBytes { GRPCHeaders.readMessage($0, to: &out) } } == plain)
        }
        #expect(text { out in Array("a%2".utf8).withUnsafeBytes { GRPCHeaders.readMessage($0, to: &out) } } == "a%2")
        #expect(
            text { out in Array("%zz%41".utf8).withUnsafeBytes { GRPCHeaders.readMessage($0, to: &out) } } == "%zzA")
    }

    @Test("only application/grpc, alone or with a format, is gRPC")
    func contentType() {
        func isGRPC(_ text: String) -> Bool { Array(text.utf8).withUnsafeBytes { GRPCHeaders.isGRPC(contentType: $0) } }
        #expect(isGRPC("application/grpc") && isGRPC("application/grpc+proto"))
        #expect(!isGRPC("application/grpc-web") && !isGRPC("application/json") && !isGRPC("application/grp"))
    }
}
