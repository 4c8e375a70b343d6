package import SwiftProtobuf

/// The messages that a type URL can name.
package enum TypeRegistry {
    /// The generated type of a type URL such as `type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua`; nil when
    /// Heddle does not have it.
    package static func messageType(forTypeURL url: String) -> (any SwiftProtobuf.Message.Type)? {
        types[messageName(ofTypeURL: url)]
    }

    /// The full message name of a type URL: what follows its last slash.
    package static func messageName(ofTypeURL url: String) -> String {
        guard let slash = url.lastIndex(of: "/") else { return url }
        return String(url[url.index(after: slash)...])
    }

    /// The type URL of a message.
    package static func typeURL(of type: (some SwiftProtobuf.Message).Type) -> String {
        "type.googleapis.com/\(type.protoMessageName)"
    }

    /// The full names of all messages that a type URL can name.
    package static var names: some Sequence<String> { types.keys.sorted() }

    /// Lets SwiftProtobuf write and read these messages as JSON inside `Any`, as `/config_dump` needs.
    package static func registerForJSON() {
        for type in types.values { Google_Protobuf_Any.register(messageType: type) }
        Google_Protobuf_Any.register(messageType: TypedStruct<XDSTypedStruct>.self)
        Google_Protobuf_Any.register(messageType: TypedStruct<UDPATypedStruct>.self)
    }

    private static let types = Dictionary(uniqueKeysWithValues: generatedMessageTypes.map { ($0.name, $0.type) })
}
