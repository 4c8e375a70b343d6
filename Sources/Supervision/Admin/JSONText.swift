import Bytes
import Observability

/// Writes JSON with blanks left out.
struct JSONText {
    private var text: [UInt8] = []
    private var needsComma = false

    var bytes: [UInt8] { text }

    mutating func object(_ name: String? = nil, _ body: (inout JSONText) -> Void) { nested(name, 0x7B, 0x7D, body) }

    /// An object whose fields may fail to be written.
    mutating func nestedObject(_ body: (inout JSONText) throws -> Void) throws { try nested(nil, 0x7B, 0x7D, body) }

    mutating func array(_ name: String? = nil, _ body: (inout JSONText) -> Void) { nested(name, 0x5B, 0x5D, body) }

    mutating func field(_ name: String, _ value: String) {
        key(name)
        string(value)
    }

    mutating func field(_ name: String, _ value: Int) {
        key(name)
        text += Array(String(value).utf8)
        needsComma = true
    }

    mutating func field(_ name: String, _ value: Bool) {
        key(name)
        text += Array((value ? "true" : "false").utf8)
        needsComma = true
    }

    /// A value that is JSON already.
    mutating func raw(_ name: String? = nil, _ json: [UInt8]) {
        if let name { key(name) } else { comma() }
        text += json
        needsComma = true
    }

    /// An item of an array.
    mutating func item(_ value: String) {
        comma()
        string(value)
    }

    private mutating func nested(
        _ name: String?, _ open: UInt8, _ close: UInt8, _ body: (inout JSONText) throws -> Void
    ) rethrows {
        if let name { key(name) } else { comma() }
        text.append(open)
        needsComma = false
        try body(&self)
        text.append(close)
        needsComma = true
    }

    private mutating func key(_ name: String) {
        comma()
        string(name)
        text.append(0x3A)
    }

    private mutating func comma() {
        if needsComma { text.append(0x2C) }
        needsComma = false
    }

    private mutating func string(_ value: String) {
        var writer = ByteWriter(capacity: value.utf8.count + 2)
        MetadataValue.string(value).appendJSON(to: &writer)
        text += Array(writer.bytes)
        needsComma = true
    }
}
