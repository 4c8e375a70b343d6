import Bytes
import DataPlane
import SecureTransport
import TrafficPolicy

/// What the supervisor says to a worker. Descriptors travel beside the bytes.
enum WorkerOrder: Equatable, Sendable {
    /// The first message. Descriptors: board, limits, log levels, statistics, inbox.
    case hello(WorkerIdentity)
    /// Where connections for another worker go. Descriptor: the sending end of its inbox.
    case peer(Int)
    /// What session tickets are sealed with from now on, and opened with.
    case ticketKeys([TicketKey])
    /// Compile resources. Descriptor: the memory file of a ``ResourcePackage``.
    case prepare(generation: UInt64)
    /// Listening sockets for a listener that comes into force with the next commit. Descriptors: the sockets.
    case sockets(listener: String)
    /// Addresses of a cluster; those of a cluster that is only prepared hold from its commit on.
    case endpoints(cluster: String, [Endpoint])
    /// Put prepared resources in force. The last of the orders that belong together asks for a report.
    case commit(generation: UInt64, NumberRanges, isLast: Bool)
    /// Forget prepared resources.
    case forget(NumberRanges)
    /// Take no new connections, end when those that are open have ended or after so many milliseconds.
    case drain(milliseconds: Int)
    /// Take no new connections and go on; nil: of no listener.
    case stopAccepting(listeners: [String]?)
    case reopenLogs
    /// Whether health checks are answered with failure, so that connections should go elsewhere.
    case health(fails: Bool)
    /// Candidates of Lua filters that get no requests any longer: all of them, by key.
    case rolledBack([String])

    private enum Tag: UInt8 {
        case hello, peer, prepare, sockets, endpoints, commit, forget, drain, stopAccepting, reopenLogs
        case ticketKeys, stopAcceptingSome, health, rolledBack
    }

    var encoded: [UInt8] {
        var frame = FrameWriter()
        func begin(_ tag: Tag) { frame.put(tag.rawValue) }
        switch self {
        case .hello(let identity):
            begin(.hello)
            identity.encode(&frame)
        case .peer(let index):
            begin(.peer)
            frame.put(index)
        case .prepare(let generation):
            begin(.prepare)
            frame.put(generation)
        case .sockets(let listener):
            begin(.sockets)
            frame.put(listener)
        case .endpoints(let cluster, let endpoints):
            begin(.endpoints)
            frame.put(cluster)
            EndpointFrames.encode(endpoints, &frame)
        case .commit(let generation, let numbers, let isLast):
            begin(.commit)
            frame.put(generation)
            frame.put(isLast ? 1 as UInt8 : 0)
            numbers.encode(&frame)
        case .forget(let numbers):
            begin(.forget)
            numbers.encode(&frame)
        case .drain(let milliseconds):
            begin(.drain)
            frame.put(milliseconds)
        case .ticketKeys(let keys):
            begin(.ticketKeys)
            frame.put(keys.count)
            for key in keys { frame.put(key) }
        case .stopAccepting(nil): begin(.stopAccepting)
        case .stopAccepting(let listeners?):
            begin(.stopAcceptingSome)
            frame.put(listeners.count)
            for listener in listeners { frame.put(listener) }
        case .reopenLogs: begin(.reopenLogs)
        case .health(let fails):
            begin(.health)
            frame.put(fails ? 1 as UInt8 : 0)
        case .rolledBack(let keys):
            begin(.rolledBack)
            frame.put(keys.count)
            for key in keys { frame.put(key) }
        }
        return frame.bytes
    }

    init(decoding bytes: [UInt8]) throws(FrameError) {
        var frame = FrameReader(bytes)
        guard let tag = Tag(rawValue: try frame.byte()) else { throw FrameError(offset: 0) }
        switch tag {
        case .hello: self = .hello(try WorkerIdentity(&frame))
        case .peer: self = .peer(try frame.int())
        case .prepare: self = .prepare(generation: try frame.number())
        case .sockets: self = .sockets(listener: try frame.text())
        case .endpoints:
            let cluster = try frame.text()
            self = .endpoints(cluster: cluster, try EndpointFrames.decode(&frame))
        case .commit:
            let generation = try frame.number()
            let isLast = try frame.byte() != 0
            self = .commit(generation: generation, try NumberRanges(&frame), isLast: isLast)
        case .forget: self = .forget(try NumberRanges(&frame))
        case .drain: self = .drain(milliseconds: try frame.int())
        case .ticketKeys:
            let count = try frame.int()
            guard count > 0, count <= TicketKeyring.maximumKeys else { throw FrameError(offset: frame.offset) }
            var keys: [TicketKey] = []
            for _ in 0..<count { keys.append(try frame.ticketKey()) }
            self = .ticketKeys(keys)
        case .stopAccepting: self = .stopAccepting(listeners: nil)
        case .stopAcceptingSome:
            let count = try frame.int()
            guard count >= 0, count <= bytes.count else { throw FrameError(offset: frame.offset) }
            var listeners: [String] = []
            for _ in 0..<count { listeners.append(try frame.text()) }
            self = .stopAccepting(listeners: listeners)
        case .reopenLogs: self = .reopenLogs
        case .health: self = .health(fails: try frame.byte() != 0)
        case .rolledBack:
            let count = try frame.int()
            guard count >= 0, count <= RolledBack.maximumKeys else { throw FrameError(offset: frame.offset) }
            var keys: [String] = []
            for _ in 0..<count { keys.append(try frame.text()) }
            self = .rolledBack(keys)
        }
        guard frame.isAtEnd else { throw FrameError(offset: frame.offset) }
    }
}

/// Numbers of resources, as ranges: those of one batch mostly follow each other.
struct NumberRanges: Equatable, Sendable {
    /// Ranges in one message, so that it keeps within ``MessageChannel/maximumMessage``.
    static let maximumRanges = 3000

    private(set) var ranges: [ClosedRange<UInt32>] = []

    init(_ numbers: some Sequence<UInt32>) {
        for number in numbers.sorted() {
            if let last = ranges.last, number &- last.upperBound <= 1 {
                ranges[ranges.count - 1] = last.lowerBound...number
            } else {
                ranges.append(number...number)
            }
        }
    }

    private init(ranges: [ClosedRange<UInt32>]) { self.ranges = ranges }

    /// The same numbers in pieces that fit into a message; at least one.
    var pieces: [NumberRanges] {
        guard ranges.count > Self.maximumRanges else { return [self] }
        return stride(from: 0, to: ranges.count, by: Self.maximumRanges).map {
            NumberRanges(ranges: Array(ranges[$0..<min($0 + Self.maximumRanges, ranges.count)]))
        }
    }

    var numbers: some Sequence<UInt32> { ranges.joined() }

    func encode(_ frame: inout FrameWriter) {
        frame.put(ranges.count)
        for range in ranges {
            frame.put(UInt64(range.lowerBound))
            frame.put(UInt64(range.upperBound))
        }
    }

    init(_ frame: inout FrameReader) throws(FrameError) {
        let count = try frame.int()
        guard count >= 0, count <= Self.maximumRanges else { throw FrameError(offset: frame.offset) }
        for _ in 0..<count {
            let lower = UInt32(truncatingIfNeeded: try frame.number())
            let upper = UInt32(truncatingIfNeeded: try frame.number())
            guard lower <= upper else { throw FrameError(offset: frame.offset) }
            ranges.append(lower...upper)
        }
    }
}

/// Who a worker is; what its first message tells it.
struct WorkerIdentity: Equatable, Sendable {
    var index: Int
    var concurrency: Int
    /// Counts the processes that had this index.
    var incarnation: UInt64
    /// Groups of counters in the limit region.
    var limitGroups: Int
    var logsJSON: Bool
    /// How long connections of a filter chain that is gone may stay idle.
    var drainSeconds: Int

    init(index: Int, concurrency: Int, incarnation: UInt64, limitGroups: Int, logsJSON: Bool, drainSeconds: Int) {
        self.index = index
        self.concurrency = concurrency
        self.incarnation = incarnation
        self.limitGroups = limitGroups
        self.logsJSON = logsJSON
        self.drainSeconds = drainSeconds
    }

    func encode(_ frame: inout FrameWriter) {
        frame.put(index)
        frame.put(concurrency)
        frame.put(incarnation)
        frame.put(limitGroups)
        frame.put(logsJSON ? 1 as UInt8 : 0)
        frame.put(drainSeconds)
    }

    init(_ frame: inout FrameReader) throws(FrameError) {
        index = try frame.int()
        concurrency = try frame.int()
        incarnation = try frame.number()
        limitGroups = try frame.int()
        logsJSON = try frame.byte() != 0
        drainSeconds = try frame.int()
        guard drainSeconds >= 0, concurrency > 0, concurrency <= CommandLineFlag.maximumConcurrency, index >= 0, index < concurrency, limitGroups > 0
        else { throw FrameError(offset: frame.offset) }
    }
}
