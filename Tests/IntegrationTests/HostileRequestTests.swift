import TestKit
import Testing

extension HostileSuites {
    @Suite struct Requests {
        @Test(
            "a hostile request gets its verdict and the next client is served", arguments: HostileRow.all,
            HostileHarness.Door.allCases)
        func verdict(one: HostileRow, door: HostileHarness.Door) throws {
            let harness = try HostileHarness.heddle.get()
            let before = try harness.counter("downstream_cx_protocol_error", door)
            let outcome = harness.exchange(door, [one.bytes], methods: one.methods)
            #expect(outcome.malformed == [])
            switch one.verdict {
            case .refused(let statuses):
                #expect(outcome.statuses.count == 1 && statuses.contains(outcome.statuses.first ?? 0), "\(outcome)")
                #expect(outcome.isClosed, "\(outcome)")
                #expect(outcome.upstreamBytes == 0, "\(outcome)")
                #expect(try harness.counter("downstream_cx_protocol_error", door) > before)
            case .brokenOff:
                #expect(outcome.isClosed, "\(outcome)")
                #expect(outcome.forwarded == 0, "\(outcome)")
                #expect(outcome.statuses.allSatisfy { $0 == 400 || $0 == 431 || $0 == 413 }, "\(outcome)")
                #expect(try harness.counter("downstream_cx_protocol_error", door) > before)
            case .served(let count):
                #expect(outcome.forwarded == count && outcome.requests.count == count, "\(outcome)")
                #expect(outcome.statuses == Array(repeating: 200, count: count), "\(outcome)")
                #expect(outcome.requests.allSatisfy { $0.hidesNothing }, "\(outcome)")
            case .answered(let statuses):
                #expect(outcome.statuses == statuses, "\(outcome)")
                #expect(outcome.upstreamBytes == 0, "\(outcome)")
            }
            #expect(harness.servesNext(door))
            #expect(harness.proxy.isAlive, "\(harness.proxy.output.suffix(2000))")
        }

        @Test(
            "nothing that Envoy rejects is forwarded",
            .enabled(if: ProxyProcess.Kind.envoy.program != nil, "\(ProxyProcess.Kind.envoy.whyMissing)"),
            arguments: HostileRow.all)
        func differential(one: HostileRow) throws {
            let envoy = try HostileHarness.envoy.get().exchange(.plain, [one.bytes], methods: one.methods)
            let heddle = try HostileHarness.heddle.get().exchange(.plain, [one.bytes], methods: one.methods)
            #expect(heddle.forwarded <= envoy.forwarded, "Envoy: \(envoy)\nHeddle: \(heddle)")
        }
    }
}

extension WireMessage {
    /// Whether nothing hop by hop, no trailer and no chunk extension came through to the upstream.
    fileprivate var hidesNothing: Bool {
        let names = ["upgrade", "http2-settings", "connection", "expect", "te", "keep-alive", "transfer_encoding"]
        return trailers.isEmpty && values("host") == ["h.test"] && names.allSatisfy { values($0).isEmpty }
    }
}

extension HostileRow {
    /// Of the first request.
    var methods: [String] {
        [String(decoding: bytes.prefix { $0 != 32 }, as: UTF8.self)]
    }
}

/// All that shares the one proxy under attack, one after the other: its upstream keeps what came from anyone.
@Suite(
    .serialized, .enabled(if: ProxyProcess.Kind.heddle.program != nil, "\(ProxyProcess.Kind.heddle.whyMissing)"))
enum HostileSuites {}
