import Bytes

/// The names that scans of form bodies look for; made once, shared by all scans.
public final class FormFields: Sendable {
    let names: [[UInt8]]
    let longestName: Int
    /// Bytes that a value may have.
    public let longestValue: Int

    /// - Parameter names: one a field, decoded; no two may be the same.
    public init(_ names: [String], longestValue: Int) throws(FieldPathError) {
        guard !names.contains("") else { throw .emptyName }
        self.names = names.map { Array($0.utf8) }
        longestName = self.names.map(\.count).max() ?? 0
        self.longestValue = longestValue
    }

    /// How many fields a scan has values for.
    public var count: Int { names.count }
}

/// Reads an `application/x-www-form-urlencoded` body as it comes and keeps the values of a few fields.
///
/// A percent sign that begins no escape is refused: what readers make of it differs.
public struct FormScanner: Sendable {
    private enum State: UInt8 { case name, value, failed }

    private let fields: FormFields
    /// What was found so far.
    public private(set) var values: FieldValues

    private var state = State.name
    private var nameBytes: [UInt8] = []
    private var seen: [Bool]
    private var captured = -1
    /// Digits of an escape that must still come, and what the first of them was.
    private var digitsLeft = 0
    private var highDigit: UInt8 = 0
    private var offset = 0
    private var problem: ScanProblem?

    /// A scan of one body.
    public init(_ fields: FormFields) {
        self.fields = fields
        values = FieldValues(count: fields.count, longest: fields.longestValue)
        seen = Array(repeating: false, count: fields.count)
    }

    /// Back to the start, for another body; memory is kept.
    public mutating func reset() {
        values.reset()
        state = .name
        nameBytes.removeAll(keepingCapacity: true)
        for index in seen.indices { seen[index] = false }
        captured = -1
        digitsLeft = 0
        offset = 0
        problem = nil
    }

    /// Whether nothing that may still come can bring another value.
    public var isDecided: Bool { values.unresolved == 0 }

    /// Takes the next bytes of the body.
    public mutating func feed(_ bytes: UnsafeRawBufferPointer) -> ScanProgress {
        for (index, byte) in bytes.enumerated() {
            guard problem == nil else { break }
            take(byte, index)
        }
        offset += bytes.count
        if let problem { return .invalid(problem) }
        return .incomplete
    }

    /// The body has ended.
    public mutating func finish() -> ScanProgress {
        if problem == nil, digitsLeft > 0 { fail(.unexpectedEnd, 0) }
        if let problem { return .invalid(problem) }
        endField()
        for field in 0..<values.count { values.close([field]) }
        return .complete
    }

    private mutating func fail(_ reason: ScanProblem.Reason, _ index: Int) {
        state = .failed
        problem = ScanProblem(reason: reason, offset: offset + index)
    }

    private mutating func take(_ byte: UInt8, _ index: Int) {
        if digitsLeft > 0 {
            guard let digit = ASCII.hexadecimal(byte) else { return fail(.invalidEscape, index) }
            digitsLeft -= 1
            if digitsLeft == 1 { highDigit = digit } else { emit(highDigit << 4 | digit) }
            return
        }
        switch byte {
        case UInt8(ascii: "&"): endField()
        case UInt8(ascii: "=") where state == .name: endName()
        case UInt8(ascii: "%"): digitsLeft = 2
        case UInt8(ascii: "+"): emit(0x20)
        default: emit(byte)
        }
    }

    private mutating func emit(_ byte: UInt8) {
        if state == .name {
            if nameBytes.count <= fields.longestName { nameBytes.append(byte) }
        } else if captured >= 0 {
            values.append(byte, to: captured)
        }
    }

    private mutating func endName() {
        state = .value
        guard let field = fields.names.firstIndex(of: nameBytes) else { return }
        if seen[field] {
            values.markDuplicate([field])
        } else {
            seen[field] = true
            captured = field
            values.begin(field)
        }
    }

    private mutating func endField() {
        // A name without "=" has an empty value.
        if state == .name { endName() }
        if captured >= 0 { values.end(captured, .string) }
        captured = -1
        nameBytes.removeAll(keepingCapacity: true)
        state = .name
    }
}
