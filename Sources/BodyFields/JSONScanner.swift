import Bytes

/// Reads a JSON document (RFC 8259) as it comes, checks all of it and keeps the values of a few fields.
///
/// ```
///            ┌────────────────────────── , ──────────────────────────┐
///            ▼                                                       │
/// value ──► text · number · word ───────────► afterValue ── ] } ─────┤
///   │  ▲                                                             ▼
///   │  └── colon ◄── text ◄── firstName · name ◄── { ,              ended
///   └── [ ► firstElement
/// ```
///
/// Strict: no comments, no trailing commas, no byte-order mark, no invalid UTF-8, no half of a surrogate pair, nothing
/// behind the document. What another reader of the same body could take otherwise is refused, for a route chosen by a
/// value that the service does not see is a way round the rules of that route. A name that occurs twice on the way to a
/// field is valid JSON and is reported by ``FieldValues/isDuplicate(_:)``.
///
/// It holds the values found and some bytes a level, never the document; what it does is the same wherever the
/// body is cut.
public struct JSONScanner: Sendable {
    /// Levels of arrays and objects within each other.
    public static let maximumDepth = 256

    private enum State: UInt8 {
        case value, firstElement, firstName, name, colon, afterValue
        case text, escape, hexadecimal, lowBackslash, lowLetter, continuation
        case minus, zero, integer, point, fraction, exponent, exponentSign, exponentDigits
        case word
        case ended, failed
    }

    private struct Frame {
        let isObject: Bool
        /// Of the tree, -1 where nothing that is looked for lies within.
        let node: Int
        /// Of the present element of an array.
        var element = 0
    }

    private let fields: JSONFields
    /// What was found so far.
    public private(set) var values: FieldValues

    private var state = State.value
    private var frames: [Frame] = []
    /// The tree's node for the value that comes or is read, -1 for none.
    private var node = 0
    /// Nodes that were met.
    private var seen: [Bool]
    /// The field whose text or number is read, -1 for none.
    private var captured = -1
    private var isName = false
    private var collectsName = false
    private var nameBytes: [UInt8] = []
    private var hexadecimalLeft = 0
    private var unit: UInt32 = 0
    private var highSurrogate: UInt32 = 0
    private var character = UTF8Sequence()
    private var word: StaticString = "null"
    private var wordOffset = 0
    private var offset = 0
    private var problem: ScanProblem?

    /// A scan of one document.
    public init(_ fields: JSONFields) {
        self.fields = fields
        values = FieldValues(count: fields.count, longest: fields.longestValue)
        seen = Array(repeating: false, count: fields.tree.nodes.count)
        seen[0] = true
    }

    /// Back to the start, for another document; memory is kept.
    public mutating func reset() {
        values.reset()
        state = .value
        frames.removeAll(keepingCapacity: true)
        node = 0
        for index in seen.indices { seen[index] = index == 0 }
        captured = -1
        isName = false
        offset = 0
        highSurrogate = 0
        problem = nil
    }

    /// Whether nothing that may still come can bring another value.
    public var isDecided: Bool { values.unresolved == 0 }

    // MARK: Feeding

    /// Takes the next bytes of the document.
    /// - Returns: `.incomplete`, since something may always follow, or `.invalid`.
    public mutating func feed(_ bytes: UnsafeRawBufferPointer) -> ScanProgress {
        var index = 0
        while index < bytes.count, problem == nil {
            if state == .text {
                index = takePlainText(bytes, from: index)
                guard index < bytes.count else { break }
            }
            if step(bytes[index], at: index) { index += 1 }
        }
        offset += bytes.count
        if let problem { return .invalid(problem) }
        return .incomplete
    }

    /// The document has ended.
    /// - Returns: `.complete` or `.invalid`.
    public mutating func finish() -> ScanProgress {
        if isNumberWhole { endNumber() }
        if problem == nil, state != .ended { fail(.unexpectedEnd, 0) }
        if let problem { return .invalid(problem) }
        return .complete
    }

    private mutating func fail(_ reason: ScanProblem.Reason, _ index: Int) {
        state = .failed
        problem = ScanProblem(reason: reason, offset: offset + index)
    }

    /// - Returns: whether the byte was used; a number ends before the byte that ends it.
    private mutating func step(_ byte: UInt8, at index: Int) -> Bool {
        switch state {
        case .value, .firstElement, .firstName, .name, .colon, .afterValue, .ended: structure(byte, index)
        case .text, .escape, .hexadecimal, .lowBackslash, .lowLetter, .continuation: text(byte, index)
        case .word: takeWord(byte, index)
        case .minus, .zero, .integer, .point, .fraction, .exponent, .exponentSign, .exponentDigits: return number(byte, index)
        case .failed: break
        }
        return true
    }

    // MARK: Structure

    private mutating func structure(_ byte: UInt8, _ index: Int) {
        switch byte {
        case 0x20, 0x09, 0x0A, 0x0D: return
        case UInt8(ascii: "]") where state == .firstElement: close()
        case _ where state == .value || state == .firstElement: beginValue(byte, index)
        case UInt8(ascii: "}") where state == .firstName: close()
        case UInt8(ascii: "\"") where state == .firstName || state == .name: beginName()
        case UInt8(ascii: ":") where state == .colon: state = .value
        case UInt8(ascii: ",") where state == .afterValue: nextMember()
        case UInt8(ascii: "]") where state == .afterValue && frames.last?.isObject == false: close()
        case UInt8(ascii: "}") where state == .afterValue && frames.last?.isObject == true: close()
        default: fail(.unexpectedByte, index)
        }
    }

    private mutating func beginValue(_ byte: UInt8, _ index: Int) {
        switch byte {
        case UInt8(ascii: "{"), UInt8(ascii: "["): open(isObject: byte == UInt8(ascii: "{"), index)
        case UInt8(ascii: "\""):
            capture()
            state = .text
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"):
            capture()
            if captured >= 0 { values.append(byte, to: captured) }
            state = byte == UInt8(ascii: "-") ? .minus : byte == UInt8(ascii: "0") ? .zero : .integer
        case UInt8(ascii: "t"): begin("true")
        case UInt8(ascii: "f"): begin("false")
        case UInt8(ascii: "n"): begin("null")
        default: fail(.unexpectedByte, index)
        }
    }

    private mutating func capture() {
        captured = node >= 0 ? fields.tree.nodes[node].field ?? -1 : -1
        if captured >= 0 { values.begin(captured) }
    }

    private mutating func open(isObject: Bool, _ index: Int) {
        guard frames.count < Self.maximumDepth else { return fail(.tooDeep, index) }
        if node >= 0, let field = fields.tree.nodes[node].field { values.resolve(field, .container) }
        frames.append(Frame(isObject: isObject, node: node))
        state = isObject ? .firstName : .firstElement
        if !isObject { node = child(ofElement: 0) }
    }

    private mutating func close() {
        guard let frame = frames.popLast() else { return }
        node = frame.node
        valueEnded()
    }

    /// The value at `node` is over.
    private mutating func valueEnded() {
        captured = -1
        if node >= 0 { values.close(fields.tree.nodes[node].fields) }
        node = -1
        state = frames.isEmpty ? .ended : .afterValue
    }

    private mutating func nextMember() {
        let last = frames.count - 1
        guard !frames[last].isObject else {
            state = .name
            return
        }
        frames[last].element += 1
        node = child(ofElement: frames[last].element)
        state = .value
    }

    private func child(ofElement element: Int) -> Int {
        guard let parent = frames.last?.node, parent >= 0, let index = fields.indices[parent].firstIndex(of: element)
        else { return -1 }
        return fields.tree.nodes[parent].children[index].node
    }

    private mutating func beginName() {
        isName = true
        nameBytes.removeAll(keepingCapacity: true)
        let parent = frames[frames.count - 1].node
        collectsName = parent >= 0 && !fields.tree.nodes[parent].children.isEmpty
        state = .text
    }

    private mutating func endName() {
        isName = false
        state = .colon
        node = -1
        guard collectsName, let parent = frames.last?.node else { return }
        for child in fields.tree.nodes[parent].children where child.step == nameBytes {
            if seen[child.node] {
                values.markDuplicate(fields.tree.nodes[child.node].fields)
            } else {
                seen[child.node] = true
                node = child.node
            }
        }
    }

    // MARK: Words

    private mutating func begin(_ word: StaticString) {
        self.word = word
        wordOffset = 1
        state = .word
    }

    private mutating func takeWord(_ byte: UInt8, _ index: Int) {
        guard byte == word.utf8Start[wordOffset] else { return fail(.unexpectedByte, index) }
        wordOffset += 1
        guard wordOffset == word.utf8CodeUnitCount else { return }
        let first = word.utf8Start[0]
        let kind: FieldValues.Kind = first == UInt8(ascii: "t") ? .true : first == UInt8(ascii: "f") ? .false : .null
        if node >= 0, let field = fields.tree.nodes[node].field { values.resolve(field, kind) }
        valueEnded()
    }

    // MARK: Numbers

    private mutating func number(_ byte: UInt8, _ index: Int) -> Bool {
        guard let next = Self.afterNumber(state, byte) else {
            guard isNumberWhole else {
                fail(.invalidNumber, index)
                return true
            }
            endNumber()
            return false
        }
        state = next
        if captured >= 0 { values.append(byte, to: captured) }
        return true
    }

    /// The state behind one more byte of a number, nil when the byte is none of it.
    private static func afterNumber(_ state: State, _ byte: UInt8) -> State? {
        if byte &- UInt8(ascii: "0") < 10 {
            switch state {
            case .minus: return byte == UInt8(ascii: "0") ? .zero : .integer
            case .integer: return .integer
            case .point, .fraction: return .fraction
            case .exponent, .exponentSign, .exponentDigits: return .exponentDigits
            default: return nil
            }
        }
        switch (state, byte) {
        case (.zero, UInt8(ascii: ".")), (.integer, UInt8(ascii: ".")): return .point
        case (.zero, _), (.integer, _), (.fraction, _): return byte | 0x20 == UInt8(ascii: "e") ? .exponent : nil
        case (.exponent, UInt8(ascii: "+")), (.exponent, UInt8(ascii: "-")): return .exponentSign
        default: return nil
        }
    }

    private var isNumberWhole: Bool {
        state == .zero || state == .integer || state == .fraction || state == .exponentDigits
    }

    private mutating func endNumber() {
        if captured >= 0 { values.end(captured, .number) }
        valueEnded()
    }
}

// MARK: Text

extension JSONScanner {
    /// Takes what stands in a string as itself and is ASCII.
    private mutating func takePlainText(_ bytes: UnsafeRawBufferPointer, from start: Int) -> Int {
        var index = start
        while index < bytes.count {
            let byte = bytes[index]
            guard byte >= 0x20, byte < 0x80, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\") else { break }
            index += 1
        }
        if index > start { emit(UnsafeRawBufferPointer(rebasing: bytes[start..<index])) }
        return index
    }

    private mutating func emit(_ piece: UnsafeRawBufferPointer) {
        if isName {
            // One byte more than the longest name is kept, so that a longer one is equal to none.
            if collectsName { nameBytes.append(contentsOf: piece.prefix(max(fields.longestStep + 1 - nameBytes.count, 0))) }
        } else if captured >= 0 {
            values.append(piece, to: captured)
        }
    }

    private mutating func emit(_ byte: UInt8) { withUnsafeBytes(of: byte) { emit($0) } }

    private mutating func text(_ byte: UInt8, _ index: Int) {
        switch state {
        case .text: textByte(byte, index)
        case .escape: escape(byte, index)
        case .hexadecimal: hexadecimal(byte, index)
        case .lowBackslash:
            guard byte == UInt8(ascii: "\\") else { return fail(.loneSurrogate, index) }
            state = .lowLetter
        case .lowLetter:
            guard byte == UInt8(ascii: "u") else { return fail(.loneSurrogate, index) }
            beginHexadecimal()
        default:
            guard character.take(byte) else { return fail(.invalidUTF8, index) }
            emit(byte)
            if character.isWhole { state = .text }
        }
    }

    private mutating func textByte(_ byte: UInt8, _ index: Int) {
        switch byte {
        case UInt8(ascii: "\""): endText()
        case UInt8(ascii: "\\"): state = .escape
        case ..<0x20: fail(.controlCharacter, index)
        case 0x80...:
            guard character.begin(byte) else { return fail(.invalidUTF8, index) }
            emit(byte)
            state = .continuation
        default: emit(byte)
        }
    }

    private mutating func endText() {
        guard !isName else { return endName() }
        if captured >= 0 { values.end(captured, .string) }
        valueEnded()
    }

    private mutating func escape(_ byte: UInt8, _ index: Int) {
        state = .text
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): emit(byte)
        case UInt8(ascii: "b"): emit(0x08)
        case UInt8(ascii: "f"): emit(0x0C)
        case UInt8(ascii: "n"): emit(0x0A)
        case UInt8(ascii: "r"): emit(0x0D)
        case UInt8(ascii: "t"): emit(0x09)
        case UInt8(ascii: "u"): beginHexadecimal()
        default: fail(.invalidEscape, index)
        }
    }

    private mutating func beginHexadecimal() {
        hexadecimalLeft = 4
        unit = 0
        state = .hexadecimal
    }

    private mutating func hexadecimal(_ byte: UInt8, _ index: Int) {
        guard let digit = ASCII.hexadecimal(byte) else { return fail(.invalidEscape, index) }
        unit = unit << 4 | UInt32(digit)
        hexadecimalLeft -= 1
        guard hexadecimalLeft == 0 else { return }
        let isLow = 0xDC00...0xDFFF ~= unit
        guard isLow == (highSurrogate != 0) else { return fail(.loneSurrogate, index) }
        if 0xD800...0xDBFF ~= unit {
            highSurrogate = unit
            state = .lowBackslash
            return
        }
        let code = isLow ? 0x10000 + (highSurrogate - 0xD800) << 10 + (unit - 0xDC00) : unit
        highSurrogate = 0
        state = .text
        // Surrogates were dealt with above, and two of them make no more than the largest scalar.
        guard let scalar = Unicode.Scalar(code) else { return fail(.loneSurrogate, index) }
        for byte in UTF8.encode(scalar).unsafelyUnwrapped { emit(byte) }
    }
}
