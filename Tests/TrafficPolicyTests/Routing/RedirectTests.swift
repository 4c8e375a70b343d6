import Bytes
import HTTPModel
import Testing
import TrafficPolicy

struct RedirectTests {
    private static func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

    /// Redirect, request scheme, host, path, location.
    static let cases: [(Redirect, String, String, String, String)] = [
        (Redirect(scheme: "https"), "http", "a.example", "/p?q", "https://a.example/p?q"),
        (Redirect(scheme: "https"), "http", "a.example:80", "/", "https://a.example/"),
        (Redirect(scheme: "https"), "http", "a.example:8080", "/", "https://a.example:8080/"),
        (Redirect(scheme: "http"), "https", "a.example:443", "/", "http://a.example/"),
        (Redirect(scheme: "https"), "https", "a.example:443", "/", "https://a.example:443/"),
        (Redirect(scheme: "https"), "http", "[::1]:80", "/", "https://[::1]/"),
        (Redirect(scheme: "https"), "http", "[::1]", "/", "https://[::1]/"),
        (Redirect(port: 8443), "http", "a.example:80", "/", "http://a.example:8443/"),
        (Redirect(port: 8443), "http", "a.example", "/", "http://a.example:8443/"),
        (Redirect(scheme: "https", port: 8443), "http", "a.example:80", "/", "https://a.example:8443/"),
        (Redirect(host: "b.example"), "http", "a.example:80", "/x", "http://b.example/x"),
        (Redirect(host: "b.example", port: 81), "http", "a.example:80", "/x", "http://b.example:81/x"),
        (Redirect(path: .literal(bytes("/new"))), "http", "a", "/old?q=1", "http://a/new?q=1"),
        (Redirect(path: .literal(bytes("/new?x"))), "http", "a", "/old?q=1", "http://a/new?x"),
        (Redirect(path: .literal(bytes("/new?x")), stripsQuery: true), "http", "a", "/old?q=1", "http://a/new?x"),
        (Redirect(path: .literal(bytes("/new")), stripsQuery: true), "http", "a", "/old?q=1", "http://a/new"),
        (Redirect(stripsQuery: true), "http", "a", "/old?q=1", "http://a/old"),
        (Redirect(path: .rewrite(.prefix(bytes("/v2")))), "http", "a", "/v1/x?q", "http://a/v2/x?q"),
        (Redirect(path: .rewrite(.prefix(bytes("/v2"))), stripsQuery: true), "http", "a", "/v1/x?q", "http://a/v2/x"),
        (Redirect(scheme: "spdy"), "http", "a:80", "/", "spdy://a/"),
    ]

    @Test("the location is built by Envoy's rules", arguments: cases)
    func location(redirect: Redirect, scheme: String, host: String, path: String, expected: String) {
        let head = makeRequest(path, host: host, [("x-forwarded-proto", scheme)])
        var output = ByteWriter()
        redirect.appendLocation(for: head, matchedLength: 3, into: &output)
        #expect(output.text == expected)
    }

    @Test("the scheme is the client's where a proxy before us tells it, the request's own otherwise")
    func scheme() {
        var output = ByteWriter()
        Redirect().appendLocation(for: makeRequest("/", host: "a"), matchedLength: 1, into: &output)
        #expect(output.text == "http://a/")
    }
}
