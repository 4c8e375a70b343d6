import Testing
import TrafficPolicy

struct RetryOnTests {
    @Test("lists of words", arguments: [
        ("", []), ("5xx", [.serverError]), ("5xx,gateway-error", [.serverError, .gatewayError]),
        (" connect-failure , refused-stream,", [.connectFailure, .refusedStream]), ("nonsense,reset", [.reset]),
        ("connect-failure,refused-stream,unavailable,cancelled,retriable-status-codes",
         [.connectFailure, .refusedStream, .grpcUnavailable, .grpcCancelled, .retriableStatusCodes]),
        ("5XX", []), (",,,", []),
    ] as [(String, RetryOn)])
    func parse(list: String, expected: RetryOn) {
        #expect(RetryOn.parse(list) == expected)
    }

    @Test("each word has a condition of its own")
    func words() {
        let conditions = RetryOn.words.map { RetryOn.parse("\($0.word)") }
        #expect(Set(conditions).count == RetryOn.words.count)
        #expect(!conditions.contains([]))
    }

    @Test("the first unknown word is named", arguments: [("5xx,foo,bar", "foo"), ("5xx", nil), ("", nil)] as [(String, String?)])
    func unknown(list: String, expected: String?) {
        #expect(RetryOn.unknownWord(in: list) == expected)
    }
}
