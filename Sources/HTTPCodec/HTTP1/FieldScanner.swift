import Bytes
import HTTPModel

/// Reads the lines of a head or trailer section once, from left to right, and puts names and values straight into the
/// memory of a ``HeaderBlock``: what is compared is stored by the same vector, so that nothing is read twice.
///
/// Text is never written faster than input is read (`textEnd <= position`), which makes one bound, `safeEnd`, do for both.
struct FieldScanner {
    /// How far a scan came.
    enum Outcome: Equatable {
        case complete
        /// The input ended first.
        case incomplete
        /// The block's text must grow; scan again from the start.
        case growText
        /// The block needs room for more fields; scan again from the start.
        case growFields
        case failed(HTTP1Error)
    }

    // Safety: `input` has `count` readable bytes; `fields` was lent by a block that is not touched meanwhile.
    let input: UnsafeRawPointer
    let count: Int
    let fields: RawFields
    /// Where both input and text still have room.
    let safeEnd: Int
    let options: HTTP1Options
    /// Known names that ``HeadFacts`` wants to see.
    let interesting: UInt64

    var position = 0
    var textEnd = 0
    /// Entries written, pseudo-headers included.
    var entryCount = 0
    /// Entries that are pseudo-headers; they do not count against the limit.
    var pseudoCount = 0
    var byteCount = 0
    var present: UInt64 = 0
    var facts: HeadFacts

    @inline(__always)
    init(input: UnsafeRawBufferPointer, fields: RawFields, options: HTTP1Options, facts: HeadFacts) {
        self.input = input.baseAddress.unsafelyUnwrapped
        count = input.count
        self.fields = fields
        safeEnd = min(input.count, fields.textCapacity)
        self.options = options
        self.facts = facts
        interesting = facts.interesting
    }

    /// Scans field lines up to and with the empty line.
    mutating func scanFields() -> Outcome {
        let names = ShortNameTable.shared
        while true {
            // The last place from which a whole vector may be read and written.
            let vectorEnd = safeEnd - ByteVector.width
            var known: UInt64 = 0
            var nameStart = textEnd
            var nameLength = 0
            if position <= vectorEnd {
                let raw = ByteVector.load(input, position)
                nameLength = ByteVector.first(raw .== ByteVector.all(0x3A))
                if nameLength < 16 {
                    let lower = ByteVector.lowerCase(raw)
                    let inName = ByteVector.load(Self.prefixes, nameLength &<< 4)
                    // Safety: both are 16 bytes without padding, of which every value is valid.
                    let words = unsafeBitCast(lower & inName, to: SIMD2<UInt64>.self)
                    let slot = names.slots + ShortNameTable.hash(words[0], words[1], names.seed)
                    if slot.pointee.low == words[0], slot.pointee.high == words[1], slot.pointee.length == nameLength,
                        nameLength > 0
                    {
                        known = slot.pointee.known
                        position &+= nameLength &+ 1
                    } else if nameLength > 0,
                        // Safety: lanes are compared one by one; those behind the name are cleared.
                        unsafeBitCast(
                            unsafeBitCast(ByteVector.unusualNameBytes(lower), to: ByteVector.Bytes.self) & inName,
                            to: SIMD2<UInt64>.self) == .zero
                    {
                        ByteVector.store(lower, fields.text, textEnd)
                        position &+= nameLength &+ 1
                        textEnd &+= nameLength
                    } else {
                        nameLength = 16
                    }
                }
            } else {
                nameLength = 16
            }
            if nameLength >= 16 {
                switch scanUnusualName() {
                case .name(let length, let index):
                    nameLength = length
                    known = UInt64(index)
                    nameStart = textEnd &- (known == 0 ? length : 0)
                case .endOfSection: return .complete
                case .dropField:
                    // The value is scanned like any other and forgotten.
                    nameLength = 0
                case .stopped(let outcome): return outcome
                }
            }

            let valueStart: Int
            let valueEnd: Int
            switch scanValue() {
            case .value(let start, let end): (valueStart, valueEnd) = (start, end)
            case .stopped(let outcome): return outcome
            }
            if nameLength == 0 {
                textEnd = valueStart
                continue
            }

            if interesting &>> known & 1 != 0 {
                let value = UnsafeRawBufferPointer(start: fields.text + valueStart, count: valueEnd &- valueStart)
                switch facts.note(KnownHeader(rawValue: UInt8(truncatingIfNeeded: known)), value, offset: valueStart) {
                case .keep: break
                case .drop: continue
                }
            }
            guard entryCount < fields.entryCapacity else { return .growFields }
            guard entryCount &- pseudoCount < options.maximumFields else { return .failed(.tooManyFields) }
            fields.entries[entryCount] = HeaderBlock.Entry(
                nameOffset: UInt32(truncatingIfNeeded: nameStart), valueOffset: UInt32(truncatingIfNeeded: valueStart),
                valueLength: UInt32(truncatingIfNeeded: valueEnd &- valueStart),
                nameLength: UInt16(truncatingIfNeeded: known == 0 ? nameLength : 0), known: UInt8(truncatingIfNeeded: known))
            entryCount &+= 1
            byteCount &+= nameLength &+ valueEnd &- valueStart
            present |= 1 &<< known
        }
    }

    /// Appends a pseudo-header whose value lies in the text already.
    @inline(__always)
    mutating func appendPseudo(_ name: KnownHeader, start: Int, end: Int, nameLength: Int) {
        fields.entries[entryCount] = HeaderBlock.Entry(
            nameOffset: 0, valueOffset: UInt32(truncatingIfNeeded: start), valueLength: UInt32(truncatingIfNeeded: end &- start),
            nameLength: 0, known: name.rawValue)
        entryCount &+= 1
        pseudoCount &+= 1
        byteCount &+= nameLength &+ end &- start
        present |= 1 &<< UInt64(name.rawValue)
    }

    /// Sixteen rows of sixteen bytes: row n has n bytes of ones, then zeros.
    // Safety: written once, then read only.
    nonisolated(unsafe) private static let prefixes: UnsafeRawPointer = {
        let table = UnsafeMutableRawPointer.allocate(byteCount: 17 * 16, alignment: 16)
        for row in 0...16 {
            for column in 0..<16 { table.storeBytes(of: column < row ? 0xFF : 0, toByteOffset: row * 16 + column, as: UInt8.self) }
        }
        return UnsafeRawPointer(table)
    }()
}

// MARK: Values

extension FieldScanner {
    enum Value {
        /// Where the value lies in the text.
        case value(start: Int, end: Int)
        case stopped(Outcome)
    }

    /// Copies one value, blanks around it left out, up to and with the end of its line.
    @inline(__always)
    private mutating func scanValue() -> Value {
        while position < count, isBlank(input, position) { position &+= 1 }
        let start = textEnd
        while true {
            if position &+ ByteVector.width <= safeEnd {
                let bytes = ByteVector.load(input, position)
                ByteVector.store(bytes, fields.text, textEnd)
                let stop = ByteVector.first(ByteVector.controls(bytes))
                position &+= stop
                textEnd &+= stop
                if stop == 16 { continue }
            } else {
                guard safeEnd == count else { return .stopped(.growText) }
                while position < count, !isControl(byte(position)) { copyByte() }
                guard position < count else { return .stopped(.incomplete) }
            }
            if byte(position) != 0x09 { break }
            copyByte()
        }
        switch scanLineEnd(otherwise: .invalidFieldValue) {
        case .complete: break
        case let other: return .stopped(other)
        }
        var end = textEnd
        while end > start, isBlank(fields.text, end &- 1) { end &-= 1 }
        textEnd = end
        return .value(start: start, end: end)
    }

    /// Steps over CRLF (or LF, where allowed) at `position`.
    @inline(__always)
    mutating func scanLineEnd(otherwise error: HTTP1Error) -> Outcome {
        let first = byte(position)
        if first == 0x0D {
            guard position &+ 1 < count else { return .incomplete }
            guard byte(position &+ 1) == 0x0A else { return .failed(.invalidLineEnd) }
            position &+= 2
            return .complete
        }
        guard first == 0x0A else { return .failed(error) }
        guard options.allowBareLF else { return .failed(.invalidLineEnd) }
        position &+= 1
        return .complete
    }

    @inline(__always)
    func byte(_ offset: Int) -> UInt8 { input.load(fromByteOffset: offset, as: UInt8.self) }

    @inline(__always)
    private func isControl(_ byte: UInt8) -> Bool { byte < 0x20 || byte == 0x7F }

    @inline(__always)
    private func isBlank(_ base: UnsafeRawPointer, _ offset: Int) -> Bool {
        let byte = base.load(fromByteOffset: offset, as: UInt8.self)
        return byte == 0x20 || byte == 0x09
    }

    /// Moves one byte from the input to the text.
    @inline(__always)
    mutating func copyByte() {
        fields.text.storeBytes(of: byte(position), toByteOffset: textEnd, as: UInt8.self)
        position &+= 1
        textEnd &+= 1
    }
}

// MARK: Names that are long, rare or wrong

extension FieldScanner {
    enum Name {
        /// A name of `length` bytes, in the text unless `known` is not 0.
        case name(length: Int, known: UInt8)
        /// The empty line.
        case endOfSection
        /// A name with an underscore, where the options say to drop such fields.
        case dropField
        case stopped(Outcome)
    }

    /// Scans a name byte by byte: one that is longer than a vector, has a rare byte, stands at the very end of the
    /// input, or is no name at all.
    @inline(never)
    private mutating func scanUnusualName() -> Name {
        guard position < count else { return .stopped(.incomplete) }
        switch byte(position) {
        case 0x0D, 0x0A:
            let outcome = scanLineEnd(otherwise: .invalidLineEnd)
            return outcome == .complete ? .endOfSection : .stopped(outcome)
        case 0x20, 0x09: return .stopped(.failed(.foldedField))
        default: break
        }
        let start = textEnd
        var underscore = false
        while position < safeEnd {
            let byte = byte(position)
            let lower = HeaderRules.lowerTokenByte(byte)
            guard lower != 0 else {
                return endOfUnusualName(start: start, byte: byte, underscore: underscore)
            }
            underscore = underscore || byte == UInt8(ascii: "_")
            fields.text.storeBytes(of: lower, toByteOffset: textEnd, as: UInt8.self)
            position &+= 1
            textEnd &+= 1
        }
        return .stopped(safeEnd == count ? .incomplete : .growText)
    }

    private mutating func endOfUnusualName(start: Int, byte: UInt8, underscore: Bool) -> Name {
        let name = UnsafeRawBufferPointer(start: fields.text + start, count: textEnd &- start)
        guard byte == UInt8(ascii: ":"), name.count > 0 else {
            return .stopped(.failed(.invalidFieldName))
        }
        guard name.count <= Int(UInt16.max) else { return .stopped(.failed(.headTooLarge)) }
        position &+= 1
        if underscore {
            // These two are read by some peers as the fields that frame a message.
            if Self.isFramingLookalike(name) || options.underscores == .rejectMessage {
                return .stopped(.failed(.underscoreInFieldName))
            }
            if options.underscores == .dropField {
                textEnd = start
                return .dropField
            }
        }
        guard let known = KnownHeader.lookup(name) else { return .name(length: name.count, known: 0) }
        textEnd = start
        return .name(length: name.count, known: known.rawValue)
    }

    private static func isFramingLookalike(_ name: UnsafeRawBufferPointer) -> Bool {
        name.equals("transfer_encoding") || name.equals("content_length")
    }
}
