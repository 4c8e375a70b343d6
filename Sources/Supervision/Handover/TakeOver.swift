import CLinux
import Glibc
import Observability
import Reactor
import SecureTransport

/// What the two programs say to each other: the old one sends its sockets, one message each, and an end mark; the new one
/// says that it serves; then the old one drains.
enum TakeOverMessage: UInt8 {
    /// New to old: give me the sockets.
    case ask
    /// Old to new, with a key and a descriptor.
    case socket
    /// Old to new: that was all.
    case done
    /// New to old: I serve.
    case serving
    /// Old to new, with the keys that session tickets are sealed with.
    case ticketKeys
    /// Old to new, when it serves, with a memory file of what ended processes have counted.
    case endedStatistics
    /// Old to new, when it serves, with the region of a process that goes on counting until it has drained.
    case supervisorStatistics, workerStatistics
}

/// The old program's side: waits at a unix socket for a new program of the same user.
@WorkerActor final class TakeOverListener: EventHandler, MessageChannelOwner {
    private let loop: EventLoop
    private let log: Log
    private let path: String
    private let listener: Descriptor
    private unowned let supervisor: Supervisor
    private var channel: MessageChannel?
    private var isOpen = true
    private var isHandedOver = false

    init(loop: EventLoop, path: String, log: Log, supervisor: Supervisor) throws(SystemError) {
        self.loop = loop
        self.path = path
        self.log = log
        self.supervisor = supervisor
        listener = try TakeOverSocket.listen(path)
        try loop.watch(listener.raw, .readable, self)
    }

    func close() {
        guard isOpen else { return }
        isOpen = false
        loop.unwatch(listener.raw)
        TakeOverSocket.shutDown(listener.raw, path)
    }

    func ready(_ readiness: Readiness) {
        guard case .connection(let descriptor, _) = Socket.accept(listener.raw) else { return }
        guard channel == nil, heddle_peer_user(descriptor.raw) == Int64(geteuid()) else {
            log.warning(.supervisor, "a take-over was refused")
            return
        }
        let channel = MessageChannel(loop: loop, socket: descriptor)
        do throws(SystemError) {
            try channel.open(owner: self)
            self.channel = channel
        } catch {
            log.error(.supervisor, "a take-over failed: \(error)")
        }
    }

    func received(_ bytes: [UInt8], _ descriptors: [Int32], on channel: MessageChannel) {
        for descriptor in descriptors { Glibc.close(descriptor) }
        switch bytes.first.flatMap(TakeOverMessage.init) {
        case .ask:
            for socket in supervisor.sockets.bound {
                channel.send([TakeOverMessage.socket.rawValue] + Array(socket.binding.key.utf8), [socket.descriptor])
            }
            if let keys = supervisor.ticketKeys?.keys {
                channel.send([TakeOverMessage.ticketKeys.rawValue] + keys.flatMap(\.bytes))
            }
            // The new program listens at the same admin address and waits at the same path.
            supervisor.makeRoom()
            channel.send([TakeOverMessage.done.rawValue])
        case .serving:
            isHandedOver = true
            // The channel stays open: its end tells the new program that this one has counted its last.
            supervisor.fleet.sendStatistics(to: channel)
            supervisor.handedOver()
        default: log.error(.supervisor, "a take-over sent what cannot be read")
        }
    }

    func closed(_ channel: MessageChannel) {
        self.channel = nil
        guard !isHandedOver else { return }
        // The new program ended before it served: this one goes on, without its admin listener until it is started anew.
        log.error(.supervisor, "a take-over was given up")
        supervisor.takeOverFailed()
    }
}

/// The new program's side.
@WorkerActor final class TakeOverClient: MessageChannelOwner {
    private static let patienceMilliseconds: Int32 = 10_000

    private let loop: EventLoop
    private let log: Log
    private let socket: Descriptor
    private var channel: MessageChannel?
    private weak var fleet: WorkerFleet?
    /// Told when the old program has ended.
    private var whenEnded: (@WorkerActor () -> Void)?
    /// What came beside the sockets.
    private(set) var ticketKeys: [TicketKey] = []

    init(loop: EventLoop, log: Log, path: String) throws(ConfigRefusal) {
        self.loop = loop
        self.log = log
        do throws(SystemError) {
            socket = try TakeOverSocket.connect(path)
        } catch {
            throw ConfigRefusal(description: "no proxy to take over from at \(path): \(error)")
        }
    }

    /// Asks for the sockets and waits for them.
    func receive() throws(ConfigRefusal) -> [(key: String, descriptor: Int32)] {
        var ask = TakeOverMessage.ask.rawValue
        guard heddle_send_descriptors(socket.raw, &ask, 1, nil, 0) == 1 else {
            throw ConfigRefusal(description: "the running proxy cannot be asked for its sockets: \(SystemError("sendmsg"))")
        }
        var result: [(key: String, descriptor: Int32)] = []
        var buffer = [UInt8](repeating: 0, count: 8192)
        var descriptors = [Int32](repeating: -1, count: Int(HEDDLE_MAX_DESCRIPTORS))
        while true {
            var poll = pollfd(fd: socket.raw, events: Int16(POLLIN), revents: 0)
            guard Glibc.poll(&poll, 1, Self.patienceMilliseconds) > 0 else {
                throw ConfigRefusal(description: "the running proxy does not hand its sockets over")
            }
            var count: Int32 = 0
            let size = heddle_receive_descriptors(socket.raw, &buffer, buffer.count, &descriptors, &count)
            guard size > 0 else { throw ConfigRefusal(description: "the running proxy ended the take-over") }
            switch TakeOverMessage(rawValue: buffer[0]) {
            case .socket where count == 1:
                result.append((String(decoding: buffer[1..<size], as: UTF8.self), descriptors[0]))
            case .ticketKeys:
                let bytes = Array(buffer[1..<size])
                ticketKeys = stride(from: 0, to: bytes.count, by: TicketKey.length).compactMap {
                    TicketKey(Array(bytes[$0..<min($0 + TicketKey.length, bytes.count)]))
                }
            case .done: return result
            default: throw ConfigRefusal(description: "the running proxy is another version")
            }
        }
    }

    /// This program serves. What the old one has counted, and counts until it ends, goes into `fleet`.
    func finish(_ fleet: WorkerFleet, whenEnded: @escaping @WorkerActor () -> Void) {
        self.fleet = fleet
        self.whenEnded = whenEnded
        do throws(SystemError) {
            let channel = MessageChannel(loop: loop, socket: try Socket.duplicate(socket.raw))
            self.channel = channel
            try channel.open(owner: self)
            channel.send([TakeOverMessage.serving.rawValue])
        } catch {
            log.error(.supervisor, "the old program cannot be told that this one serves: \(error)")
            whenEnded()
        }
    }

    func received(_ bytes: [UInt8], _ descriptors: [Int32], on channel: MessageChannel) {
        guard descriptors.count == 1, let fleet else {
            for descriptor in descriptors { Glibc.close(descriptor) }
            return
        }
        do {
            switch bytes.first.flatMap(TakeOverMessage.init) {
            case .endedStatistics:
                defer { Glibc.close(descriptors[0]) }
                fleet.inherit(try StatsSnapshot(decoding: try MemoryFile.read(descriptors[0])))
            case .supervisorStatistics: fleet.inherit(try StatsReader(mapping: descriptors[0]), isWorker: false)
            case .workerStatistics: fleet.inherit(try StatsReader(mapping: descriptors[0]), isWorker: true)
            default: Glibc.close(descriptors[0])
            }
        } catch {
            log.error(.stats, "what the old program has counted cannot be read: \(error)")
        }
    }

    func closed(_ channel: MessageChannel) {
        self.channel = nil
        whenEnded?()
        whenEnded = nil
    }
}
