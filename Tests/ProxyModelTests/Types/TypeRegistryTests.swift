import ProxyModel
import SwiftProtobuf
import Testing

@Suite struct TypeRegistryTests {
    @Test(
        "a type URL leads to its type, whatever stands before the last slash",
        arguments: [
            "type.googleapis.com/envoy.config.core.v3.Pipe", "envoy.config.core.v3.Pipe",
            "a/b/envoy.config.core.v3.Pipe",
        ])
    func lookup(url: String) {
        #expect(TypeRegistry.messageType(forTypeURL: url) == Envoy_Config_Core_V3_Pipe.self)
        #expect(TypeRegistry.messageType(forTypeURL: url + "s") == nil)
    }

    @Test("every type has its own name in the registry")
    func names() throws {
        for name in TypeRegistry.names {
            let type = try #require(TypeRegistry.messageType(forTypeURL: "t/\(name)"))
            #expect(type.protoMessageName == name)
        }
        #expect(Array(TypeRegistry.names).contains("heddle.filters.http.explain.v1.Explain"))
    }

    @Test("an Any gives its message back, and only as what it is")
    func unpack() throws {
        var pipe = Envoy_Config_Core_V3_Pipe()
        pipe.path = "p"
        let any = try Google_Protobuf_Any(message: pipe)
        #expect(any.typeURL == TypeRegistry.typeURL(of: Envoy_Config_Core_V3_Pipe.self))
        #expect(try any.unpack(Envoy_Config_Core_V3_Pipe.self) == pipe)
        #expect(
            throws: UnpackError.otherType(expected: "envoy.config.core.v3.Node", found: "envoy.config.core.v3.Pipe")
        ) {
            try any.unpack(Envoy_Config_Core_V3_Node.self)
        }
        #expect(throws: UnpackError.otherType(expected: "envoy.config.core.v3.Pipe", found: "")) {
            try Google_Protobuf_Any().unpack(Envoy_Config_Core_V3_Pipe.self)
        }
        var broken = any
        broken.value.append(0x0A)
        #expect(throws: UnpackError.malformed(type: "envoy.config.core.v3.Pipe")) {
            try broken.unpack(Envoy_Config_Core_V3_Pipe.self)
        }
    }
}
