import Bytes
import Glibc

/// The header fields of one message head or trailer section, in order, pseudo-headers included as Envoy does
/// (`:method`, `:path`, `:authority`, `:scheme` of a request, `:status` of a response).
///
/// Names are lower-case. Values are bytes without CR, LF and NUL. All text lies in one growing piece of memory, the
/// fields in another; both are kept by ``reset()``, so that a block that is used again allocates nothing.
///
/// Every view that a verb returns is valid until the next mutation of the block.
public struct HeaderBlock: ~Copyable {
    /// One field: where its text lies.
    public struct Entry {
        public var nameOffset: UInt32
        public var valueOffset: UInt32
        public var valueLength: UInt32
        public var nameLength: UInt16
        /// ``KnownHeader/rawValue``, 0 for names that lie in `text`.
        public var known: UInt8

        @inline(__always)
        public init(nameOffset: UInt32, valueOffset: UInt32, valueLength: UInt32, nameLength: UInt16, known: UInt8) {
            self.nameOffset = nameOffset
            self.valueOffset = valueOffset
            self.valueLength = valueLength
            self.nameLength = nameLength
            self.known = known
        }
    }

    // Safety: `entries` has `entryCapacity` elements of which the first `count` are initialised (a trivial type);
    // every offset and length in them lies within `text`. Both are freed in `deinit`.
    var entries: UnsafeMutablePointer<Entry>
    var entryCapacity: Int
    var text: ByteWriter
    /// One bit for each known name that the block may hold.
    var present: UInt64 = 0
    /// Bytes of `text` that no field refers to any longer.
    var dead = 0

    /// Number of fields, one per value.
    public internal(set) var count = 0

    /// Sum of the lengths of all names and values, as header limits count them.
    public internal(set) var byteCount = 0

    /// - Parameters:
    ///   - fields: expected number of fields.
    ///   - bytes: expected length of names and values.
    public init(fields: Int = 24, bytes: Int = 768) {
        entryCapacity = max(fields, 4)
        entries = .allocate(capacity: entryCapacity)
        text = ByteWriter(capacity: bytes)
    }

    deinit {
        entries.deallocate()
    }

    /// Whether there is no field.
    public var isEmpty: Bool { count == 0 }

    /// Removes all fields and keeps the memory.
    public mutating func reset() {
        count = 0
        byteCount = 0
        present = 0
        dead = 0
        text.reset()
    }

    // MARK: Reading

    /// Whether a field of this name is there.
    public func has(_ name: KnownHeader) -> Bool {
        present & (1 &<< UInt64(name.rawValue)) != 0 && firstIndex(of: name) != nil
    }

    /// The value of the first field of this name.
    public func get(_ name: KnownHeader) -> UnsafeRawBufferPointer? {
        guard present & (1 &<< UInt64(name.rawValue)) != 0, let index = firstIndex(of: name) else { return nil }
        return value(at: index)
    }

    /// The value of the first field of this lower-case name.
    public func get(_ name: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer? {
        guard let index = firstIndex(of: name) else { return nil }
        return value(at: index)
    }

    /// The field's name, lower-case. Valid until the next mutation.
    public func name(at index: Int) -> UnsafeRawBufferPointer {
        let entry = entries[index]
        guard entry.known == 0 else { return KnownHeader(rawValue: entry.known).name }
        return UnsafeRawBufferPointer(start: text.memory + Int(entry.nameOffset), count: Int(entry.nameLength))
    }

    /// The known name of a field, nil if the proxy does not know it.
    public func knownName(at index: Int) -> KnownHeader? {
        let known = entries[index].known
        return known == 0 ? nil : KnownHeader(rawValue: known)
    }

    /// The field's value. Valid until the next mutation.
    public func value(at index: Int) -> UnsafeRawBufferPointer {
        let entry = entries[index]
        return UnsafeRawBufferPointer(start: text.memory + Int(entry.valueOffset), count: Int(entry.valueLength))
    }

    /// Index of the first field of this name at or after `start`.
    public func firstIndex(of name: KnownHeader, from start: Int = 0) -> Int? {
        var index = start
        while index < count {
            if entries[index].known == name.rawValue { return index }
            index += 1
        }
        return nil
    }

    /// Index of the first field of this lower-case name at or after `start`.
    public func firstIndex(of name: UnsafeRawBufferPointer, from start: Int = 0) -> Int? {
        if let known = KnownHeader.lookup(name) { return firstIndex(of: known, from: start) }
        var index = start
        while index < count {
            let entry = entries[index]
            if entry.known == 0, Int(entry.nameLength) == name.count, self.name(at: index).equals(name) { return index }
            index += 1
        }
        return nil
    }

    /// How many fields have this lower-case name.
    public func valueCount(of name: UnsafeRawBufferPointer) -> Int {
        var found = 0
        var index = firstIndex(of: name)
        while let current = index {
            found += 1
            index = firstIndex(of: name, from: current + 1)
        }
        return found
    }

    /// Whether the first field of this name has exactly this value.
    public func get(_ name: KnownHeader, is value: StaticString) -> Bool {
        guard let present = get(name) else { return false }
        return present.equals(value)
    }

    /// The response status, 0 when there is none.
    public var status: Int {
        guard let text = get(.status), text.count == 3 else { return 0 }
        let digits = (Int(text[0]) - 48, Int(text[1]) - 48, Int(text[2]) - 48)
        return digits.0 * 100 + digits.1 * 10 + digits.2
    }

    // MARK: Writing

    /// Appends a field. `value` must already be valid (see ``HeaderRules``); it may lie in this block.
    public mutating func append(_ name: KnownHeader, _ value: UnsafeRawBufferPointer) {
        appendEntry(known: name.rawValue, name: .empty, nameCount: KnownHeader.length(name.rawValue), value: value)
    }

    /// Adds a field behind all others.
    public mutating func append(_ name: KnownHeader, _ value: StaticString) {
        append(name, UnsafeRawBufferPointer(value))
    }

    /// Appends a field. `name` must be a lower-case token, `value` valid; known names are recognised.
    public mutating func append(_ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) {
        let known = KnownHeader.lookup(name)?.rawValue ?? 0
        appendEntry(known: known, name: known == 0 ? name : .empty, nameCount: name.count, value: value)
    }

    /// Sets the one value of `name`: the first field of this name keeps its place, others go; without one it is appended.
    public mutating func set(_ name: KnownHeader, _ value: UnsafeRawBufferPointer) {
        guard present & (1 &<< UInt64(name.rawValue)) != 0, let index = firstIndex(of: name) else {
            append(name, value)
            return
        }
        replaceValue(at: index, value)
        var duplicate = firstIndex(of: name, from: index + 1)
        while let current = duplicate {
            remove(at: current)
            duplicate = firstIndex(of: name, from: current)
        }
    }

    /// Replaces all fields of this name by one.
    public mutating func set(_ name: KnownHeader, _ value: StaticString) {
        set(name, UnsafeRawBufferPointer(value))
    }

    /// Sets the one value of a lower-case name, as ``set(_:_:)-(KnownHeader,_)`` does.
    public mutating func set(_ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) {
        if let known = KnownHeader.lookup(name) {
            set(known, value)
            return
        }
        guard let index = firstIndex(of: name) else {
            append(name, value)
            return
        }
        replaceValue(at: index, value)
        var duplicate = firstIndex(of: name, from: index + 1)
        while let current = duplicate {
            remove(at: current)
            duplicate = firstIndex(of: name, from: current)
        }
    }

    /// Sets a decimal number as the one value of `name`.
    public mutating func set(_ name: KnownHeader, decimal value: Int) {
        var digits: (UInt64, UInt64, UInt64) = (0, 0, 0)
        var rest = value.magnitude
        withUnsafeMutableBytes(of: &digits) { buffer in
            var index = buffer.count
            repeat {
                index -= 1
                buffer[index] = UInt8(truncatingIfNeeded: rest % 10) &+ 48
                rest /= 10
            } while rest > 0
            if value < 0 {
                index -= 1
                buffer[index] = 45
            }
            set(name, UnsafeRawBufferPointer(buffer).slice(index, buffer.count))
        }
    }

    /// Replaces the value of one field and keeps its place.
    public mutating func replaceValue(at index: Int, _ value: UnsafeRawBufferPointer) {
        let old = Int(entries[index].valueLength)
        byteCount += value.count - old
        if value.count <= old {
            // Safety: the field owns `old` bytes at its offset; memmove allows `value` to overlap them.
            if value.count > 0 {
                memmove(text.memory + Int(entries[index].valueOffset), value.baseAddress.unsafelyUnwrapped, value.count)
            }
            entries[index].valueLength = UInt32(value.count)
            dead += old - value.count
        } else {
            dead += old
            entries[index].valueLength = 0
            let offset = store(value)
            entries[index].valueOffset = offset
            entries[index].valueLength = UInt32(value.count)
        }
    }

    /// Removes one field; those behind it move up.
    public mutating func remove(at index: Int) {
        precondition(index < count)
        let entry = entries[index]
        let nameCount = entry.known == 0 ? Int(entry.nameLength) : KnownHeader.length(entry.known)
        byteCount -= nameCount + Int(entry.valueLength)
        dead += Int(entry.valueLength) + (entry.known == 0 ? Int(entry.nameLength) : 0)
        let behind = count - index - 1
        if behind > 0 {
            // Safety: both ranges lie within the initialised entries.
            memmove(entries + index, entries + index + 1, behind * MemoryLayout<Entry>.stride)
        }
        count -= 1
    }

    /// Removes all fields of this name.
    /// - Returns: whether there was one.
    @discardableResult
    public mutating func remove(_ name: KnownHeader) -> Bool {
        guard present & (1 &<< UInt64(name.rawValue)) != 0 else { return false }
        var removed = false
        var index = firstIndex(of: name)
        while let current = index {
            remove(at: current)
            removed = true
            index = firstIndex(of: name, from: current)
        }
        present &= ~(1 &<< UInt64(name.rawValue))
        return removed
    }

    /// Removes all fields of this lower-case name.
    @discardableResult
    public mutating func remove(_ name: UnsafeRawBufferPointer) -> Bool {
        if let known = KnownHeader.lookup(name) { return remove(known) }
        var removed = false
        var index = firstIndex(of: name)
        while let current = index {
            remove(at: current)
            removed = true
            index = firstIndex(of: name, from: current)
        }
        return removed
    }

    /// Makes this block equal to `other`, in its own memory.
    public mutating func copy(from other: borrowing HeaderBlock) {
        reset()
        while entryCapacity < other.count { growEntries() }
        // Safety: room was made for `other.count` entries; offsets stay good because the text is copied whole.
        entries.update(from: other.entries, count: other.count)
        text.append(other.text.bytes)
        count = other.count
        byteCount = other.byteCount
        present = other.present
        dead = other.dead
    }

    // MARK: Private parts

    private mutating func appendEntry(
        known: UInt8, name: UnsafeRawBufferPointer, nameCount: Int, value: UnsafeRawBufferPointer
    ) {
        if count == entryCapacity { growEntries() }
        let valueOffset: UInt32
        let nameOffset: UInt32
        let start = text.count
        let newName = known == 0 ? name.count : 0
        if text.capacity - start >= value.count + newName {
            // Safety: there is room for both behind what is written.
            if let source = value.baseAddress { memcpy(text.memory + start, source, value.count) }
            if newName > 0, let source = name.baseAddress { memcpy(text.memory + start + value.count, source, newName) }
            text.setCount(start + value.count + newName)
            valueOffset = UInt32(truncatingIfNeeded: start)
            nameOffset = UInt32(truncatingIfNeeded: start + value.count)
        } else {
            // Room for both at once: while it is made for the name, the value is a part of no field yet.
            valueOffset = store(value, before: newName)
            nameOffset = newName > 0 ? store(name) : 0
        }
        entries[count] = Entry(
            nameOffset: nameOffset, valueOffset: valueOffset, valueLength: UInt32(value.count),
            nameLength: UInt16(truncatingIfNeeded: name.count), known: known)
        count += 1
        byteCount += nameCount + value.count
        present |= 1 &<< UInt64(known)
    }

    /// Copies `bytes` into `text`, which may move: `bytes` may be a part of it.
    /// - Parameter more: bytes for which there will be room behind these.
    private mutating func store(_ bytes: UnsafeRawBufferPointer, before more: Int = 0) -> UInt32 {
        if text.capacity - text.count < bytes.count + more {
            let inside = offsetInText(bytes)
            if inside == nil, dead > text.count / 2 { compact() }
            text.reserve(bytes.count + more)
            if let inside {
                let offset = text.count
                text.append(UnsafeRawBufferPointer(start: text.memory + inside, count: bytes.count))
                return UInt32(offset)
            }
        }
        let offset = text.count
        text.append(bytes)
        return UInt32(offset)
    }

    private func offsetInText(_ bytes: UnsafeRawBufferPointer) -> Int? {
        guard let start = bytes.baseAddress else { return nil }
        let offset = start - UnsafeRawPointer(text.memory)
        return offset >= 0 && offset < text.capacity ? offset : nil
    }

    /// Rewrites `text` without the bytes that no field refers to.
    private mutating func compact() {
        var fresh = ByteWriter(capacity: text.capacity)
        for index in 0..<count {
            let value = self.value(at: index)
            let valueOffset = fresh.count
            fresh.append(value)
            if entries[index].known == 0 {
                let nameOffset = fresh.count
                fresh.append(name(at: index))
                entries[index].nameOffset = UInt32(nameOffset)
            }
            entries[index].valueOffset = UInt32(valueOffset)
        }
        text = fresh
        dead = 0
    }

    mutating func growEntries() {
        let larger = UnsafeMutablePointer<Entry>.allocate(capacity: entryCapacity * 2)
        larger.update(from: entries, count: count)
        entries.deallocate()
        entries = larger
        entryCapacity *= 2
    }
}
