import HTTPModel
import Testing
import TrafficPolicy

struct TimeoutPolicyTests {
    private static let second: UInt64 = 1_000_000_000
    private static let millisecond: UInt64 = 1_000_000

    struct Case: Sendable {
        var policy = TimeoutPolicy()
        var perTry: UInt64?
        var fields: [(String, String)] = []
        var expected: RequestTimeouts
        var told: String?
    }

    static let cases: [Case] = [
        Case(expected: .init(whole: 15 * second), told: "15000"),
        Case(policy: .init(timeout: 0), expected: .init(whole: 0), told: nil),
        Case(perTry: 2 * second, expected: .init(whole: 15 * second, perTry: 2 * second), told: "2000"),
        Case(policy: .init(timeout: second), perTry: second, expected: .init(whole: second), told: "1000"),
        Case(policy: .init(timeout: 0), perTry: second, expected: .init(whole: 0, perTry: second), told: "1000"),
        Case(fields: [("x-envoy-upstream-rq-timeout-ms", "250")], expected: .init(whole: 250 * millisecond), told: "250"),
        Case(fields: [("x-envoy-upstream-rq-timeout-ms", "0")], expected: .init(whole: 0), told: nil),
        Case(fields: [("x-envoy-upstream-rq-timeout-ms", "x")], expected: .init(whole: 15 * second), told: "15000"),
        Case(fields: [("x-envoy-upstream-rq-timeout-ms", "18446744073709551615")], expected: .init(whole: 15 * second), told: "15000"),
        Case(fields: [("x-envoy-upstream-rq-per-try-timeout-ms", "5")],
             expected: .init(whole: 15 * second, perTry: 5 * millisecond), told: "5"),
        Case(policy: .init(idleTimeout: 7, maxStreamDuration: 9), expected: .init(whole: 15 * second, idle: 7, stream: 9), told: "15000"),
        Case(policy: .init(maxStreamDuration: 9, grpcTimeoutMaximum: 0), fields: [("grpc-timeout", "3S")],
             expected: .init(whole: 15 * second, stream: 3 * second), told: "15000"),
        Case(policy: .init(grpcTimeoutMaximum: second), fields: [("grpc-timeout", "3S")],
             expected: .init(whole: 15 * second, stream: second), told: "15000"),
        Case(policy: .init(grpcTimeoutMaximum: 0, grpcTimeoutOffset: second), fields: [("grpc-timeout", "3S")],
             expected: .init(whole: 15 * second, stream: 2 * second), told: "15000"),
        Case(policy: .init(maxStreamDuration: 9, grpcTimeoutMaximum: 0), fields: [("grpc-timeout", "3x")],
             expected: .init(whole: 15 * second, stream: 9), told: "15000"),
    ]

    @Test("route, retry policy and request headers come together", arguments: cases)
    func resolve(testCase: Case) {
        var head = makeRequest("/", testCase.fields)
        let retry = testCase.perTry.map { RetryPolicy(retryOn: .reset, perTryTimeout: $0) }
        let timeouts = testCase.policy.resolve(&head, retry: retry)
        #expect(timeouts == testCase.expected)
        do { let value = head["x-envoy-expected-rq-timeout-ms"]; #expect(value == testCase.told) }
        do { let value = head.has(.xEnvoyUpstreamRequestTimeoutMS); #expect(!value) }
        do { let value = head.has(.xEnvoyUpstreamRequestPerTryTimeoutMS); #expect(!value) }
    }

    @Test("the upstream is told nothing when Envoy's headers are suppressed")
    func suppressed() {
        var head = makeRequest("/")
        _ = TimeoutPolicy().resolve(&head, retry: nil, tellsUpstream: false)
        do { let value = head.has(.xEnvoyExpectedRequestTimeoutMS); #expect(!value) }
    }

    @Test("grpc-timeout has up to eight digits and a unit", arguments: [
        ("1H", 3_600_000_000_000), ("2M", 120_000_000_000), ("3S", 3_000_000_000), ("4m", 4_000_000), ("5u", 5000),
        ("6n", 6), ("99999999n", 99_999_999), ("99999999H", .max), ("100000000n", nil), ("1", nil), ("S", nil), ("", nil),
        ("-1S", nil), ("1s", nil), ("1 S", nil),
    ] as [(String, UInt64?)])
    func grpc(value: String, expected: UInt64?) {
        #expect(withBytes(value) { GRPCTimeout.nanoseconds($0) } == expected)
    }
}
