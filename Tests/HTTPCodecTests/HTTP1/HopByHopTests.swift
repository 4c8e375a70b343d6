import HTTPCodec
import HTTPModel
import Testing

struct HopByHopTests {
    private func stripped(_ fields: [(String, String)], keepUpgrade: Bool = false) -> String {
        var block = HeaderBlock()
        for (name, value) in fields { block.append(name, value) }
        HopByHop.strip(&block, keepUpgrade: keepUpgrade)
        return HTTP1Driver.describe(block)
    }

    @Test("fields of the connection go, all others stay in order")
    func always() {
        #expect(
            stripped([
                (":method", "GET"), ("keep-alive", "timeout=5"), ("x-a", "1"), ("proxy-connection", "keep-alive"),
                ("connection", "close"),
                ("transfer-encoding", "chunked"), ("upgrade", "h2c"), ("http2-settings", "AA"), ("te", "gzip"),
                ("x-b", "2"),
            ]) == ":method=GET; x-a=1; x-b=2")
    }

    @Test("what Connection nominates goes, whatever its case and however many fields nominate it")
    func nominated() {
        #expect(
            stripped([
                ("connection", "X-Secret , close"), ("connection", "x-other"), ("x-secret", "1"), ("x-other", "2"),
                ("x-c", "3"),
            ]) == "x-c=3")
        #expect(stripped([("x-secret", "1"), ("x-secret", "2"), ("connection", "x-secret, ,,a b")]) == "")
    }

    @Test(
        "a client cannot nominate away who it is, where it goes or what gateways said",
        arguments: [
            "authorization", "host", ":path", ":authority", "cookie", "x-forwarded-for", "x-forwarded-proto",
            "x-forwarded-client-cert",
            "x-forwarded-anything", "x-envoy-internal", "x-envoy-peer-metadata", "x-request-id", "content-length",
            "content-type", "via",
            "traceparent", "x-b3-traceid", "x-heddle-explain", "grpc-timeout",
        ])
    func protected(name: String) {
        #expect(stripped([("connection", "close, \(name.uppercased())"), (name, "v")]) == "\(name)=v")
    }

    @Test("te: trailers stays, also when nominated and next to others")
    func trailers() {
        #expect(stripped([("te", "trailers"), ("connection", "TE")]) == "te=trailers")
        #expect(stripped([("te", "gzip, Trailers")]) == "te=trailers")
        #expect(stripped([("te", "deflate;q=0.5")]) == "")
    }

    @Test("upgrade stays when it is asked to, and connection goes all the same")
    func upgrade() {
        let fields = [("connection", "Upgrade, x-a"), ("upgrade", "websocket"), ("x-a", "1")]
        #expect(stripped(fields, keepUpgrade: true) == "upgrade=websocket")
        #expect(stripped(fields) == "")
    }
}
