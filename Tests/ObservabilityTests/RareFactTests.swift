import Bytes
import HTTPModel
import Testing

@testable import Observability

/// Operators for what few formats name; the values are those of Envoy 1.40 for the same facts.
struct RareFactTests {
    private final class Details: TLSDetails {
        let peerPEM = "-----BEGIN%20CERTIFICATE-----%0A"
        let peerChainPEM = ""
        let peerCommonName = "client"
        let peerOrganizations: [String] = []
        let peerValidFrom: Int64? = 1_795_428_000
        let peerValidUntil: Int64? = 1_830_595_593
        let peerOIDs: [String] = []
        let localOIDs: [String] = []
        let peerURIs: [String] = []
        let peerDNSNames: [String] = []
        let localURIs: [String] = []
        let peerIPAddresses = ["127.0.0.8", "::1"]
        let localIPAddresses = ["127.0.0.9"]
        let peerEmails = ["c@x.test"]
        let localEmails = ["s@x.test"]
        let peerChainSHA1 = ["aa", "bb"]
        let peerChainSHA256 = ["cc", "dd"]
        let peerChainSerials = ["01", "02"]
    }

    /// Five hours behind UTC.
    private static let environment: FormatEnvironment = {
        var environment = FormatEnvironment()
        environment.timeZone = { _ in FormatEnvironment.TimeZone(offset: -18_000, name: "EST") }
        return environment
    }()

    private static func fill(_ info: inout StreamInfo) {
        FormatSample.fill(&info)
        info.times.downstreamHandshakeComplete = 1_004_000_000
        let details = Details()
        info.downstreamTLS = TLSFacts(version: nil, cipher: nil, details: details)
        info.upstreamTLS = TLSFacts(version: nil, cipher: nil, serverName: NamedText("up.test"), details: details)
        _ = info.filterStateForWriting().set("k", .string(Array("va\"l".utf8)))
        _ = info.filterStateForWriting().set("n", .integer(5))
        info.upstreamHostName = NamedText("up.name:80")
        info.upstreamRemoteAddress = SocketAddress("10.0.0.9:1")
        info.upstreamConnectionID = 3
        info.giveUpAttempt()
        // Never had a connection: nothing was sent to it.
        info.upstreamRemoteAddress = SocketAddress("10.0.0.7:1")
        info.giveUpAttempt()
        info.upstreamHostName = nil
        info.upstreamRemoteAddress = SocketAddress("10.0.0.1:8080")
        info.upstreamConnectionID = 4
    }

    private static func headers() -> HeaderBlock { HeaderBlock() }

    private static func text(_ format: String) throws -> String {
        let format = try SubstitutionFormat(format, for: .logLine, environment: environment)
        var info = StreamInfo()
        fill(&info)
        var writer = ByteWriter()
        format.append(to: &writer, request: headers(), response: headers(), trailers: headers(), info: info)
        return writer.text
    }

    @Test(
        "an operator prints what Envoy's prints",
        arguments: [
            ("%START_TIME_LOCAL%", "2026-11-23T05:00:00.123-0500"), ("%START_TIME_LOCAL(%H:%z:%Ez:%Z %s)%", "05:-0500:-05:00:EST 1795428000"),
            ("%EMIT_TIME_LOCAL%", "2026-11-23T05:00:00.139-0500"), ("%START_TIME(%z %Z)%", "+0000 UTC"),
            ("%ROUNDTRIP_DURATION%", "-"), ("%DOWNSTREAM_HANDSHAKE_DURATION%", "4"), ("%BYTES_RETRANSMITTED%", "0"),
            ("%PACKETS_RETRANSMITTED%", "0"),
            ("%UPSTREAM_HOSTS_ATTEMPTED%", "10.0.0.9:1,10.0.0.1:8080"), ("%UPSTREAM_HOSTS_ATTEMPTED_WITHOUT_PORT%", "10.0.0.9,10.0.0.1"),
            ("%UPSTREAM_HOST_NAMES_ATTEMPTED%", "up.name:80,10.0.0.1:8080"),
            ("%UPSTREAM_HOST_NAMES_ATTEMPTED_WITHOUT_PORT%", "up.name,10.0.0.1"), ("%UPSTREAM_CONNECTION_IDS_ATTEMPTED%", "3,4"),
            ("%UPSTREAM_HOST_NAME_WITHOUT_PORT%", "10.0.0.1"), ("%UPSTREAM_SERVER_NAME%", "up.test"),
            ("%DOWNSTREAM_PEER_CERT_V_START%", "2026-11-23T10:00:00.000Z"), ("%DOWNSTREAM_PEER_CERT_V_END(%Y)%", "2028"),
            ("%UPSTREAM_PEER_CERT_V_START(%s)%", "1795428000"), ("%DOWNSTREAM_PEER_FINGERPRINT_1%", "aa"),
            ("%DOWNSTREAM_PEER_CHAIN_FINGERPRINTS_1%", "aa,bb"), ("%DOWNSTREAM_PEER_CHAIN_FINGERPRINTS_256%", "cc,dd"),
            ("%DOWNSTREAM_PEER_CHAIN_SERIALS%", "01,02"), ("%DOWNSTREAM_PEER_IP_SAN%", "127.0.0.8,::1"),
            ("%UPSTREAM_PEER_IP_SAN%", "127.0.0.8,::1"), ("%DOWNSTREAM_LOCAL_IP_SAN%", "127.0.0.9"), ("%UPSTREAM_LOCAL_IP_SAN%", "127.0.0.9"),
            ("%DOWNSTREAM_PEER_EMAIL_SAN%", "c@x.test"), ("%DOWNSTREAM_LOCAL_EMAIL_SAN%", "s@x.test"),
            ("%DOWNSTREAM_PEER_CERT%", "-----BEGIN%20CERTIFICATE-----%0A"), ("%UPSTREAM_PEER_CERT:5%", "-----"),
            ("%FILTER_STATE(k:PLAIN)%", "va\\\"l"), ("%FILTER_STATE(k:PLAIN):2%", "va"), ("%FILTER_STATE(k)%", "\\\"va\\\\\\\"l\\\""),
            ("%FILTER_STATE(n)%", "5"), ("%FILTER_STATE(none)%", "-"), ("%FILTER_STATE(k:FIELD:x)%", "-"), ("%UPSTREAM_FILTER_STATE(k)%", "-"),
        ])
    func operators(format: String, expected: String) throws {
        #expect(try Self.text(format) == expected)
    }

    @Test("in JSON an object of the filter state is a value of its kind")
    func json() throws {
        let format = try JSONFormat(
            .object(["a": .string("%FILTER_STATE(k)%"), "b": .string("%FILTER_STATE(n)%"), "c": .string("%FILTER_STATE(k:PLAIN):2%"), "d": .string("%FILTER_STATE(no)%")]),
            environment: Self.environment)
        var info = StreamInfo()
        Self.fill(&info)
        var writer = ByteWriter()
        format.append(to: &writer, request: Self.headers(), response: Self.headers(), trailers: Self.headers(), info: info)
        #expect(writer.text == #"{"a":"va\"l","b":5,"c":"va","d":null}"# + "\n")
    }

    @Test("the system's zone is read for the moment that is shown, not for now")
    func systemZone() {
        let zone = FormatEnvironment().timeZone
        let (winter, summer) = (zone(1_768_478_400), zone(1_784_116_800))
        #expect(abs(winter.offset) <= 14 * 3600 && abs(summer.offset) <= 14 * 3600)
        #expect(!winter.name.isEmpty && !summer.name.isEmpty)
    }

    @Test(
        "an argument that does not fit is refused", arguments: ["", "k:OTHER", "k:FIELD", "k:FIELD:", ":PLAIN", "k:PLAIN:x"])
    func refused(argument: String) {
        #expect(throws: FormatError.self) { try Self.text("%FILTER_STATE(\(argument))%") }
    }

    @Test("an attempt that is forgotten leaves nothing for the next request")
    func reset() {
        var info = StreamInfo()
        Self.fill(&info)
        #expect(info.earlierAttempts.count == 1)
        info.reset()
        #expect(info.earlierAttempts.isEmpty)
    }
}
