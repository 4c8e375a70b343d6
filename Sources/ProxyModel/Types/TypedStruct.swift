import SwiftProtobuf

/// What a ``TypedStruct`` is called.
protocol TypedStructName: Sendable {
    static var messageName: String { get }
}

/// `xds.type.v3.TypedStruct`
enum XDSTypedStruct: TypedStructName {
    static let messageName = "xds.type.v3.TypedStruct"
}

/// `udpa.type.v1.TypedStruct`, the older name.
enum UDPATypedStruct: TypedStructName {
    static let messageName = "udpa.type.v1.TypedStruct"
}

private let nameMap = _NameMap(bytecode: "\0\u{3}type_url\0\u{1}value\0")

/// A configuration whose type somebody has no message for. Only `/config_dump` reads it, to write it as it came.
struct TypedStruct<Name: TypedStructName>: SwiftProtobuf.Message, _MessageImplementationBase, _ProtoNameProviding {
    static var protoMessageName: String { Name.messageName }
    static var _protobuf_nameMap: _NameMap { nameMap }

    var typeURL = ""
    var value: Google_Protobuf_Struct?
    var unknownFields = UnknownStorage()

    init() {}

    mutating func decodeMessage<D: SwiftProtobuf.Decoder>(decoder: inout D) throws {
        while let number = try decoder.nextFieldNumber() {
            switch number {
            case 1: try decoder.decodeSingularStringField(value: &typeURL)
            case 2: try decoder.decodeSingularMessageField(value: &value)
            default: break
            }
        }
    }

    func traverse<V: SwiftProtobuf.Visitor>(visitor: inout V) throws {
        if !typeURL.isEmpty { try visitor.visitSingularStringField(value: typeURL, fieldNumber: 1) }
        if let value { try visitor.visitSingularMessageField(value: value, fieldNumber: 2) }
        try unknownFields.traverse(visitor: &visitor)
    }

    static func == (left: Self, right: Self) -> Bool {
        left.typeURL == right.typeURL && left.value == right.value && left.unknownFields == right.unknownFields
    }
}
