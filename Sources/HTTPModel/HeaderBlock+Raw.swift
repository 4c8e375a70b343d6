import Bytes

/// The memory of a ``HeaderBlock``, lent to a parser or writer that fills or reads it without a call a field.
///
/// Whoever fills it keeps the promises of the block: lower-case names, valid values, offsets within the text.
public struct RawFields {
    /// The fields and the bytes of their names and values.
    // Safety: both point into the block that lent them, with room for `entryCapacity` fields and `textCapacity` bytes
    // and `ByteWriter.slack` more; valid until the next mutation of the block.
    public let entries: UnsafeMutablePointer<HeaderBlock.Entry>
    public let text: UnsafeMutableRawPointer
    /// How many fields and bytes fit.
    public let entryCapacity: Int
    public let textCapacity: Int
}

extension HeaderBlock {
    /// Empties the block and lends its memory, to be filled and given back by ``adopt(count:textCount:byteCount:present:)``.
    public mutating func lendEmpty() -> RawFields {
        reset()
        return raw
    }

    /// The memory of the block as it is.
    public var raw: RawFields {
        RawFields(entries: entries, text: text.memory, entryCapacity: entryCapacity, textCapacity: text.capacity)
    }

    /// Bytes of text in use, those that no field refers to included.
    public var textCount: Int { text.count }

    /// Takes what was written into the lent memory as the fields of the block.
    public mutating func adopt(count: Int, textCount: Int, byteCount: Int, present: UInt64) {
        precondition(count >= 0 && count <= entryCapacity, "more fields than there is room for")
        text.setCount(textCount)
        self.count = count
        self.byteCount = byteCount
        self.present = present
        dead = 0
    }

    /// Makes room for more fields, keeping none of those there are.
    public mutating func growEmptyEntries() {
        reset()
        growEntries()
    }

    /// Makes room for at least twice the text, keeping nothing.
    public mutating func growEmptyText() {
        reset()
        text.reserve(text.capacity * 2)
    }
}
