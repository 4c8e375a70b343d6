import Foundation
import ProxyModel
import SwiftProtobuf
import Testing

@testable import Supervision

@Suite("The dump of a store")
struct ConfigDumpTests {
    private func dump(_ bodies: [(ResourceType, String, [UInt8])], _ selection: ConfigDump.Selection = .init()) throws -> [[String: Any]] {
        var store = ResourceStore()
        for (type, name, body) in bodies {
            let key = ResourceKey(type, name)
            _ = store.admit(StoredResource(number: store.nextNumber(), key: key, body: body, version: "1", origin: .source, updated: 0))
            _ = store.activate(key)
        }
        let json = try ConfigDump(store: store, wanted: [], bootstrap: [], selection: selection).json()
        let page = try #require(try JSONSerialization.jsonObject(with: Data(json)) as? [String: Any])
        return page["configs"] as? [[String: Any]] ?? []
    }

    private func cluster(_ name: String, _ change: (inout Envoy_Config_Cluster_V3_Cluster) -> Void) throws -> (ResourceType, String, [UInt8]) {
        var cluster = Envoy_Config_Cluster_V3_Cluster()
        cluster.name = name
        change(&cluster)
        return (.cluster, name, try cluster.serializedBytes())
    }

    @Test("an extension that Heddle has no message for is shown by its type, and its settings where they are a TypedStruct")
    func extensions() throws {
        let unknown = try cluster("a") {
            $0.filters = [.with { $0.typedConfig.typeURL = "type.googleapis.com/io.istio.Other"; $0.typedConfig.value = Data([8, 1]) }]
        }
        let wrapped = try cluster("b") {
            let struct_: [UInt8] = [0x0A, 1, 0x78, 0x12, 9, 0x0A, 7, 0x0A, 1, 0x6B, 0x12, 2, 0x20, 1]
            $0.filters = [.with { $0.typedConfig.typeURL = "type.googleapis.com/udpa.type.v1.TypedStruct"; $0.typedConfig.value = Data(struct_) }]
        }
        var selection = ConfigDump.Selection()
        selection.resource = "dynamic_active_clusters"
        let filters = try dump([unknown, wrapped], selection).map { item -> NSDictionary? in
            ((item["cluster"] as? [String: Any])?["filters"] as? [[String: Any]])?.first?["typed_config"] as? NSDictionary
        }
        #expect(filters == [
            ["@type": "type.googleapis.com/xds.type.v3.TypedStruct", "type_url": "type.googleapis.com/io.istio.Other"],
            ["@type": "type.googleapis.com/udpa.type.v1.TypedStruct", "type_url": "x", "value": ["k": true]],
        ])
    }

    @Test("a resource that JSON has no form of does not hide the others", arguments: [Double.nan, .infinity, nil])
    func unwritable(number: Double?) throws {
        let odd = try cluster("a") { cluster in
            cluster.metadata.filterMetadata["m"] = .with { $0.fields["k"] = number.map { Google_Protobuf_Value(numberValue: $0) } ?? .init() }
        }
        let items = try dump([odd, try cluster("b") { _ in }]).compactMap { $0["dynamic_active_clusters"] as? [[String: Any]] }.first ?? []
        let shown = items.map { $0["cluster"] as? [String: Any] ?? [:] }
        #expect(shown.count == 2)
        #expect(shown.first?["type_url"] as? String == "type.googleapis.com/envoy.config.cluster.v3.Cluster")
        #expect(shown.last?["name"] as? String == "b")
    }
}
