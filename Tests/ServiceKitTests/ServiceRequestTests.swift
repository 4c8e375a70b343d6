import ServiceKit
import Testing

@Suite("Requests to a service")
struct ServiceRequestTests {
    @Test(
        "a target falls into its path and its decoded query",
        arguments: [
            ("/stats", "/stats", [] as [[String]]),
            ("/stats?usedonly&filter=a%2Eb+c", "/stats", [["usedonly", ""], ["filter", "a.b c"]]),
            ("/x?", "/x", []),
            ("/x?a=%zz&b=%4", "/x", [["a", "%zz"], ["b", "%4"]]),
            ("/x?a=1=2", "/x", [["a", "1=2"]]),
        ])
    func split(target: String, path: String, query: [[String]]) {
        let parts = ServiceRequest.split(target)
        #expect(parts.path == path)
        #expect(parts.query.map { [$0.name, $0.value] } == query)
    }
}
