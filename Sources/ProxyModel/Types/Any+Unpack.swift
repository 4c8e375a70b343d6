package import SwiftProtobuf

/// Why an `Any` is not the message that was asked for.
package enum UnpackError: Error, Equatable, Sendable, CustomStringConvertible {
    /// It holds a message of another type.
    case otherType(expected: String, found: String)
    /// Its bytes are not a message of its type.
    case malformed(type: String)

    /// What was expected and what was found.
    package var description: String {
        switch self {
        case .otherType(let expected, let found): "expected \(expected), found \(found.isEmpty ? "no type" : found)"
        case .malformed(let type): "the bytes are no \(type)"
        }
    }
}

extension Google_Protobuf_Any {
    /// The full name of the message that it holds; empty when it holds none.
    package var messageName: String { TypeRegistry.messageName(ofTypeURL: typeURL) }

    /// Whether it holds a message of this type.
    package func holds(_ type: (some SwiftProtobuf.Message).Type) -> Bool {
        messageName == type.protoMessageName
    }

    /// The message that it holds, which must be of this type.
    package func unpack<Message: SwiftProtobuf.Message>(
        _ type: Message.Type = Message.self
    ) throws(UnpackError) -> Message {
        guard holds(type) else { throw .otherType(expected: Message.protoMessageName, found: messageName) }
        do {
            return try Message(serializedBytes: value, options: ConfigDecoder.binaryOptions)
        } catch {
            throw .malformed(type: Message.protoMessageName)
        }
    }
}
