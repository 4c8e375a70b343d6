/// Makes a message in binary form ready to be shown as JSON.
package enum ShownMessage {
    private static let anyName = WellKnownType.any.rawValue

    // MARK: Extensions without a message

    /// The same with every extension that Heddle has no message for as an `xds.type.v3.TypedStruct` that names its type,
    /// for JSON has no other form of it.
    package static func wrappingUnknown(_ bytes: [UInt8], of name: String) -> [UInt8] {
        wrapped(bytes[...], type: name)
    }

    private static func wrapped(_ bytes: ArraySlice<UInt8>, type: String) -> [UInt8] {
        if type == anyName { return wrappedAny(bytes) }
        guard let message = Schema.shared.messages[type] else { return Array(bytes) }
        var reader = WireReader(bytes)
        var writer = WireWriter()
        while !reader.isAtEnd, let (number, value) = reader.next() {
            if let field = message.field(number: number), case .message(let inner) = field.type, case .bytes(let content) = value {
                writer.lengthDelimited(number, field.cardinality == .map ? wrappedEntry(content, inner) : wrapped(content, type: inner))
            } else {
                writer.copy(number, value)
            }
        }
        return writer.bytes
    }

    /// An entry of a map: its key is field 1, its value field 2.
    private static func wrappedEntry(_ bytes: ArraySlice<UInt8>, _ type: String) -> [UInt8] {
        var reader = WireReader(bytes)
        var writer = WireWriter()
        while !reader.isAtEnd, let (number, value) = reader.next() {
            if number == 2, case .bytes(let content) = value {
                writer.lengthDelimited(2, wrapped(content, type: type))
            } else {
                writer.copy(number, value)
            }
        }
        return writer.bytes
    }

    private static func wrappedAny(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
        var (url, content): ([UInt8], ArraySlice<UInt8>) = ([], [])
        var reader = WireReader(bytes)
        while !reader.isAtEnd, let (number, value) = reader.next() {
            if number == 1, case .bytes(let text) = value { url = Array(text) }
            if number == 2, case .bytes(let inner) = value { content = inner }
        }
        let name = TypeRegistry.messageName(ofTypeURL: String(decoding: url, as: UTF8.self))
        guard !name.isEmpty else { return Array(bytes) }
        var writer = WireWriter()
        if Schema.shared.messages[name] != nil {
            writer.lengthDelimited(1, url)
            writer.lengthDelimited(2, wrapped(content, type: name))
        } else if InertExtension.wrappers.contains(name) || WellKnownType(rawValue: name) != nil {
            return Array(bytes)
        } else {
            var inner = WireWriter()
            inner.lengthDelimited(1, url)
            writer.lengthDelimited(1, "type.googleapis.com/\(XDSTypedStruct.messageName)".utf8)
            writer.lengthDelimited(2, inner.bytes)
        }
        return writer.bytes
    }

    // MARK: Masks

    /// Only the fields that these paths lead to; nil when one leads nowhere. As in protobuf's field masks, a path goes on
    /// behind single messages, not behind lists and maps.
    package static func keeping(_ paths: [[Substring]], _ bytes: [UInt8], of name: String) -> [UInt8]? {
        guard let message = Schema.shared.messages[name], paths.allSatisfy({ leads($0[...], from: message) }) else { return nil }
        return kept(paths, bytes[...], message)
    }

    private static func leads(_ path: ArraySlice<Substring>, from message: MessageSchema) -> Bool {
        guard let first = path.first else { return false }
        guard let field = message.field(named: String(first)), field.name == first else {
            return path.count == 1 && message.absent.contains { $0.name == first }
        }
        guard path.count > 1 else { return true }
        guard case .message(let inner) = field.type, field.cardinality == .singular, let next = Schema.shared.messages[inner] else {
            return false
        }
        return leads(path.dropFirst(), from: next)
    }

    private static func kept(_ paths: [[Substring]], _ bytes: ArraySlice<UInt8>, _ message: MessageSchema) -> [UInt8] {
        var reader = WireReader(bytes)
        var writer = WireWriter()
        while !reader.isAtEnd, let (number, value) = reader.next() {
            guard let field = message.field(number: number) else { continue }
            let own = paths.filter { $0[0] == field.name }
            if own.contains(where: { $0.count == 1 }) {
                writer.copy(number, value)
            } else if !own.isEmpty, case .message(let inner) = field.type, case .bytes(let content) = value, let next = Schema.shared.messages[inner] {
                writer.lengthDelimited(number, kept(own.map { Array($0.dropFirst()) }, content, next))
            }
        }
        return writer.bytes
    }
}

extension WireWriter {
    /// A field as it was read.
    fileprivate mutating func copy(_ number: Int, _ value: WireReader.Value) {
        switch value {
        case .varint(let bits): varint(number, bits)
        case .fixed64(let bits): fixed64(number, bits)
        case .fixed32(let bits): fixed32(number, bits)
        case .bytes(let content): lengthDelimited(number, content)
        }
    }
}
