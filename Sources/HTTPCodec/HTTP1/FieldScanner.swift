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
    private let names: ShortNameTable
    private let prefixes: UnsafeRawPointer
    /// Known names that ``HeadFacts`` wants to see.
    let interesting: UInt64

    var position = 0
    var textEnd = 0
    /// Entries written, pseudo-headers included.
    var entryCount = 0
    /// Entries that are pseudo-headers; they do not count against the limit.
    var pseudoCount = 0
    var byteCount = 0
    /// Fields that were left out for the underscores in their names.
    var droppedFields: UInt16 = 0
    var present: UInt64 = 0
    var facts: HeadFacts

    @inline(__always)
    init(
        input: UnsafeRawBufferPointer, fields: RawFields, options: HTTP1Options, names: ShortNameTable,
        section: HeadFacts.Section,
        interesting: UInt64
    ) {
        self.input = input.baseAddress.unsafelyUnwrapped
        count = input.count
        self.fields = fields
        safeEnd = min(input.count, fields.textCapacity)
        self.options = options
        facts = HeadFacts(section: section)
        self.names = names
        prefixes = names.prefixes
        self.interesting = interesting
    }

    /// Scans field lines up to and with the empty line.
    ///
    /// One function with its state in local variables, for a pass over the fields of `self` would go through memory: the
    /// stores into the text might change them for all the compiler knows.
    mutating func scanFields() -> Outcome {
        let (slots, seed) = (names.slots, names.seed)
        let (input, text, entries) = (input, fields.text, fields.entries)
        // The last place from which a whole vector may be read and written.
        let vectorEnd = safeEnd &- ByteVector.width
        var place = position
        var end = textEnd
        while true {
            var known: UInt64 = 0
            var nameStart = end
            var nameLength = 16
            if place <= vectorEnd {
                let raw = ByteVector.load(input, place)
                nameLength = ByteVector.first(raw .== ByteVector.all(0x3A))
                if nameLength < 16 {
                    let lower = ByteVector.lowerCase(raw)
                    let inName = ByteVector.load(prefixes, nameLength &<< 4)
                    // Safety: both are 16 bytes without padding, of which every value is valid.
                    let words = unsafeBitCast(lower & inName, to: SIMD2<UInt64>.self)
                    let slot = slots + ShortNameTable.hash(words[0], words[1], seed)
                    if slot.pointee.length == nameLength, slot.pointee.low == words[0], slot.pointee.high == words[1],
                        nameLength > 0
                    {
                        known = slot.pointee.known
                        place &+= nameLength &+ 1
                    } else if nameLength > 0, !ByteVector.isAny(ByteVector.unusualNameBytes(lower), within: inName) {
                        ByteVector.store(lower, text, end)
                        place &+= nameLength &+ 1
                        end &+= nameLength
                    } else {
                        nameLength = 16
                    }
                }
            }
            if nameLength == 16 {
                (position, textEnd) = (place, end)
                let name = scanUnusualName()
                (place, end) = (position, textEnd)
                switch name {
                case .name(let length, let index):
                    nameLength = length
                    known = UInt64(index)
                    nameStart = end &- (known == 0 ? length : 0)
                case .endOfSection: return .complete
                case .dropField:
                    // The value is scanned like any other and forgotten.
                    nameLength = 0
                case .stopped(let outcome): return outcome
                }
            }

            let valueStart = end
            if place <= vectorEnd, Self.byte(input, place) == 0x20 { place &+= 1 }
            if place <= vectorEnd, Self.byte(input, place) > 0x20 {
                // A value that begins here and, as nearly all, has no tab.
                while place <= vectorEnd {
                    let bytes = ByteVector.load(input, place)
                    ByteVector.store(bytes, text, end)
                    let stop = ByteVector.first(ByteVector.controls(bytes))
                    place &+= stop
                    end &+= stop
                    if stop < 16 { break }
                }
            }
            if place < vectorEnd, Self.byte(input, place) == 0x0D, Self.byte(input, place &+ 1) == 0x0A {
                place &+= 2
            } else {
                (position, textEnd) = (place, end)
                let outcome = scanRestOfValue(from: valueStart)
                (place, end) = (position, textEnd)
                guard outcome == .complete else { return outcome }
            }
            while end > valueStart, Self.isBlank(text, end &- 1) { end &-= 1 }
            if nameLength == 0 {
                end = valueStart
                continue
            }

            if interesting &>> known & 1 != 0 {
                let value = UnsafeRawBufferPointer(start: text + valueStart, count: end &- valueStart)
                if facts.note(known, value, offset: valueStart) == .drop { continue }
            }
            let index = entryCount
            guard index < fields.entryCapacity else { return .growFields }
            guard index &- pseudoCount < options.maximumFields else { return .failed(.tooManyFields) }
            entries[index].nameOffset = UInt32(truncatingIfNeeded: nameStart)
            entries[index].valueOffset = UInt32(truncatingIfNeeded: valueStart)
            entries[index].valueLength = UInt32(truncatingIfNeeded: end &- valueStart)
            entries[index].nameLength = UInt16(truncatingIfNeeded: known == 0 ? nameLength : 0)
            entries[index].known = UInt8(truncatingIfNeeded: known)
            entryCount = index &+ 1
            byteCount &+= nameLength &+ end &- valueStart
            present |= 1 &<< known
        }
    }

    /// Appends a pseudo-header whose value lies in the text already.
    @inline(__always)
    mutating func appendPseudo(_ name: UInt8, start: Int, end: Int, nameLength: Int) {
        let entry = fields.entries + entryCount
        entry.pointee.nameOffset = 0
        entry.pointee.valueOffset = UInt32(truncatingIfNeeded: start)
        entry.pointee.valueLength = UInt32(truncatingIfNeeded: end &- start)
        entry.pointee.nameLength = 0
        entry.pointee.known = name
        entryCount &+= 1
        pseudoCount &+= 1
        byteCount &+= nameLength &+ end &- start
        present |= 1 &<< UInt64(name)
    }
}

// MARK: Values

extension FieldScanner {
    /// Goes on with a value where the fast way stopped: blanks before it, a tab within, the end of the input, or a fault.
    @inline(never)
    private mutating func scanRestOfValue(from start: Int) -> Outcome {
        if textEnd == start {
            while position < count, Self.isBlank(input, position) { position &+= 1 }
        }
        while true {
            if position &+ ByteVector.width <= safeEnd {
                let bytes = ByteVector.load(input, position)
                ByteVector.store(bytes, fields.text, textEnd)
                let stop = ByteVector.first(ByteVector.controls(bytes))
                position &+= stop
                textEnd &+= stop
                if stop == 16 { continue }
            } else {
                guard safeEnd == count else { return .growText }
                while position < count, !isControl(byte(position)) { copyByte() }
                guard position < count else { return .incomplete }
            }
            if byte(position) != 0x09 { break }
            copyByte()
        }
        return scanLineEnd(otherwise: .invalidFieldValue)
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
    func byte(_ offset: Int) -> UInt8 { Self.byte(input, offset) }

    @inline(__always)
    private static func byte(_ base: UnsafeRawPointer, _ offset: Int) -> UInt8 {
        base.load(fromByteOffset: offset, as: UInt8.self)
    }

    @inline(__always)
    private func isControl(_ byte: UInt8) -> Bool { byte < 0x20 || byte == 0x7F }

    @inline(__always)
    private static func isBlank(_ base: UnsafeRawPointer, _ offset: Int) -> Bool {
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
        while position &+ ByteVector.width <= safeEnd {
            let raw = ByteVector.load(input, position)
            let lower = ByteVector.lowerCase(raw)
            let length = ByteVector.first(raw .== ByteVector.all(0x3A))
            if ByteVector.isAny(ByteVector.unusualNameBytes(lower), within: ByteVector.load(prefixes, length &<< 4)) {
                break
            }
            ByteVector.store(lower, fields.text, textEnd)
            position &+= length
            textEnd &+= length
            if length < 16 { break }
        }
        var underscore = false
        while position < safeEnd {
            let byte = byte(position)
            let lower = TokenTable.lower(byte)
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
                droppedFields &+= 1
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
