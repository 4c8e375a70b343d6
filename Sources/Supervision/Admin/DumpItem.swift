import ProxyModel
import SwiftProtobuf

/// Why a dump cannot be given as it was asked for.
struct DumpRefusal: Error, CustomStringConvertible {
    let status: Int
    let description: String

    init(_ status: Int, _ description: String) {
        self.status = status
        self.description = description
    }
}

/// A field mask (`mask=cluster.name,version_info`).
struct DumpMask {
    /// As it was asked for.
    let text: String
    let paths: [[Substring]]

    /// - Returns: nil for no mask.
    init?(_ text: String?) {
        guard let text, !text.isEmpty else { return nil }
        self.text = text
        paths = text.split(separator: ",").map { $0.split(separator: ".") }.filter { !$0.isEmpty }
    }

    /// What is wanted of a field: nil for nothing of it, no path for everything, else paths inside of it.
    func paths(in field: String) -> [[Substring]]? {
        let own = paths.filter { $0[0] == field }
        guard !own.isEmpty else { return nil }
        return own.contains { $0.count == 1 } ? [] : own.map { Array($0.dropFirst()) }
    }
}

/// A field of an item or section that is set.
struct DumpValue {
    enum Content {
        case text(String)
        /// In an `Any`.
        case any(any SwiftProtobuf.Message)
        case message(any SwiftProtobuf.Message)
        case object([DumpValue])
    }

    let name: String
    let content: Content

    init(_ name: String, _ content: Content) {
        self.name = name
        self.content = content
    }

    /// - Parameter paths: those inside of it; none for everything.
    /// - Throws: ``DumpRefusal`` when a path leads nowhere.
    func write(to json: inout JSONText, _ paths: [[Substring]]) throws {
        switch content {
        case .text(let text):
            guard paths.isEmpty else { throw DumpRefusal(400, "") }
            json.field(name, text)
        case .any(let message): json.raw(name, try Self.json(message, paths, asAny: true))
        case .message(let message): json.raw(name, try Self.json(message, paths, asAny: false))
        case .object(let values):
            json.raw(name, try Self.object(values.filter { value in paths.isEmpty || paths.contains { $0[0] == value.name } }))
        }
    }

    static func object(_ values: [DumpValue]) throws -> [UInt8] {
        try JSONText.object { json throws in for value in values { try value.write(to: &json, []) } }
    }

    private static func json(_ message: any SwiftProtobuf.Message, _ paths: [[Substring]], asAny: Bool) throws -> [UInt8] {
        let type = Swift.type(of: message)
        var bytes: [UInt8] = try message.serializedBytes()
        if !paths.isEmpty {
            guard let kept = ShownMessage.keeping(paths, bytes, of: type.protoMessageName) else { throw DumpRefusal(400, "") }
            bytes = kept
        }
        bytes = ShownMessage.wrappingUnknown(bytes, of: type.protoMessageName)
        var options = JSONEncodingOptions()
        options.preserveProtoFieldNames = true
        let shown = try type.init(serializedBytes: bytes, options: ConfigDecoder.binaryOptions)
        guard asAny else { return try shown.jsonUTF8Bytes(options: options) }
        do {
            return try Google_Protobuf_Any(message: shown).jsonUTF8Bytes(options: options)
        } catch {
            return unwritable(type.protoMessageName, error)
        }
    }

    /// What stands for a message that JSON has no form of, such as metadata with a number that is none, so that one
    /// resource does not hide all others.
    private static func unwritable(_ name: String, _ error: any Error) -> [UInt8] {
        var json = JSONText()
        json.object { json in
            json.field("@type", "type.googleapis.com/xds.type.v3.TypedStruct")
            json.field("type_url", "type.googleapis.com/\(name)")
            json.object("value") { $0.field("problem", "JSON has no form of it: \(error)") }
        }
        return json.bytes
    }
}

/// One item of a section's list.
struct DumpItem {
    var values: [DumpValue]

    /// The item without its section, with its type.
    func json(_ field: DumpField, _ mask: DumpMask?) throws -> [UInt8] {
        let type = DumpValue("@type", .text("type.googleapis.com/envoy.admin.v3.\(field.type)"))
        guard let mask else { return try DumpValue.object([type] + values) }
        do {
            guard mask.paths.allSatisfy({ field.members.contains(String($0[0])) }) else { throw DumpRefusal(400, "") }
            return try JSONText.object { json throws in
                try type.write(to: &json, [])
                for value in values { if let paths = mask.paths(in: value.name) { try value.write(to: &json, paths) } }
            }
        } catch is DumpRefusal {
            throw DumpRefusal(400, "FieldMask \(mask.text) could not be successfully used.")
        }
    }
}

/// A list of a section: how it and its items' type are called, which fields these may have, and the items.
struct DumpField {
    let name: String
    let type: String
    let members: Set<String>
    let items: [DumpItem]
}

/// One message of the dump.
struct DumpSection {
    let type: String
    /// Fields that are no lists, whether they are set or not.
    var single: [(name: String, value: DumpValue?)] = []
    var fields: [DumpField] = []

    /// - Returns: nil when the mask does not fit the section.
    func json(_ mask: DumpMask?) throws -> [UInt8]? {
        if let mask {
            let lists = Set(fields.map(\.name)), others = Set(single.map(\.name))
            let fits = mask.paths.allSatisfy { others.contains(String($0[0])) || lists.contains(String($0[0])) && $0.count == 1 }
            guard fits else { return nil }
        }
        do {
            return try JSONText.object { json throws in
                json.field("@type", "type.googleapis.com/envoy.admin.v3.\(type)")
                for (name, value) in single {
                    guard let value else { continue }
                    if let mask {
                        if let paths = mask.paths(in: name) { try value.write(to: &json, paths) }
                    } else {
                        try value.write(to: &json, [])
                    }
                }
                for field in fields where !field.items.isEmpty {
                    if let mask, mask.paths(in: field.name) == nil { continue }
                    let items = try field.items.map { try DumpValue.object($0.values) }
                    json.array(field.name) { json in for item in items { json.raw(nil, item) } }
                }
            }
        } catch is DumpRefusal {
            return nil
        }
    }
}

extension JSONText {
    /// The text of one object.
    static func object(_ body: (inout JSONText) throws -> Void) throws -> [UInt8] {
        var json = JSONText()
        try json.nestedObject(body)
        return json.bytes
    }
}
