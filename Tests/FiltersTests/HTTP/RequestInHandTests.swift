import HTTPModel
import Reactor
import SwiftProtobuf
import Testing

@testable import DataPlane
@testable import Filters

/// Stands behind another filter and tells the host what a crash would have told, here and in that one.
private struct ProbeType: HTTPFilterType {
    let messageNames = ["google.protobuf.Struct"]

    nonisolated init() {}

    func makeFactory(_ config: Google_Protobuf_Any, _ context: FilterBuildContext) throws(ConfigProblem) -> any HTTPFilterFactory {
        ProbeFactory(name: context.filterName)
    }
}

@WorkerActor private final class ProbeFactory: HTTPFilterFactory {
    let name: String

    init(name: String) { self.name = name }

    func makeFilter() -> HTTPFilter { Probe(name: name, callbacks: .requestHeaders) }
}

@WorkerActor private final class Probe: HTTPFilter {
    override func onRequestHeaders(_ stream: DataPlane.Stream, endStream: Bool) -> HeadersVerdict {
        _ = stream.routeChoice
        guard let request = stream.worker.requestInHand else { return .proceed }
        stream.requestHeaders.append("x-route", request.route)
        stream.requestHeaders.append("x-filter", request.filter)
        stream.requestHeaders.append("x-fingerprint", String(request.fingerprint))
        stream.worker.takeInHand(stream, stream.filters[0])
        stream.requestHeaders.append("x-script", stream.worker.requestInHand?.script ?? "")
        return .proceed
    }
}

@Suite("The request in hand")
struct RequestInHandTests {
    private static let probe = """
        - name: probe
          typed_config: { "@type": type.googleapis.com/google.protobuf.Struct, value: {} }
        """

    @Test("names route, filter and script, and a fingerprint that filters do not change")
    func names() async throws {
        let upstream = TestUpstream()
        let script = "function envoy_on_request(handle) handle:headers():add('x-more', handle:headers():get('x-given') or '') end"
        let proxy = try await TestProxy.start(
            filters: script.asLuaFilter + "\n" + Self.probe, clusters: ["main": [upstream.port]],
            registry: { BuiltInFilters.registry(and: [ProbeType()]) })
        for value in ["1", "2"] { #expect(await proxy.get("/", "x-given: \(value)")?.status == 200) }
        #expect(await proxy.get("/other", "x-given: 2")?.status == 200)
        let seen = upstream.requests
        #expect(seen.map { $0["x-filter"] } == ["probe", "probe", "probe"], "\(proxy.log)")
        #expect(seen.map { $0["x-route"] } == ["(prefix /)", "(prefix /)", "(prefix /)"])
        #expect(seen.allSatisfy { $0["x-script"]?.contains("_code") == true }, "\(seen.map { $0["x-script"] ?? "" })")
        let fingerprints = seen.compactMap { $0["x-fingerprint"] }
        #expect(fingerprints.count == 3 && fingerprints[0] == fingerprints[1] && fingerprints[1] != fingerprints[2])
        await proxy.stop()
    }
}
