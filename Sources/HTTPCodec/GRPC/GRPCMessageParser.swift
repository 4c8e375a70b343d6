public import Bytes

/// How a peer broke the framing of gRPC messages.
public enum GRPCError: UInt8, Error, Equatable, Sendable {
    /// Longer than the receiver allows.
    case messageTooLarge
    /// The first byte is neither 0 nor 1.
    case invalidFlag
    /// A compressed message where no encoding was agreed on.
    case unexpectedCompression
    /// The stream ended within a message.
    case incomplete

    /// The code to end the call with.
    public var status: GRPCStatus {
        switch self {
        case .messageTooLarge: .resourceExhausted
        case .invalidFlag, .unexpectedCompression, .incomplete: .internal
        }
    }
}

/// Takes gRPC's length-prefixed messages apart, without collecting them.
public struct GRPCMessageParser: Equatable, Sendable {
    /// What the next bytes mean.
    public enum Event: Equatable, Sendable {
        case needMore
        /// A message of this many bytes begins.
        case message(length: Int, isCompressed: Bool)
        /// A piece of it: `count` bytes at `offset` of the input.
        case data(offset: Int, count: Int)
        /// It is complete.
        case end
        case failed(GRPCError)
    }

    /// An event and how many bytes of the input it took.
    public struct Step: Equatable, Sendable {
        public var event: Event
        public var consumed: Int
    }

    private enum State: Equatable {
        /// Within the five bytes before a message. Next: message.
        case prefix(read: Int, flag: UInt8, length: UInt32)
        /// Within a message. Next: prefix.
        case message(remaining: Int)
        case failed(GRPCError)
    }

    /// Bytes before each message: a flag and a length.
    public static let prefixLength = 5

    private let maximumMessageBytes: Int
    private let allowsCompression: Bool
    private var state = State.prefix(read: 0, flag: 0, length: 0)

    /// - Parameters:
    ///   - maximumMessageBytes: longest message that is taken; gRPC's own default is 4 MiB.
    ///   - allowsCompression: whether an encoding was agreed on by `grpc-encoding`.
    public init(maximumMessageBytes: Int = 4 << 20, allowsCompression: Bool = false) {
        self.maximumMessageBytes = maximumMessageBytes
        self.allowsCompression = allowsCompression
    }

    /// Whether no message has begun that is not complete.
    public var isIdle: Bool { state == .prefix(read: 0, flag: 0, length: 0) }

    /// Reads on; call again, with the rest, until it says ``Event/needMore``.
    public mutating func next(_ input: UnsafeRawBufferPointer) -> Step {
        switch state {
        case .failed(let error): return Step(event: .failed(error), consumed: 0)
        case .message(0):
            state = .prefix(read: 0, flag: 0, length: 0)
            return Step(event: .end, consumed: 0)
        case .message(let remaining):
            guard !input.isEmpty else { return Step(event: .needMore, consumed: 0) }
            let size = min(remaining, input.count)
            state = .message(remaining: remaining - size)
            return Step(event: .data(offset: 0, count: size), consumed: size)
        case .prefix(var read, var flag, var length):
            var index = 0
            while index < input.count, read < Self.prefixLength {
                if read == 0 { flag = input[index] } else { length = length << 8 | UInt32(input[index]) }
                read += 1
                index += 1
            }
            if read > 0, flag > 1 { return fail(.invalidFlag) }
            if read > 0, flag == 1, !allowsCompression { return fail(.unexpectedCompression) }
            guard read == Self.prefixLength else {
                state = .prefix(read: read, flag: flag, length: length)
                return Step(event: .needMore, consumed: index)
            }
            guard Int(length) <= maximumMessageBytes else { return fail(.messageTooLarge) }
            state = .message(remaining: Int(length))
            return Step(event: .message(length: Int(length), isCompressed: flag == 1), consumed: index)
        }
    }

    /// The stream ended.
    /// - Returns: what was wrong with that, nil when nothing was.
    public mutating func endOfInput() -> GRPCError? {
        switch state {
        case .prefix(read: 0, _, _), .message(remaining: 0): return nil
        case .failed(let error): return error
        case .prefix, .message:
            state = .failed(.incomplete)
            return .incomplete
        }
    }

    private mutating func fail(_ error: GRPCError) -> Step {
        state = .failed(error)
        return Step(event: .failed(error), consumed: 0)
    }
}

/// Gathers whole gRPC messages from the pieces of a stream; one that lies in one piece is not copied.
public struct GRPCMessageReader: ~Copyable {
    private var parser: GRPCMessageParser
    private var partial = ByteWriter(capacity: 64)

    /// - Parameter maximumMessageBytes: a longer message fails; 4 MiB as in gRPC's own libraries.
    public init(maximumMessageBytes: Int = 4 << 20) {
        parser = GRPCMessageParser(maximumMessageBytes: maximumMessageBytes)
    }

    /// Takes the next piece and calls `body` with each message that it completes, valid during the call.
    public mutating func read(_ input: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer) -> Void)
        throws(GRPCError)
    {
        var rest = input
        var expected = 0
        while true {
            let step = parser.next(rest)
            switch step.event {
            case .needMore: return
            case .message(let length, _):
                expected = length
                partial.reset()
            case .data(let offset, let count):
                if count == expected, partial.isEmpty {
                    _ = parser.next(.empty)
                    body(rest.slice(offset, offset + count))
                    rest = rest.slice(step.consumed, rest.count)
                    continue
                }
                partial.append(rest.slice(offset, offset + count))
            case .end:
                body(partial.bytes)
                partial.reset()
            case .failed(let error): throw error
            }
            rest = rest.slice(step.consumed, rest.count)
        }
    }

    /// The stream ended.
    public mutating func endOfInput() throws(GRPCError) {
        if let error = parser.endOfInput() { throw error }
    }

    /// Appends the prefix of a message that is not compressed.
    public static func writePrefix(messageLength: Int, to writer: inout ByteWriter) {
        precondition(messageLength >= 0 && messageLength <= Int(UInt32.max), "a message cannot be that long")
        writer.append(UInt8(0))
        for shift in [24, 16, 8, 0] { writer.append(UInt8(truncatingIfNeeded: messageLength >> shift)) }
    }
}
