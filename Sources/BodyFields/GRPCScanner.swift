import Bytes

/// The fields that scans of gRPC bodies look for; made once, shared by all scans.
public final class GRPCFields: Sendable {
    let tree: FieldTree<Int>
    /// How many fields a scan has values for.
    public let count: Int
    /// Bytes that a value may have.
    public let longestValue: Int

    /// - Parameter paths: one a field; no two may be the same.
    public init(_ paths: [GRPCFieldPath], longestValue: Int) throws(FieldPathError) {
        for outer in paths {
            if let inner = paths.first(where: { $0 != outer && $0.numbers.starts(with: outer.numbers) }) {
                throw .messageAndValue(outer.text, inner.text)
            }
        }
        tree = FieldTree(paths.map(\.numbers))
        count = paths.count
        self.longestValue = longestValue
    }
}

/// Reads the first message of a gRPC body as it comes, without a descriptor, and keeps the values of a few fields.
///
/// ```
/// flag ► length ► tag ─► varint · fixed · size ─► text · skip · (into a message) ─► tag … complete
/// ```
///
/// A varint or fixed number is given as an unsigned decimal; a field of bytes as its bytes. What a field means (a sign,
/// a float, a zigzag) only its descriptor knows. A field with the default value is not on the wire in proto3 and is
/// absent. Of a field that is there twice, protobuf takes the last or merges both; that is reported as a duplicate.
/// Messages that are compressed are refused, as are groups, which proto3 does not have.
public struct GRPCScanner: Sendable {
    private enum State: UInt8 { case flag, length, tag, varint, fixed, size, bytes, complete, failed }

    private struct Frame {
        let node: Int
        /// Offset in the message at which this part of it ends.
        let end: Int
    }

    private let fields: GRPCFields
    /// What was found so far.
    public private(set) var values: FieldValues

    private var state = State.flag
    private var frames: [Frame] = []
    private var node = -1
    private var seen: [Bool]
    /// Bytes of the message that were read.
    private var position = 0
    private var number: UInt64 = 0
    private var shift = 0
    /// Bytes of the present length, fixed number or piece of bytes that must still come.
    private var left = 0
    private var offset = 0
    private var problem: ScanProblem?

    /// A scan of one body.
    public init(_ fields: GRPCFields) {
        self.fields = fields
        values = FieldValues(count: fields.count, longest: fields.longestValue)
        seen = Array(repeating: false, count: fields.tree.nodes.count)
    }

    /// Back to the start, for another body; memory is kept.
    public mutating func reset() {
        values.reset()
        state = .flag
        frames.removeAll(keepingCapacity: true)
        for index in seen.indices { seen[index] = false }
        position = 0
        number = 0
        shift = 0
        left = 0
        offset = 0
        problem = nil
    }

    /// Whether nothing that may still come can bring another value.
    public var isDecided: Bool { values.unresolved == 0 }

    /// Takes the next bytes of the body.
    /// - Returns: `.complete` as soon as the first message is there; what follows is not looked at.
    public mutating func feed(_ bytes: UnsafeRawBufferPointer) -> ScanProgress {
        var index = 0
        while index < bytes.count, state != .complete, problem == nil {
            if state == .bytes {
                index = takeBytes(bytes, from: index)
            } else {
                step(bytes[index], index)
                index += 1
            }
        }
        offset += bytes.count
        return progress
    }

    /// The body has ended. One without any message has no values and is no mistake.
    public mutating func finish() -> ScanProgress {
        if state == .flag {
            values.close(fields.tree.nodes[0].fields)
            state = .complete
        }
        if problem == nil, state != .complete { fail(.unexpectedEnd, 0) }
        return progress
    }

    private var progress: ScanProgress {
        if let problem { return .invalid(problem) }
        return state == .complete ? .complete : .incomplete
    }

    private mutating func fail(_ reason: ScanProblem.Reason, _ index: Int) {
        state = .failed
        problem = ScanProblem(reason: reason, offset: offset + index)
    }

    // MARK: Byte by byte

    private mutating func step(_ byte: UInt8, _ index: Int) {
        switch state {
        case .flag:
            guard byte == 0 else { return fail(byte == 1 ? .compressedMessage : .unexpectedByte, index) }
            state = .length
            left = 4
        case .length:
            number = number << 8 | UInt64(byte)
            left -= 1
            if left == 0 { beginMessage() }
        case .tag, .varint, .size: varint(byte, index)
        case .fixed:
            position += 1
            number |= UInt64(byte) << UInt64(shift)
            shift += 8
            left -= 1
            if left == 0 { endNumber(index) }
        case .bytes, .complete, .failed: break
        }
    }

    private mutating func beginMessage() {
        frames.append(Frame(node: 0, end: Int(number)))
        endItem(0)
    }

    private mutating func varint(_ byte: UInt8, _ index: Int) {
        position += 1
        // The tenth byte holds the 64th bit alone.
        guard shift < 63 || byte <= 1 else { return fail(.invalidVarint, index) }
        number |= UInt64(byte & 0x7F) << UInt64(shift)
        shift += 7
        guard byte & 0x80 == 0 else {
            if position >= frames[frames.count - 1].end { fail(.messageTooLong, index) }
            return
        }
        switch state {
        case .tag: endTag(index)
        case .varint: endNumber(index)
        default: endSize(index)
        }
    }

    private mutating func endTag(_ index: Int) {
        let (field, type) = (number >> 3, number & 7)
        guard field >= 1, field < 1 << 29 else { return fail(.invalidTag, index) }
        let parent = frames[frames.count - 1].node
        node = fields.tree.nodes[parent].children.first { $0.step == Int(field) }?.node ?? -1
        if node >= 0 {
            if seen[node] {
                values.markDuplicate(fields.tree.nodes[node].fields)
                node = -1
            } else {
                seen[node] = true
            }
        }
        number = 0
        shift = 0
        switch type {
        case 0: state = .varint
        case 1: fixed(8, index)
        case 2: state = .size
        case 5: fixed(4, index)
        default: return fail(.invalidTag, index)
        }
        if state != .failed, position >= frames[frames.count - 1].end { fail(.messageTooLong, index) }
    }

    private mutating func fixed(_ count: Int, _ index: Int) {
        guard count <= frames[frames.count - 1].end - position else { return fail(.messageTooLong, index) }
        state = .fixed
        left = count
    }

    private mutating func endNumber(_ index: Int) {
        if node >= 0, let field = fields.tree.nodes[node].field {
            values.begin(field)
            for byte in String(number).utf8 { values.append(byte, to: field) }
            values.end(field, .number)
        } else if node >= 0 {
            // A number where a message should be.
            values.close(fields.tree.nodes[node].fields)
        }
        endItem(index)
    }

    private mutating func endSize(_ index: Int) {
        guard number <= UInt64(frames[frames.count - 1].end - position) else { return fail(.messageTooLong, index) }
        left = Int(number)
        if node >= 0, fields.tree.nodes[node].field == nil {
            frames.append(Frame(node: node, end: position + left))
            endItem(index)
            return
        }
        if node >= 0, let field = fields.tree.nodes[node].field { values.begin(field) }
        state = .bytes
        if left == 0 { endBytes() }
    }

    private mutating func takeBytes(_ bytes: UnsafeRawBufferPointer, from start: Int) -> Int {
        let size = min(left, bytes.count - start)
        if node >= 0, let field = fields.tree.nodes[node].field {
            values.append(UnsafeRawBufferPointer(rebasing: bytes[start..<start + size]), to: field)
        }
        left -= size
        position += size
        if left == 0 { endBytes() }
        return start + size
    }

    private mutating func endBytes() {
        if node >= 0, let field = fields.tree.nodes[node].field { values.end(field, .string) }
        endItem(0)
    }

    /// Something is over: so are the messages that end here.
    private mutating func endItem(_ index: Int) {
        number = 0
        shift = 0
        state = .tag
        while let frame = frames.last, frame.end <= position {
            values.close(fields.tree.nodes[frame.node].fields)
            frames.removeLast()
        }
        if frames.isEmpty { state = .complete }
    }
}
