/// What a scan has found so far: one value a field, and whether it can be relied on.
public struct FieldValues: Sendable {
    /// What a field's value is.
    public enum Kind: UInt8, Sendable {
        /// Not met yet.
        case pending
        /// Cannot come any more.
        case absent
        /// The bytes are those of the text, escapes decoded.
        case string
        /// The bytes are the number as it was written, or in decimal where it was binary.
        case number
        case `true`, `false`, null
        /// An object, an array or a message; there are no bytes.
        case container
        /// A string or number with more bytes than the scan takes.
        case tooLong
    }

    struct Slot: Sendable {
        var kind = Kind.pending
        var isDuplicate = false
        var start = 0
        var end = 0
    }

    /// Bytes that a value may have.
    let longest: Int
    private(set) var slots: [Slot]
    private var bytes: [UInt8] = []
    /// Fields that are still pending.
    public private(set) var unresolved: Int

    /// Of a scan that looks for nothing.
    public init() {
        self.init(count: 0, longest: 0)
    }

    init(count: Int, longest: Int) {
        self.longest = longest
        slots = Array(repeating: Slot(), count: count)
        unresolved = count
    }

    /// How many fields there are.
    public var count: Int { slots.count }

    /// What the value of `field` is.
    public func kind(_ field: Int) -> Kind { slots[field].kind }

    /// Whether the body names the field, or something on the way to it, more than once. The value is that of the first;
    /// who reads the body later may take the last.
    public func isDuplicate(_ field: Int) -> Bool { slots[field].isDuplicate }

    /// Whether any field is there twice.
    public var hasDuplicates: Bool { slots.contains { $0.isDuplicate } }

    /// Lends the bytes of a string or a number; those of the word for `true`, `false` and `null`; nil for anything else.
    public func withBytes<Result>(_ field: Int, _ body: (UnsafeRawBufferPointer) -> Result) -> Result? {
        let slot = slots[field]
        switch slot.kind {
        case .string, .number:
            return bytes.withUnsafeBytes { body(UnsafeRawBufferPointer(rebasing: $0[slot.start..<slot.end])) }
        case .true: return body(Self.word("true"))
        case .false: return body(Self.word("false"))
        case .null: return body(Self.word("null"))
        case .pending, .absent, .container, .tooLong: return nil
        }
    }

    private static func word(_ text: StaticString) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount)
    }

    /// A copy of what ``withBytes(_:_:)`` lends.
    public func copy(_ field: Int) -> [UInt8]? { withBytes(field) { Array($0) } }

    // MARK: For the scanners

    mutating func reset() {
        for index in slots.indices { slots[index] = Slot() }
        bytes.removeAll(keepingCapacity: true)
        unresolved = slots.count
    }

    /// A string or number begins; its bytes are appended until ``end(_:_:)``.
    mutating func begin(_ field: Int) {
        slots[field].start = bytes.count
    }

    mutating func append(_ byte: UInt8, to field: Int) {
        guard bytes.count - slots[field].start <= longest else { return }
        bytes.append(byte)
    }

    mutating func append(_ piece: UnsafeRawBufferPointer, to field: Int) {
        let room = longest + 1 - (bytes.count - slots[field].start)
        guard room > 0 else { return }
        bytes.append(contentsOf: piece.prefix(room))
    }

    mutating func end(_ field: Int, _ kind: Kind) {
        let isTooLong = bytes.count - slots[field].start > longest
        if isTooLong { bytes.removeLast(bytes.count - slots[field].start) }
        slots[field].end = bytes.count
        resolve(field, isTooLong ? .tooLong : kind)
    }

    mutating func resolve(_ field: Int, _ kind: Kind) {
        guard slots[field].kind == .pending else { return }
        slots[field].kind = kind
        unresolved -= 1
    }

    /// What these fields have not got by now they will not get.
    mutating func close(_ fields: [Int]) {
        for field in fields where slots[field].kind == .pending { resolve(field, .absent) }
    }

    mutating func markDuplicate(_ fields: [Int]) {
        for field in fields { slots[field].isDuplicate = true }
    }
}

/// How far a scan is.
public enum ScanProgress: Equatable, Sendable {
    /// The body goes on.
    case incomplete
    /// The body, as far as it counts, was read whole and is what it should be.
    case complete
    /// The body is not what it should be; what was found does not count.
    case invalid(ScanProblem)
}

/// Where a body is not what it should be.
public struct ScanProblem: Error, Equatable, Sendable, CustomStringConvertible {
    /// What is wrong there.
    public enum Reason: String, Sendable {
        case unexpectedByte = "unexpected byte"
        case unexpectedEnd = "unexpected end"
        case invalidEscape = "invalid escape"
        case loneSurrogate = "half a surrogate pair"
        case invalidUTF8 = "invalid UTF-8"
        case controlCharacter = "control character in a string"
        case invalidNumber = "invalid number"
        case tooDeep = "nested too deep"
        case compressedMessage = "compressed message"
        case messageTooLong = "field longer than its message"
        case invalidTag = "invalid field tag"
        case invalidVarint = "invalid varint"
    }

    /// What is wrong.
    public let reason: Reason
    /// Bytes of the body before the place.
    public let offset: Int

    public var description: String { "\(reason.rawValue) at byte \(offset)" }
}
