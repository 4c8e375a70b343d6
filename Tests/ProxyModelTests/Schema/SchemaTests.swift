import SwiftProtobuf
import Testing

@testable import ProxyModel

/// The generated table and the generated types are of one mind.
@Suite struct SchemaTests {
    @Test("every type and enum that a field names is in the table")
    func closed() {
        let schema = Schema.shared
        for message in schema.messages.values {
            for field in message.fields {
                switch field.type {
                case .scalar: break
                case .enumeration(let name): #expect(schema.enums[name] != nil, "\(message.name).\(field.name)")
                case .message(let name):
                    #expect(
                        schema.messages[name] != nil || WellKnownType(rawValue: name) != nil,
                        "\(message.name).\(field.name)")
                }
            }
        }
    }

    @Test("every generated message is in the table, and reads what the table writes for each field")
    func everyField() throws {
        for (name, type) in generatedMessageTypes {
            let message = try #require(Schema.shared.messages[name])
            for field in message.fields {
                var writer = WireWriter()
                switch field.type {
                case _ where field.cardinality == .map: writer.lengthDelimited(field.number, [UInt8]())
                case .scalar(.string), .scalar(.bytes): writer.lengthDelimited(field.number, "x".utf8)
                case .scalar(.double): writer.fixed64(field.number, 1.5.bitPattern)
                case .scalar(.float): writer.fixed32(field.number, Float(1.5).bitPattern)
                case .scalar, .enumeration: writer.varint(field.number, 1)
                case .message: writer.lengthDelimited(field.number, [UInt8]())
                }
                let read = try type.init(serializedBytes: writer.bytes)
                let again: [UInt8] = try read.serializedBytes()
                #expect(!again.isEmpty, "\(name).\(field.name)")
                let json = try read.jsonString()
                #expect(json.contains("\"\(field.jsonName)\""), "\(name).\(field.name): \(json)")
            }
        }
    }

    @Test("no supported name is also listed as missing")
    func disjoint() {
        for message in Schema.shared.messages.values {
            let names = Set(message.fields.map(\.name))
            let numbers = Set(message.fields.map(\.number))
            #expect(numbers.count == message.fields.count)
            #expect(
                message.absent.allSatisfy { !names.contains($0.name) && !numbers.contains($0.number) },
                "\(message.name)")
        }
        for name in Schema.shared.messages.keys { #expect(!Schema.shared.onlyEnvoyHas(message: name)) }
        #expect(Schema.shared.onlyEnvoyHas(message: "envoy.extensions.filters.http.rbac.v3.RBAC"))
        #expect(!Schema.shared.onlyEnvoyHas(message: "envoy.extensions.filters.http.rbac.v3"))
        #expect(!Schema.shared.onlyEnvoyHas(message: "envoy.extensions.filters.http.rbac.v3."))
        #expect(!Schema.shared.onlyEnvoyHas(message: ""))
    }

    @Test(
        "camelCase is protobuf's",
        arguments: [
            ("a_b", "aB"), ("http2_protocol_options", "http2ProtocolOptions"),
            ("normalize_path_rfc_3986", "normalizePathRfc3986"),
            ("max_tlvs", "maxTlvs"), ("a", "a"),
        ])
    func camelCase(snake: String, camel: String) {
        #expect(FieldSchema.camelCase(snake) == camel)
    }
}

@Suite struct NearestNameTests {
    @Test(
        "the nearest name is found when it is near",
        arguments: [
            ("filter_chain", "filter_chains"), ("fitler_chains", "filter_chains"), ("FILTER_CHAINS", "filter_chains"),
            ("adress", "address"), ("nmae", "name"), ("zzzzzz", nil), ("", nil),
        ] as [(String, String?)])
    func find(name: String, expected: String?) {
        #expect(
            NearestName.find(name, among: ["name", "address", "filter_chains", "default_filter_chain"]) == expected)
    }

    @Test(
        "the distance counts a swap of neighbours once",
        arguments: [
            ("", "", 0), ("a", "", 1), ("", "ab", 2), ("ab", "ba", 1), ("abc", "acb", 1), ("kitten", "sitting", 3),
            ("ca", "abc", 3),
        ])
    func distance(left: String, right: String, expected: Int) {
        #expect(NearestName.distance(Array(left.utf8), Array(right.utf8)) == expected)
        #expect(NearestName.distance(Array(right.utf8), Array(left.utf8)) == expected)
    }
}

@Suite struct DurationTextTests {
    @Test(
        "durations are read as proto3's JSON mapping writes them",
        arguments: [
            ("5s", 5, 0), ("0s", 0, 0), ("0.25s", 0, 250_000_000), ("1.000000001s", 1, 1), ("-1.5s", -1, -500_000_000),
            ("315576000000s", 315_576_000_000, 0),
        ] as [(String, Int64, Int32)])
    func good(text: String, seconds: Int64, nanoseconds: Int32) throws {
        let parsed = try #require(DurationText.parse(text))
        #expect(parsed == (seconds, nanoseconds))
    }

    @Test(
        "what is no duration is refused",
        arguments: [
            "", "s", "5", "5 s", "5m", "5ms", ".5s", "5.s", "1.0000000001s", "+5s", "--5s", "5e3s", "0x5s",
            "315576000000.1s",
            "315576000001s", "99999999999999999999s", "infs", "nans", "٥s",
        ])
    func bad(text: String) {
        #expect(DurationText.parse(text) == nil)
    }
}
