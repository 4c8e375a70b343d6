// Size: the cases of one format language, most of them tables.
import Bytes
import Foundation
import HTTPModel
import Testing

@testable import Observability

/// A request as the formats see it.
enum FormatSample {
    static let environment = FormatEnvironment(hostname: "node-1", variables: ["POD": "p\"1"], instanceID: 7)
    static let request = [
        (":method", "GET"), (":path", "/a/b?x=1&y=&z"), (":authority", "web:80"), ("user-agent", "curl/8"), ("x-request-id", "id-1"),
        ("x-custom", "abcdefghij"),
    ]
    static let response = [(":status", "200"), ("x-envoy-upstream-service-time", "12"), ("content-type", "text/plain")]
    static let trailers = [("grpc-status", "5")]

    static func fill(_ info: inout StreamInfo) {
        // 2026-11-23T10:00:00.123456789Z
        info.times.begin(monotonic: 1_000_000_000, wall: 1_795_428_000_123_456_789)
        info.times.lastDownstreamReceive = 1_001_000_000
        info.times.firstUpstreamSend = 1_002_000_000
        info.times.lastUpstreamSend = 1_003_000_000
        info.times.firstUpstreamReceive = 1_010_500_000
        info.times.lastUpstreamReceive = 1_011_000_000
        info.times.firstDownstreamSend = 1_010_600_000
        info.times.lastDownstreamSend = 1_012_000_000
        info.times.end = 1_015_999_999
        info.downstreamProtocol = .http11
        info.upstreamProtocol = .http2
        info.responseCode = 200
        info.responseFlags = [.upstreamRetryLimitExceeded, .upstreamConnectionFailure]
        info.responseCodeDetails = "via upstream"
        info.upstreamTransportFailureReason = TextReference(copying: "TLS error: bad cert")
        info.connectionTerminationDetails = "rbac denied"
        info.bytesReceived = 10
        info.bytesSent = 20
        info.downstreamWireBytesReceived = 110
        info.upstreamHeaderBytesSent = 99
        info.connectionID = 3
        info.streamID = 4
        info.routeName = NamedText("route-a")
        info.virtualClusterName = NamedText("checkout")
        info.clusterName = NamedText("web")
        info.filterChainName = NamedText("chain")
        info.upstreamRemoteAddress = SocketAddress("10.0.0.1:8080")
        info.upstreamLocalAddress = SocketAddress("10.0.0.2:5000")
        info.downstreamLocalAddress = SocketAddress("[::1]:80")
        info.downstreamRemoteAddress = SocketAddress("192.0.2.7:999")
        info.downstreamDirectRemoteAddress = SocketAddress(unixPath: "@peer")
        info.upstreamAttemptCount = 2
        info.requestedServerName = "web.example"
        var peer = TLSCertificateFacts()
        peer.uriSAN = NamedText("spiffe://td/ns/a")
        info.downstreamTLS = TLSFacts(version: NamedText("TLSv1.3"), cipher: NamedText("TLS_AES_128_GCM_SHA256"), peer: peer)
        let metadata = info.metadataForWriting()
        metadata.set(filter: "f", key: "k", .string("v\"1"))
        metadata.set(filter: "f", key: "o", .object(["b": .number(1), "a": .list([.bool(true), .null, .number(1.5)])]))
    }

    static func text(_ format: SubstitutionFormat) -> String {
        var info = StreamInfo()
        fill(&info)
        var writer = ByteWriter()
        format.append(to: &writer, request: headers(request), response: headers(response), trailers: headers(trailers), info: info)
        return writer.text
    }

    static func json(_ format: JSONFormat) -> String {
        var info = StreamInfo()
        fill(&info)
        var writer = ByteWriter()
        format.append(to: &writer, request: headers(request), response: headers(response), trailers: headers(trailers), info: info)
        return writer.text
    }

    static func empty(_ format: SubstitutionFormat) -> String {
        var writer = ByteWriter()
        format.append(to: &writer, request: headers([]), response: headers([]), trailers: headers([]), info: StreamInfo())
        return writer.text
    }
}

struct SubstitutionFormatTests {
    static func line(_ text: String, omitsEmpty: Bool = false) throws -> SubstitutionFormat {
        try SubstitutionFormat(text, for: .logLine, environment: FormatSample.environment, omitsEmpty: omitsEmpty)
    }

    @Test(
        "an operator prints what Envoy's prints",
        arguments: [
            ("%REQ(:METHOD)%", "GET"), ("%REQ(X-None)%", "-"), ("%REQ(X-None?User-Agent)%", "curl/8"), ("%REQ(x-custom):3%", "abc"),
            ("%REQ(x-custom):0%", ""), ("%REQ(x-custom):99%", "abcdefghij"), ("%REQUEST_HEADER(x-custom)%", "abcdefghij"),
            ("%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)%", "/a/b?x=1&y=&z"), ("%REQ_WITHOUT_QUERY(:PATH)%", "/a/b"),
            ("%RESP(content-type)%", "text/plain"), ("%RESPONSE_HEADER(Content-Type):4%", "text"), ("%TRAILER(grpc-status)%", "5"),
            ("%PATH%", "/a/b?x=1&y=&z"), ("%PATH(NQ)%", "/a/b"), ("%PATH(NQ:PATH)%", "/a/b"), ("%PATH(WQ:ORIG)%", "-"),
            ("%QUERY_PARAM(x)%", "1"), ("%QUERY_PARAM(y)%", ""), ("%QUERY_PARAM(z)%", ""), ("%QUERY_PARAM(none)%", "-"),
            ("%QUERY_PARAMS%", "x=1&y=&z"), ("%PROTOCOL%", "HTTP/1.1"), ("%UPSTREAM_PROTOCOL%", "HTTP/2"), ("%RESPONSE_CODE%", "200"),
            ("%RESPONSE_CODE_DETAILS%", "via_upstream"), ("%RESPONSE_CODE_DETAILS(ALLOW_WHITESPACES)%", "via upstream"),
            ("%RESPONSE_FLAGS%", "UF,URX"), ("%RESPONSE_FLAGS_LONG%", "UpstreamConnectionFailure,UpstreamRetryLimitExceeded"),
            ("%CONNECTION_TERMINATION_DETAILS%", "rbac denied"), ("%UPSTREAM_TRANSPORT_FAILURE_REASON%", "TLS_error:_bad_cert"),
            ("%GRPC_STATUS%", "NotFound"), ("%GRPC_STATUS(SNAKE_STRING)%", "NOT_FOUND"), ("%GRPC_STATUS(NUMBER)%", "5"),
            ("%GRPC_STATUS_NUMBER%", "5"), ("%START_TIME%", "2026-11-23T10:00:00.123Z"), ("%START_TIME(%s.%3f)%", "1795428000.123"),
            ("%START_TIME(%Y/%m/%d %H:%M:%S.%6f %z)%", "2026/11/23 10:00:00.123456 +0000"), ("%START_TIME(%9f)%", "123456789"),
            ("%EMIT_TIME%", "2026-11-23T10:00:00.139Z"), ("%DURATION%", "15"), ("%REQUEST_DURATION%", "1"), ("%REQUEST_TX_DURATION%", "3"),
            ("%RESPONSE_DURATION%", "10"), ("%RESPONSE_TX_DURATION%", "1"), ("%COMMON_DURATION(DS_RX_BEG:US_RX_BEG:us)%", "10500"),
            ("%COMMON_DURATION(US_TX_BEG:US_TX_END:ns)%", "1000000"), ("%COMMON_DURATION(US_TX_END:US_TX_BEG:ns)%", "-"),
            ("%BYTES_RECEIVED%", "10"), ("%BYTES_SENT%", "20"), ("%DOWNSTREAM_WIRE_BYTES_RECEIVED%", "110"),
            ("%UPSTREAM_HEADER_BYTES_SENT%", "99"), ("%RESPONSE_TRAILERS_BYTES%", "12"), ("%UPSTREAM_HOST%", "10.0.0.1:8080"),
            ("%UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%", "10.0.0.1"), ("%UPSTREAM_REMOTE_PORT%", "8080"),
            ("%UPSTREAM_HOST_NAME%", "10.0.0.1:8080"), ("%UPSTREAM_LOCAL_ADDRESS%", "10.0.0.2:5000"),
            ("%DOWNSTREAM_LOCAL_ADDRESS%", "[::1]:80"), ("%DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT%", "::1"), ("%DOWNSTREAM_LOCAL_PORT%", "80"),
            ("%DOWNSTREAM_REMOTE_ADDRESS%", "192.0.2.7:999"), ("%DOWNSTREAM_DIRECT_REMOTE_ADDRESS%", "@peer"),
            ("%DOWNSTREAM_DIRECT_REMOTE_PORT%", "-"), ("%UPSTREAM_CLUSTER%", "web"), ("%UPSTREAM_CLUSTER_RAW%", "web"),
            ("%UPSTREAM_REQUEST_ATTEMPT_COUNT%", "2"), ("%ROUTE_NAME%", "route-a"), ("%VIRTUAL_CLUSTER_NAME%", "checkout"), ("%ROUTE_NAME:5%", "route"),
            ("%FILTER_CHAIN_NAME%", "chain"), ("%REQUESTED_SERVER_NAME%", "web.example"), ("%DOWNSTREAM_TLS_VERSION%", "TLSv1.3"),
            ("%DOWNSTREAM_TLS_CIPHER%", "TLS_AES_128_GCM_SHA256"), ("%DOWNSTREAM_PEER_URI_SAN%", "spiffe://td/ns/a"),
            ("%DOWNSTREAM_PEER_SUBJECT%", "-"), ("%UPSTREAM_TLS_VERSION%", "-"), ("%CONNECTION_ID%", "3"), ("%STREAM_ID%", "id-1"),
            ("%HOSTNAME%", "node-1"), ("%HOSTNAME:4%", "node"), ("%ENVIRONMENT(POD)%", "p\\\"1"), ("%ENVIRONMENT(NONE)%", "-"),
            ("%ACCESS_LOG_TYPE%", "DownstreamEnd"), ("%DYNAMIC_METADATA(f:k)%", "v\\\"1"), ("%DYNAMIC_METADATA(f:k):1%", "v"),
            ("%DYNAMIC_METADATA(f:none)%", "-"), ("%DYNAMIC_METADATA(g)%", "-"), ("%METADATA(DYNAMIC:f:k)%", "v\\\"1"),
            ("%DYNAMIC_METADATA(f:o)%", "{\\\"a\\\":[true,null,1.5],\\\"b\\\":1}"), ("100%%", "100%"), ("", ""), ("a%REQ(:METHOD)%b", "aGETb"),
            ("%UPSTREAM_CONNECTION_ID%", "-"), ("%LOCAL_REPLY_BODY%", "-"),
        ])
    func operators(format: String, expected: String) throws {
        #expect(FormatSample.text(try Self.line(format)) == expected)
    }

    /// Each operator with an argument that fits.
    static func everyOperator() throws -> [SubstitutionFormat] {
        let arguments: [FormatOperation: String] = [
            .request: "(a)", .response: "(a)", .trailer: "(a)", .requestWithoutQuery: "(a)", .queryParameter: "(a)",
            .commonDuration: "(DS_RX_BEG:DS_TX_END:ms)", .dynamicMetadata: "(f)", .metadata: "(DYNAMIC:f:k)", .environment: "(NONE)",
            .filterState: "(k)", .upstreamFilterState: "(k)",
        ]
        return try FormatOperation.allCases.filter { ![.literal, .jsonKey, .jsonItem].contains($0) }.map { operation in
            try line("%\(operation.rawValue)\(arguments[operation] ?? "")%")
        }
    }

    @Test("every operator compiles with a fitting argument, and prints something for a stream without facts")
    func allOperators() throws {
        for format in try Self.everyOperator() { #expect(!FormatSample.empty(format).isEmpty) }
        for alias in FormatOperation.aliases.keys { #expect(FormatOperation(rawValue: alias) == nil) }
        for name in FormatOperation.unsupported { #expect(FormatOperation(rawValue: name) == nil && FormatOperation.aliases[name] == nil) }
    }

    @Test("Envoy's default line")
    func defaultLine() throws {
        let expected = """
            [2026-11-23T10:00:00.123Z] "GET /a/b?x=1&y=&z HTTP/1.1" 200 UF,URX 10 20 15 12 "-" "curl/8" "id-1" "web:80" "10.0.0.1:8080"

            """
        #expect(FormatSample.text(try Self.line(SubstitutionFormat.defaultText)) == expected)
    }

    @Test("with omitsEmpty what is absent is nothing")
    func omitsEmpty() throws {
        #expect(FormatSample.text(try Self.line("[%REQ(none)%|%UPSTREAM_TLS_VERSION%|%REQ(:METHOD)%]", omitsEmpty: true)) == "[||GET]")
    }

    @Test(
        "a wrong format is refused with its reason",
        arguments: [
            ("%NOPE%", FormatError.unknownOperator("NOPE", offset: 0)), ("ab %CEL(x)%", .unsupportedOperator("CEL", offset: 3)),
            ("%UPSTREAM_METADATA(a:b)%", .unsupportedOperator("UPSTREAM_METADATA", offset: 0)), ("50%", .malformed(offset: 2)),
            ("a % b", .malformed(offset: 2)), ("%REQ(a", .malformed(offset: 0)), ("%REQ(a)", .malformed(offset: 0)), ("%REQ(a):x%", .malformed(offset: 0)),
            ("%REQ(a):-1%", .malformed(offset: 0)), ("%REQ(a):+1%", .malformed(offset: 0)), ("%DURATION", .malformed(offset: 0)), ("%lower%", .malformed(offset: 0)),
            ("%%%", .malformed(offset: 2)), ("%START_TIME(%Q)%", .argument(operator: "START_TIME", expected: "a strftime format", found: "%Q")),
            ("%DURATION(x)%", .argument(operator: "DURATION", expected: "no argument", found: "x")),
            ("%REQ(a b)%", .argument(operator: "REQ", expected: "a header name, or two with ? between them", found: "a b")),
            ("%REQ()%", .argument(operator: "REQ", expected: "a header name, or two with ? between them", found: "")),
            ("%REQ%", .argument(operator: "REQ", expected: "a header name, or two with ? between them", found: "")),
            ("%GRPC_STATUS(X)%", .argument(operator: "GRPC_STATUS", expected: "CAMEL_STRING or SNAKE_STRING or NUMBER", found: "X")),
            ("%PATH(X)%", .argument(operator: "PATH", expected: "WQ or NQ", found: "X")),
            ("%METADATA(ROUTE:a)%", .argument(operator: "METADATA", expected: "DYNAMIC:FILTER:KEY…", found: "ROUTE:a")),
        ])
    func refused(format: String, expected: FormatError) {
        #expect(throws: expected) { try Self.line(format) }
        #expect(!expected.description.isEmpty)
    }

    @Test("a format that is too long is refused, one at the bound is not")
    func length() throws {
        _ = try Self.line(String(repeating: "a", count: FormatBuilder.maximumLength))
        #expect(throws: FormatError.tooLong(limit: FormatBuilder.maximumLength)) {
            try Self.line(String(repeating: "a", count: FormatBuilder.maximumLength + 1))
        }
    }

    @Test("no bytes of a client make a second line or end a quoted field", arguments: 0..<100)
    func injection(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let bytes = (0..<Int.random(in: 0...60, using: &generator)).map { _ in
            [0x0A, 0x0D, 0x22, 0x5C, 0x00, 0x1B, 0x7F, 0xFF, 0x41].randomElement(using: &generator) ?? UInt8.random(in: 0...255, using: &generator)
        }
        var block = HeaderBlock()
        bytes.withUnsafeBytes { block.append(.userAgent, $0) }
        var writer = ByteWriter()
        let format = try Self.line("\"%REQ(USER-AGENT)%\" end\n")
        format.append(to: &writer, request: block, response: headers([]), trailers: headers([]), info: StreamInfo())
        let line = Array(writer.bytes)
        #expect(line.filter { $0 == 0x0A }.count == 1)
        #expect(line.allSatisfy { $0 >= 0x20 && $0 != 0x7F || $0 == 0x0A })
        #expect(unescaped(line.dropFirst().dropLast(6)) == bytes)
    }

    /// What the escapes of a line stand for; nil when a quote is not escaped.
    private func unescaped(_ line: ArraySlice<UInt8>) -> [UInt8]? {
        var result: [UInt8] = []
        var rest = line
        while let byte = rest.popFirst() {
            if byte == 0x22 { return nil }
            guard byte == 0x5C else {
                result.append(byte)
                continue
            }
            guard let next = rest.popFirst() else { return nil }
            switch next {
            case UInt8(ascii: "n"): result.append(0x0A)
            case UInt8(ascii: "r"): result.append(0x0D)
            case UInt8(ascii: "t"): result.append(0x09)
            case UInt8(ascii: "x"):
                guard let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16) else { return nil }
                result.append(value)
                rest = rest.dropFirst(2)
            default: result.append(next)
            }
        }
        return result
    }

    @Test("a header value with a control character is not written at all", arguments: ["a\nb", "a\rb", "a\0b", "a\u{7F}"])
    func headerValue(hostile: String) throws {
        let format = try SubstitutionFormat("x-%DYNAMIC_METADATA(f:k)%", for: .headerValue, environment: FormatSample.environment)
        for (value, isWritten) in [("plain \"quoted\"\t", true), (hostile, false)] {
            var info = StreamInfo()
            info.metadataForWriting().set(filter: "f", key: "k", .string(value))
            var writer = ByteWriter()
            writer.append("before")
            let done = format.appendHeaderValue(
                to: &writer, request: headers([]), response: headers([]), trailers: headers([]), info: info)
            let text = writer.text
            #expect(done == isWritten)
            #expect(text == (isWritten ? "beforex-" + value : "before"))
        }
    }

    @Test("unique ids look like UUIDs and differ from stream to stream and from process to process")
    func uniqueID() throws {
        var seen: Set<String> = []
        for instance in 0..<10 {
            let format = try SubstitutionFormat("%UNIQUE_ID%", for: .headerValue, environment: FormatEnvironment(instanceID: UInt64(instance) << 40))
            for stream in 0..<100 {
                var info = StreamInfo()
                info.streamID = UInt64(stream)
                var writer = ByteWriter()
                format.append(to: &writer, request: headers([]), response: headers([]), trailers: headers([]), info: info)
                let text = writer.text
                #expect(UUID(uuidString: text) != nil, "\(text)")
                seen.insert(text)
            }
        }
        #expect(seen.count == 1000)
    }

    @Test("a stream that is used again knows nothing of the one before")
    func reset() throws {
        var info = StreamInfo()
        FormatSample.fill(&info)
        info.grpcStatus = 3
        info.upstreamHostName = NamedText("host")
        info.virtualHostName = NamedText("v")
        info.upstreamConnectionID = 9
        info.accessLogType = .tcpConnectionEnd
        info.localReplyBody = "body"
        info.downstreamTransportFailureReason = "reason"
        info.upstreamTLS = info.downstreamTLS
        info.bytesReceived = 1
        info.downstreamWireBytesSent = 1
        info.upstreamWireBytesReceived = 1
        info.upstreamWireBytesSent = 1
        info.downstreamHeaderBytesReceived = 1
        info.downstreamHeaderBytesSent = 1
        info.upstreamHeaderBytesReceived = 1
        info.reset()
        #expect(info.dynamicMetadata == nil && info.virtualHostName == nil && info.upstreamConnectionID == nil)
        for format in try Self.everyOperator() {
            var writer = ByteWriter()
            format.append(to: &writer, request: headers([]), response: headers([]), trailers: headers([]), info: info)
            let text = writer.text
            #expect(text == FormatSample.empty(format))
        }
    }
}

struct JSONFormatTests {
    static func json(_ tree: MetadataValue, omitsEmpty: Bool = false) throws -> String {
        FormatSample.json(try JSONFormat(tree, environment: FormatSample.environment, omitsEmpty: omitsEmpty))
    }

    @Test(
        "values keep their types, keys are sorted",
        arguments: [
            (["code": .string("%RESPONSE_CODE%"), "a": .string("%REQ(:METHOD)%")], #"{"a":"GET","code":200}"#),
            (["x": .string("%REQ(none)%"), "y": .string("a %REQ(none)% b")], #"{"x":null,"y":"a - b"}"#),
            (["m": .string("%DYNAMIC_METADATA(f:o)%"), "s": .string("%DYNAMIC_METADATA(f:k)%")], #"{"m":{"a":[true,null,1.5],"b":1},"s":"v\"1"}"#),
            (["n": .number(2), "b": .bool(true), "z": .null, "l": .list([.string("%DURATION%"), .string("x"), .list([])])], #"{"b":true,"l":[15,"x",[]],"n":2,"z":null}"#),
            (["o": .object(["i": .string("%BYTES_SENT%ms")]), "e": .object([:])], #"{"e":{},"o":{"i":"20ms"}}"#),
            (["h": .string("%HOSTNAME%"), "v": .string("%ENVIRONMENT(POD)%"), "w": .string("-%ENVIRONMENT(POD)%"), "u": .string("%ENVIRONMENT(NO)%")],
                #"{"h":"node-1","u":null,"v":"p\"1","w":"-p\"1"}"#),
            (["k\"\n": .string("q\"\\ %%")], #"{"k\"\n":"q\"\\ %"}"#),
        ] as [([String: MetadataValue], String)])
    func forms(fields: [String: MetadataValue], expected: String) throws {
        #expect(try Self.json(.object(fields)) == expected + "\n")
    }

    @Test("with omitsEmpty fields without a value are left out, first, last and all")
    func omits() throws {
        let absent = MetadataValue.string("%REQ(none)%")
        #expect(try Self.json(.object(["a": absent, "b": .number(1), "c": absent]), omitsEmpty: true) == "{\"b\":1}\n")
        #expect(try Self.json(.object(["a": absent, "o": .object(["x": absent])]), omitsEmpty: true) == "{\"o\":{}}\n")
        #expect(try Self.json(.list([absent, .number(1), absent, .number(2)]), omitsEmpty: true) == "[1,2]\n")
    }

    @Test("whatever a client sends, the line is one JSON object that says it", arguments: 0..<200)
    func hostile(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let bytes = (0..<Int.random(in: 0...80, using: &generator)).map { _ in
            Bool.random(using: &generator)
                ? UInt8.random(in: 0...255, using: &generator)
                : [0x22, 0x5C, 0x0A, 0xC3, 0xA9, 0xE2, 0x82, 0xAC, 0xF0, 0x9F, 0x98, 0x80, 0xED, 0xA0].randomElement(using: &generator) ?? 0
        }
        var block = HeaderBlock()
        bytes.withUnsafeBytes { block.append(.userAgent, $0) }
        let format = try JSONFormat(.object(["ua": .string("%REQ(USER-AGENT)%")]), environment: FormatSample.environment)
        var writer = ByteWriter()
        format.append(to: &writer, request: block, response: headers([]), trailers: headers([]), info: StreamInfo())
        let line = Array(writer.bytes)
        #expect(line.filter { $0 == 0x0A }.count == 1 && line.last == 0x0A)
        let object = try JSONSerialization.jsonObject(with: Data(line)) as? [String: String]
        #expect(object == ["ua": String(decoding: bytes, as: UTF8.self)])
    }

    @Test("a cut in the middle of a character still gives valid JSON")
    func cutCharacter() throws {
        let format = try JSONFormat(.object(["v": .string("%REQ(x):2%")]), environment: FormatSample.environment)
        var writer = ByteWriter()
        format.append(to: &writer, request: headers([("x", "a€")]), response: headers([]), trailers: headers([]), info: StreamInfo())
        let text = writer.text
        #expect(text == "{\"v\":\"a\u{FFFD}\"}\n")
    }

    @Test("a tree that is too deep is refused")
    func depth() {
        var tree = MetadataValue.string("x")
        for _ in 0..<JSONFormat.maximumDepth - 1 { tree = .list([tree]) }
        #expect(throws: Never.self) { try Self.json(tree) }
        #expect(throws: FormatError.self) { try Self.json(.list([tree])) }
    }
}

struct TimeFormatTests {
    @Test("the calendar agrees with the system's for a thousand moments")
    func calendar() {
        var generator = SeededGenerator(seed: 3)
        for _ in 0..<1000 {
            let seconds = Int64.random(in: -2_000_000_000...9_000_000_000, using: &generator)
            var time = tm()
            var value = time_t(seconds)
            gmtime_r(&value, &time)
            let civil = CivilTime(seconds * 1_000_000_000 + 999_999_999)
            #expect(civil.year == Int(time.tm_year) + 1900 && civil.month == Int(time.tm_mon) + 1 && civil.day == Int(time.tm_mday))
            #expect(civil.hour == Int(time.tm_hour) && civil.minute == Int(time.tm_min) && civil.second == Int(time.tm_sec))
            #expect(civil.weekday == Int(time.tm_wday) && civil.dayOfYear == Int(time.tm_yday) + 1 && civil.nanosecond == 999_999_999)
        }
    }

    @Test(
        "conversions", arguments: [
            ("%Y-%m-%d", "2026-01-05"), ("%y %e %j", "26  5 005"), ("%H %I %p %M %S", "15 03 PM 04 09"), ("%a %A %b %B %h", "Mon Monday Jan January Jan"),
            ("%F %T %R %D", "2026-01-05 15:04:09 15:04 01/05/26"), ("%z %Z %Ez", "+0000 UTC +00:00"), ("%s", "1767625449"), ("%1f %3f %9f %f", "0 012 012345678 012345678"),
            ("%E3S %E2f", "09.012 01"), ("100%%", "100%"), ("plain", "plain"),
        ])
    func conversions(format: String, expected: String) throws {
        var writer = ByteWriter()
        try #require(TimeFormat(format)).append(1_767_625_449_012_345_678, to: &writer)
        let text = writer.text
        #expect(text == expected)
    }

    @Test("unknown conversions are refused", arguments: ["%", "%q", "%0f", "%3", "%3s", "%E", "%E3", "%EQ", "a%"])
    func refused(format: String) {
        #expect(TimeFormat(format) == nil)
    }

    @Test("the fast way to write ISO 8601 is the same as the compiled one")
    func iso8601() {
        var generator = SeededGenerator(seed: 4)
        for _ in 0..<500 {
            let moment = Int64.random(in: -60_000_000_000_000_000...250_000_000_000_000_000, using: &generator)
            var fast = ByteWriter()
            var slow = ByteWriter()
            fast.appendISO8601(moment)
            TimeFormat.iso8601.append(moment, to: &slow)
            let (left, right) = (fast.text, slow.text)
            #expect(left == right)
        }
    }
}
