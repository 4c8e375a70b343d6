import Glibc
import ProxyModel
import SwiftProtobuf

/// `/config_dump` in Envoy's shape (`envoy.admin.v3.ConfigDump`), secrets redacted.
struct ConfigDump {
    /// What is asked for.
    struct Selection {
        var includesEndpoints = false
        /// `resource`: one field of the sections, such as `dynamic_listeners`; its items are shown without their section.
        var resource: String?
        /// `mask`: only these fields, of the items with `resource`, else of the sections.
        var mask: DumpMask?
        /// `name_regex`: only resources whose whole name matches.
        var matches: (String) -> Bool = { _ in true }
    }

    let store: ResourceStore
    /// Names that somebody asks for, whether they are there or not.
    let wanted: Set<ResourceKey>
    /// The bootstrap without its static resources.
    let bootstrap: [UInt8]
    let selection: Selection

    /// The message of a resource; nil when it cannot be read, which a resource in the store never is.
    static func decode<Message: SwiftProtobuf.Message>(_ resource: StoredResource) -> Message? {
        try? Message(serializedBytes: resource.body, options: ConfigDecoder.binaryOptions)
    }

    // MARK: The page

    func json() throws -> [UInt8] {
        TypeRegistry.registerForJSON()
        var sections = [try bootstrapSection(), try clusters()]
        if selection.includesEndpoints { sections.append(try endpoints()) }
        sections += [try listeners(), try routes(), try secrets()]
        if let resource = selection.resource { return try items(resource, sections) }
        return try whole(sections)
    }

    private func items(_ resource: String, _ sections: [DumpSection]) throws -> [UInt8] {
        if let field = sections.flatMap(\.fields).first(where: { $0.name == resource }) {
            return Self.document(try field.items.map { try $0.json(field, selection.mask) })
        }
        guard sections.contains(where: { $0.single.contains { $0.name == resource } }) else {
            throw DumpRefusal(404, "\(resource) not found in config dump")
        }
        throw DumpRefusal(400, "\(resource) is not a repeated field. Use ?mask=\(resource) to get only this field")
    }

    private func whole(_ sections: [DumpSection]) throws -> [UInt8] {
        let shown = try sections.compactMap { try $0.json(selection.mask) }
        guard !shown.isEmpty else {
            throw DumpRefusal(400, "FieldMask \(selection.mask?.text ?? "") could not be successfully applied to any configs.")
        }
        return Self.document(shown)
    }

    private static func document(_ items: [[UInt8]]) -> [UInt8] {
        var json = JSONText()
        json.object { json in
            if !items.isEmpty { json.array("configs") { json in for item in items { json.raw(nil, item) } } }
        }
        return json.bytes
    }

    /// RFC 3339 with milliseconds, as Envoy writes it.
    static func time(_ nanoseconds: UInt64) -> String {
        var seconds = time_t(nanoseconds / 1_000_000_000)
        var parts = tm()
        gmtime_r(&seconds, &parts)
        func two(_ value: Int32) -> String { value < 10 ? "0\(value)" : "\(value)" }
        let fraction = String(1000 + nanoseconds / 1_000_000 % 1000).dropFirst()
        return "\(parts.tm_year + 1900)-\(two(parts.tm_mon + 1))-\(two(parts.tm_mday))T\(two(parts.tm_hour)):\(two(parts.tm_min)):\(two(parts.tm_sec)).\(fraction)Z"
    }
}

extension StoredResource {
    /// The message that the bytes hold.
    func message<Message: SwiftProtobuf.Message>() throws -> Message {
        try Message(serializedBytes: body, options: ConfigDecoder.binaryOptions)
    }
}
