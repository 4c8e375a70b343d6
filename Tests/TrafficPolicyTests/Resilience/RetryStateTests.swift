import HTTPModel
import Testing
import TrafficPolicy

struct RetryStateTests {
    /// What one attempt of a policy with these words leads to.
    private func retries(
        _ policy: RetryPolicy, request: [(String, String)] = [], response: [(String, String)]
    ) -> Bool {
        let memory = RegionMemory(slots: 1)
        var request = makeRequest("/", request)
        var state = RetryState(policy: policy, request: &request)
        var random = FastRandom(seed: 1)
        let decision = state.responded(makeHead(response), breaker: memory.breaker(), random: &random)
        state.finish(memory.breaker())
        if case .after = decision { return true }
        return false
    }

    static let responses: [(String, [(String, String)], Bool)] = [
        ("", [(":status", "503")], false),
        ("5xx", [(":status", "500")], true), ("5xx", [(":status", "599")], true), ("5xx", [(":status", "499")], false),
        ("5xx", [(":status", "200")], false),
        ("gateway-error", [(":status", "500")], false), ("gateway-error", [(":status", "502")], true),
        ("gateway-error", [(":status", "504")], true), ("gateway-error", [(":status", "505")], false),
        ("retriable-4xx", [(":status", "409")], true), ("retriable-4xx", [(":status", "404")], false),
        ("retriable-status-codes", [(":status", "418")], true), ("retriable-status-codes", [(":status", "419")], false),
        ("5xx", [(":status", "418")], false),
        ("retriable-headers", [(":status", "200"), ("x-retry", "yes")], true),
        ("retriable-headers", [(":status", "200"), ("x-retry", "no")], false),
        ("connect-failure,refused-stream,reset", [(":status", "503")], false),
        ("cancelled", [(":status", "200"), ("grpc-status", "1")], true),
        ("deadline-exceeded", [(":status", "200"), ("grpc-status", "4")], true),
        ("resource-exhausted", [(":status", "200"), ("grpc-status", "8")], true),
        ("internal", [(":status", "200"), ("grpc-status", "13")], true),
        ("unavailable", [(":status", "200"), ("grpc-status", "14")], true),
        ("unavailable", [(":status", "200"), ("grpc-status", "13")], false),
        ("unavailable", [(":status", "200"), ("grpc-status", "x")], false),
        ("unavailable", [(":status", "200")], false), ("5xx", [(":status", "200"), ("grpc-status", "14")], false),
        ("5xx", [(":status", "503"), ("x-envoy-overloaded", "true")], false),
        ("5xx", [(":status", "503"), ("x-envoy-ratelimited", "true")], false),
        ("envoy-ratelimited", [(":status", "429"), ("x-envoy-ratelimited", "true")], true),
        ("envoy-ratelimited", [(":status", "429")], false),
    ]

    @Test("which responses are tried again", arguments: responses)
    func response(words: String, response: [(String, String)], expected: Bool) throws {
        let policy = RetryPolicy(
            retryOn: .parse(words), statusCodes: [418],
            responseHeaders: [try HeaderMatcher(name: "x-retry", .string(.exact("yes")))])
        #expect(retries(policy, response: response) == expected)
    }

    static let resets: [(String, UpstreamReset, Bool, Bool)] = [
        ("", .connectFailure, false, false), ("5xx", .connectFailure, false, true), ("5xx", .remoteReset, true, true),
        ("5xx", .perTryTimeout, true, true), ("gateway-error", .remoteReset, true, true), ("reset", .remoteReset, true, true),
        ("reset", .overflow, false, false), ("5xx", .overflow, false, false),
        ("connect-failure", .connectFailure, false, true), ("connect-failure", .remoteReset, true, false),
        ("refused-stream", .refusedStream, true, true), ("refused-stream", .remoteReset, true, false),
        ("reset-before-request", .remoteReset, false, true), ("reset-before-request", .remoteReset, true, false),
        ("retriable-status-codes", .remoteReset, true, false), ("unavailable", .connectFailure, false, false),
        ("reset", .protocolError, true, true), ("connect-failure", .perTryTimeout, true, false),
    ]

    @Test("which attempts without a response are tried again", arguments: resets)
    func reset(words: String, reason: UpstreamReset, started: Bool, expected: Bool) {
        let memory = RegionMemory(slots: 1)
        var request = makeRequest("/")
        var state = RetryState(policy: RetryPolicy(retryOn: .parse(words)), request: &request)
        var random = FastRandom(seed: 1)
        let decision = state.reset(reason, requestStarted: started, breaker: memory.breaker(), random: &random)
        if expected {
            guard case .after(let delay) = decision else { Issue.record("\(decision)"); return }
            #expect(delay < 25_000_000)
        } else {
            #expect(decision == .no(.notRetriable))
        }
        state.finish(memory.breaker())
    }

    @Test("as many retries as allowed, and not one more", arguments: [0, 1, 2, 5] as [UInt32])
    func limit(retries: UInt32) {
        let memory = RegionMemory(slots: 1)
        var request = makeRequest("/")
        var state = RetryState(policy: RetryPolicy(retryOn: .reset, retries: retries), request: &request)
        var random = FastRandom(seed: 1)
        do { let may = state.mayRetry; #expect(may == (retries > 0)) }
        for _ in 0..<retries {
            let decision = state.reset(.remoteReset, requestStarted: true, breaker: memory.breaker(), random: &random)
            guard case .after = decision else { Issue.record("\(decision)"); return }
            #expect(memory.breaker().counters.total(.retry, .default) == 1)
        }
        let last = state.reset(.remoteReset, requestStarted: true, breaker: memory.breaker(), random: &random)
        #expect(last == .no(.limitReached))
        #expect(memory.breaker().counters.total(.retry, .default) == 0)
        do { let made = state.retriesMade; #expect(made == Int(retries)) }
    }

    @Test("the breaker refuses the retry past its limit, and the end of a stream gives its place back")
    func overflow() {
        let memory = RegionMemory(slots: 1)
        let breaker = memory.breaker(CircuitThresholds(maxRetries: 1))
        var random = FastRandom(seed: 1)
        var firstRequest = makeRequest("/")
        var secondRequest = makeRequest("/")
        let policy = RetryPolicy(retryOn: .reset, retries: 3)
        var first = RetryState(policy: policy, request: &firstRequest)
        var second = RetryState(policy: policy, request: &secondRequest)
        let admitted = first.reset(.remoteReset, requestStarted: true, breaker: breaker, random: &random)
        guard case .after = admitted else { Issue.record("\(admitted)"); return }
        let refused = second.reset(.remoteReset, requestStarted: true, breaker: breaker, random: &random)
        #expect(refused == .no(.overflow))
        first.finish(breaker)
        first.finish(breaker)
        second.finish(breaker)
        #expect(breaker.counters.total(.retry, .default) == 0)
        let later = second.reset(.remoteReset, requestStarted: true, breaker: breaker, random: &random)
        guard case .after = later else { Issue.record("\(later)"); return }
        second.finish(breaker)
    }

    @Test("request headers change the policy and do not go upstream", arguments: [
        ([("x-envoy-retry-on", "5xx")], [(":status", "500")], true),
        ([("x-envoy-retry-grpc-on", "internal")], [("grpc-status", "13")], true),
        ([("x-envoy-retry-on", "5xx"), ("x-envoy-max-retries", "0")], [(":status", "500")], false),
        ([("x-envoy-retry-on", "retriable-status-codes"), ("x-envoy-retriable-status-codes", "404, 499,x")], [(":status", "499")], true),
        ([("x-envoy-retry-on", "retriable-headers"), ("x-envoy-retriable-header-names", "X-A,X-B")], [("x-b", "")], true),
        ([("x-envoy-retry-on", "retriable-headers"), ("x-envoy-retriable-header-names", "X-A")], [("x-b", "")], false),
        ([("x-envoy-max-retries", "3")], [(":status", "500")], false),
    ] as [([(String, String)], [(String, String)], Bool)])
    func headers(request: [(String, String)], response: [(String, String)], expected: Bool) {
        let policy = RetryPolicy(retryOn: [])
        #expect(retries(policy, request: request, response: response) == expected)
        var head = makeRequest("/", request)
        var state = RetryState(policy: policy, request: &head)
        do { let names = head.fields.map(\.name); #expect(names == [":method", ":path", ":authority", ":scheme"]) }
        state.finish(RegionMemory(slots: 1).breaker())
    }

    @Test("a policy for some requests leaves the others alone")
    func requestHeaders() throws {
        let policy = RetryPolicy(
            retryOn: .serverError, requestHeaders: [try HeaderMatcher(name: ":method", .string(.exact("GET"))),
                                                    try HeaderMatcher(name: "x-idempotent", .present(true))])
        #expect(retries(policy, response: [(":status", "500")]))
        var post = makeRequest("/", method: "POST")
        var state = RetryState(policy: policy, request: &post)
        do { let may = state.mayRetry; #expect(!may) }
        state.finish(RegionMemory(slots: 1).breaker())
    }

    @Test("what a client asks for by header is bounded")
    func bounds() {
        let memory = RegionMemory(slots: 1)
        let codes = (0...RetryState.maximumConditionsByHeader).map { "\(400 + $0)" }
        var request = makeRequest("/", [
            ("x-envoy-retry-on", "retriable-status-codes"), ("x-envoy-max-retries", "18446744073709551615"),
            ("x-envoy-retriable-status-codes", codes.joined(separator: ",")),
        ])
        var state = RetryState(policy: RetryPolicy(retryOn: [], baseInterval: 1), request: &request)
        var random = FastRandom(seed: 1)
        let last = RetryState.maximumConditionsByHeader + 400
        let refused = state.responded(makeHead([(":status", "\(last)")]), breaker: memory.breaker(), random: &random)
        #expect(refused == .no(.notRetriable))
        var retries: UInt64 = 0
        while case .after = state.responded(makeHead([(":status", "\(last - 1)")]), breaker: memory.breaker(), random: &random) {
            retries += 1
        }
        #expect(retries == RetryState.maximumRetriesByHeader)
    }
}
