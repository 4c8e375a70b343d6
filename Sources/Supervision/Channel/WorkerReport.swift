/// What a worker says to the supervisor.
enum WorkerReport: Equatable, Sendable {
    /// One resource of this generation does not compile, and why. Comes before ``prepared(generation:)``.
    case refused(generation: UInt64, number: UInt32, reason: String)
    /// All others do.
    case prepared(generation: UInt64)
    /// What was to be put in force is.
    case committed(generation: UInt64)

    private enum Tag: UInt8 {
        case prepared, refused, committed
    }

    /// Longest reason that is sent; the rest is cut.
    static let maximumReason = 8192

    var encoded: [UInt8] {
        var frame = FrameWriter()
        switch self {
        case .prepared(let generation):
            frame.put(Tag.prepared.rawValue)
            frame.put(generation)
        case .refused(let generation, let number, let reason):
            frame.put(Tag.refused.rawValue)
            frame.put(generation)
            frame.put(UInt64(number))
            frame.put(String(decoding: reason.utf8.prefix(Self.maximumReason), as: UTF8.self))
        case .committed(let generation):
            frame.put(Tag.committed.rawValue)
            frame.put(generation)
        }
        return frame.bytes
    }

    init(decoding bytes: [UInt8]) throws(FrameError) {
        var frame = FrameReader(bytes)
        guard let tag = Tag(rawValue: try frame.byte()) else { throw FrameError(offset: 0) }
        switch tag {
        case .prepared: self = .prepared(generation: try frame.number())
        case .refused:
            let generation = try frame.number()
            let number = UInt32(truncatingIfNeeded: try frame.number())
            self = .refused(generation: generation, number: number, reason: try frame.text())
        case .committed: self = .committed(generation: try frame.number())
        }
        guard frame.isAtEnd else { throw FrameError(offset: frame.offset) }
    }
}
