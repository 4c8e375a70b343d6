import Foundation
import ProxyModel
import SwiftProtobuf
import TestKit
import Testing
import XDS

@testable import Supervision

/// Bytes that no honest control plane sends: nothing crashes, and nothing takes longer than its size explains.
@Suite("Decoders of discovery under mutation")
struct DecoderFuzzTests {
    /// Numbers from a seed.
    private struct Source {
        var state: UInt64

        mutating func next(_ bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int((state >> 33) % UInt64(max(1, bound)))
        }
    }

    // MARK: What is mutated

    private static func bytes(_ message: some SwiftProtobuf.Message) -> [UInt8] {
        do { return try message.serializedBytes() } catch { preconditionFailure("\(error)") }
    }

    /// One of each kind of thing that a response may hold: maps, structs, packed numbers, wrapped types, oneofs.
    private static func resource(_ type: ResourceType) -> [UInt8] {
        switch type {
        case .cluster:
            var cluster = Resources.cluster("c", 1)
            cluster.metadata.filterMetadata["istio"] = .with { $0.fields["a"] = .with { $0.listValue.values = [.with { $0.numberValue = 1 }] } }
            cluster.circuitBreakers.thresholds = [.with { $0.maxConnections = 7 }]
            cluster.filters = [
                .with {
                    $0.name = "exchange"
                    $0.typedConfig.typeURL = "type.googleapis.com/udpa.type.v1.TypedStruct"
                    $0.typedConfig.value = Data(field(1, Array("envoy.tcp.metadataexchange.config.MetadataExchange".utf8)))
                }
            ]
            return bytes(cluster)
        case .listener: return (try? withPorts(field(7, [0xF4, 3, 0xF7, 3]))) ?? []
        default: return Resources.body(type, "n", 1)
        }
    }

    private static func seeds() -> [[UInt8]] {
        var seeds = ResourceType.allCases.enumerated().map { [UInt8($0 + 2)] + resource($1) }
        let delta = Envoy_Service_Discovery_V3_DeltaDiscoveryResponse.with {
            $0.systemVersionInfo = "1"
            $0.nonce = "n"
            $0.removedResources = ["gone"]
            $0.controlPlane.identifier = "plane"
            $0.resources = ResourceType.allCases.map { type in
                .with {
                    $0.name = "n"
                    $0.resource.typeURL = type.typeURL
                    $0.resource.value = Data(resource(type))
                }
            }
        }
        let world = Envoy_Service_Discovery_V3_DiscoveryResponse.with {
            $0.versionInfo = "1"
            $0.typeURL = ResourceType.cluster.typeURL
            $0.resources = delta.resources.map(\.resource)
        }
        seeds.append([0] + bytes(world))
        seeds.append([1] + bytes(delta))
        return seeds
    }

    /// One change: a bit, a byte, a cut, a piece twice, a piece of another seed, another wire type, a length, or depth.
    private static func mutated(_ bytes: [UInt8], _ source: inout Source, _ others: [[UInt8]]) -> [UInt8] {
        var result = bytes
        guard result.count > 2 else { return result + [UInt8(source.next(256))] }
        let place = 1 + source.next(result.count - 1)
        switch source.next(8) {
        case 0: result[place] ^= 1 << UInt8(source.next(8))
        case 1: result[place] = [0, 0x7F, 0x80, 0xFF][source.next(4)]
        case 2: result.removeSubrange(place...)
        case 3: result.insert(contentsOf: result[place..<min(result.count, place + 1 + source.next(16))], at: place)
        case 4:
            let other = others[source.next(others.count)]
            let start = source.next(other.count)
            result.insert(contentsOf: other[start..<min(other.count, start + 1 + source.next(32))], at: place)
        case 5: result[place] = result[place] & ~7 | UInt8(source.next(8))
        case 6: result.insert(contentsOf: [UInt8](repeating: 0xFF, count: 1 + source.next(10)), at: place)
        default: result.replaceSubrange(place..<min(result.count, place + 1 + source.next(4)), with: [0xC3, 0x28])
        }
        return result
    }

    @Test("mutated responses and resources are read or refused", arguments: 1...8 as ClosedRange<UInt64>)
    func mutations(seed: UInt64) {
        var source = Source(state: seed)
        let seeds = Self.seeds()
        for start in seeds {
            for _ in 0..<60 {
                var bytes = start
                for _ in 0...source.next(4) { bytes = Self.mutated(bytes, &source, seeds) }
                DecoderProperty.check(bytes)
            }
        }
    }

    @Test("a response or resource that ends at any byte is read or refused")
    func cuts() {
        for seed in Self.seeds() { for length in 0..<seed.count { DecoderProperty.check(Array(seed[..<length])) } }
    }

    @Test("a mutated last good configuration is used or not", arguments: 1...4 as ClosedRange<UInt64>)
    func lastGood(seed: UInt64) throws {
        var source = Source(state: seed)
        let resources = ResourceType.allCases.map { ResourceChange(ResourceKey($0, "n"), version: "1", body: Self.resource($0)) }
        let whole = Array(try LastGoodFile.encode(resources).dropLast(LastGoodFile.end([]).count))
        var used = 0
        for _ in 0..<400 {
            let content = Self.mutated([0] + whole, &source, [whole]).dropFirst()
            let bytes: [UInt8] = content + LastGoodFile.end(content)
            guard let resources = try? LastGoodFile.decode(bytes) else { continue }
            used += 1
            for resource in resources { DecoderProperty.resource(resource.key.type, resource.body ?? []) }
        }
        #expect(used > 0)
    }

    // MARK: Chosen ones

    private static func field(_ number: Int, _ content: [UInt8]) -> [UInt8] {
        func varint(_ value: Int) -> [UInt8] { value < 0x80 ? [UInt8(value)] : [UInt8(value & 0x7F | 0x80)] + varint(value >> 7) }
        return varint(number << 3 | 2) + varint(content.count) + content
    }

    private func problem(_ type: ResourceType, _ body: [UInt8]) -> String? {
        var ignored: [String] = []
        return ResourceChecker().problem(type, body, ignored: &ignored)
    }

    @Test("text that is no UTF-8 and half a map entry are refused by their field, another wire type by its own")
    func refused() {
        let cluster = Resources.body(.cluster, "c", 1)
        // connect_timeout (4) as a number, name (1) as a fixed32, alt_stat_name (28) as bytes that are no text.
        #expect(problem(.cluster, cluster + [0x20, 5]) == nil)
        #expect(problem(.cluster, cluster + [0x0D, 1, 2, 3, 4]) == "name: the bytes are no string")
        #expect(ResourceChecker.name(cluster + [0x0D, 1, 2, 3, 4]) == "c")
        #expect(problem(.cluster, cluster + Self.field(28, [0xC3, 0x28]))?.contains("is not UTF-8 text") == true)
        // An entry of typed_extension_protocol_options (36) without a key is one with the empty key, as in protobuf.
        #expect(problem(.cluster, cluster + Self.field(36, Self.field(2, [])))?.contains("needs a type URL") == true)
        #expect(problem(.cluster, cluster + Self.field(36, [0x0A, 9]))?.contains("the bytes are no map entry") == true)
        // A group, which nobody of Envoy's messages has, and field number 0.
        #expect(problem(.cluster, cluster + [0x0B, 0x0C]) != nil)
        #expect(problem(.cluster, cluster + [0x02, 0]) != nil)
    }

    /// A listener with a second filter chain (3) whose filter_chain_match (1) has this content.
    private static func withPorts(_ content: [UInt8]) throws -> [UInt8] {
        let body = Resources.body(.listener, "n", 1)
        let listener = try Envoy_Config_Listener_V3_Listener(serializedBytes: body)
        return body + field(3, bytes(listener.filterChains[0]) + field(1, content))
    }

    @Test("numbers of a list may come packed, one by one, or both, and mean the same")
    func packed() throws {
        // source_ports (7)
        func codes(_ content: [UInt8]) throws -> [UInt32]? {
            let body = try Self.withPorts(content)
            guard problem(.listener, body) == nil else { return nil }
            return try Envoy_Config_Listener_V3_Listener(serializedBytes: body).filterChains[1].filterChainMatch.sourcePorts
        }
        #expect(try codes(Self.field(7, [0xF4, 3, 0xF7, 3])) == [500, 503])
        #expect(try codes([0x38, 0xF4, 3, 0x38, 0xF7, 3]) == [500, 503])
        #expect(try codes([0x38, 0xF4, 3] + Self.field(7, [0xF7, 3])) == [500, 503])
        #expect(try codes(Self.field(7, [0xF4])) == nil)
    }

    @Test("what nests deeper than is read is refused, and soon", arguments: [200, 5_000])
    func depth(levels: Int) {
        let deadline = Deadline(seconds: 20)
        // A Struct in a list in a Struct, in the metadata (25) of a cluster.
        var value: [UInt8] = []
        for _ in 0..<levels { value = Self.field(5, Self.field(1, Self.field(1, [0x61]) + Self.field(2, value))) }
        let entry = Self.field(1, [0x61]) + Self.field(2, Self.field(1, Self.field(1, [0x61]) + Self.field(2, value)))
        let body = Resources.body(.cluster, "c", 1) + Self.field(25, Self.field(1, entry))
        #expect(problem(.cluster, body) != nil)
        DecoderProperty.resource(.cluster, body)
        // A message in an Any in a message, which the checker itself walks down.
        var nested = Resources.body(.cluster, "c", 1)
        for _ in 0..<levels { nested = Self.field(36, Self.field(1, [0x61]) + Self.field(2, Self.field(1, Array("type.googleapis.com/envoy.config.cluster.v3.Cluster".utf8)) + Self.field(2, nested))) }
        DecoderProperty.resource(.cluster, nested)
        #expect(!deadline.isOver)
    }

    @Test("a megabyte of any one thing is answered soon")
    func size() {
        let deadline = Deadline(seconds: 60)
        let cluster = Resources.body(.cluster, "c", 1)
        let many = 50_000
        for piece in [
            Self.field(1, [0x63]), Self.field(40, []), Self.field(36, Self.field(1, [0x61])), Self.field(43, []), [0xF8, 0xFF, 0x03, 0],
            Self.field(25, Self.field(1, Self.field(1, [0x61]))),
        ] {
            DecoderProperty.resource(.cluster, cluster + Array(repeatElement(piece, count: many).joined()))
        }
        let host = Self.bytes(Resources.routes("r", 1).virtualHosts[0])
        DecoderProperty.resource(.routeConfiguration, Array(repeatElement(Self.field(2, host), count: 2_000).joined()))
        #expect(!deadline.isOver)
    }

    @Test("the fuzzer's corpus keeps the promises")
    func corpus() throws {
        let folder = ProxyProcess.root + "/Tests/Fuzzing/XDS/corpus"
        let names = try FileManager.default.contentsOfDirectory(atPath: folder)
        for name in names { DecoderProperty.check([UInt8](try Data(contentsOf: URL(fileURLWithPath: folder + "/" + name)))) }
        #expect(names.count > 5)
    }
}
