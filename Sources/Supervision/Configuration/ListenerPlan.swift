import Bytes
import DataPlane
import Glibc
import ProxyModel
import Reactor
import SwiftProtobuf

/// One socket that a listener wants.
struct ListenerBinding: Hashable, Sendable {
    let listener: String
    let address: SocketAddress
    var backlog: Int32 = 4096
    var reusesPort = false
    var isDualStack = false
    var freebind = false
    var transparent = false
    var options: [SocketOption] = []
    var mode: UInt32?

    /// What the socket is known by when a new configuration, or a new program, wants it again.
    var key: String { "\(listener)\n\(address)" }

    /// Whether a socket of the one binding serves the other: all but the backlog is decided when a socket is made.
    func isSameSocket(as other: ListenerBinding) -> Bool {
        var same = other
        same.backlog = backlog
        return self == same
    }
}

/// The sockets that a listener wants.
enum ListenerPlan {
    static func bindings(_ listener: Envoy_Config_Listener_V3_Listener, name: String) throws(ConfigProblem) -> [ListenerBinding] {
        guard !listener.hasBindToPort || listener.bindToPort.value else { return [] }
        let options = listener.socketOptions.map(option)
        var result = [try binding(name, listener, listener.address, options)]
        for (index, additional) in listener.additionalAddresses.enumerated() {
            // Options of an address take the place of the listener's, even when there are none.
            let own = additional.hasSocketOptions ? additional.socketOptions.socketOptions.map(option) : options
            do throws(ConfigProblem) {
                result.append(try binding(name, listener, additional.address, own))
            } catch {
                throw error.within("additional_addresses[\(index)]")
            }
        }
        return result
    }

    private static func binding(
        _ name: String, _ listener: Envoy_Config_Listener_V3_Listener, _ message: Envoy_Config_Core_V3_Address,
        _ options: [SocketOption]
    ) throws(ConfigProblem) -> ListenerBinding {
        let address: SocketAddress
        switch Address.compile(message) {
        case .success(let compiled): address = compiled
        case .failure(let problem): throw problem.within("address")
        }
        var binding = ListenerBinding(listener: name, address: address)
        if listener.hasTcpBacklogSize { binding.backlog = Int32(clamping: listener.tcpBacklogSize.value) }
        binding.isDualStack = message.socketAddress.ipv4Compat
        binding.freebind = listener.freebind.value
        binding.transparent = listener.transparent.value
        // Workers share one socket, so that it is for other programs alone that a port can be opened twice.
        binding.reusesPort = listener.enableReusePort.value
        binding.options = options
        if message.pipe.mode != 0 { binding.mode = message.pipe.mode }
        return binding
    }

    static func option(_ message: Envoy_Config_Core_V3_SocketOption) -> SocketOption {
        let state: SocketOption.State =
            switch message.state {
            case .stateBound: .bound
            case .stateListening: .listening
            default: .prebind
            }
        let (level, name) = (Int32(clamping: message.level), Int32(clamping: message.name))
        switch message.value {
        case .bufValue(let bytes): return SocketOption(level: level, name: name, value: Array(bytes), state: state)
        case .intValue(let number):
            return SocketOption(level: level, name: name, value: Int32(truncatingIfNeeded: number), state: state)
        case nil: return SocketOption(level: level, name: name, value: 0, state: state)
        }
    }
}

/// The listening sockets of the proxy. They belong to the supervisor: a worker that dies loses no connection that waits.
@WorkerActor final class ListenerSockets {
    /// A socket that listens.
    struct Bound {
        let binding: ListenerBinding
        let descriptor: Int32
        /// Where it really listens, with the port that port 0 became.
        let address: SocketAddress
    }

    private(set) var bound: [Bound] = []
    /// Whether what was prepared last failed because somebody else has the address.
    private(set) var lacksAddress = false
    /// Sockets that another process handed over, by key, and that no configuration has asked for yet.
    private var inherited: [String: Int32] = [:]

    /// What another form of one listener needs: sockets that are there and sockets that were made for it.
    struct Change {
        let listener: String
        fileprivate(set) var kept: [Bound] = []
        fileprivate(set) var added: [Bound] = []

        /// Everything that the listener listens at, for workers; nil when they have it already.
        fileprivate(set) var descriptors: [Int32]?
    }

    /// Takes a descriptor over from another process.
    func inherit(_ key: String, _ descriptor: Int32) {
        if let old = inherited.updateValue(descriptor, forKey: key) { Glibc.close(old) }
    }

    /// Closes what was taken over and no listener asked for.
    func dropInherited() {
        for descriptor in inherited.values { Glibc.close(descriptor) }
        inherited = [:]
    }

    /// Binds what is new of a listener. Nothing is closed before ``commit(_:)``; ``discard(_:)`` takes it back.
    /// - Parameter leaving: listeners that go away at the same time, whose addresses are free for others.
    func prepare(_ listener: String, _ bindings: [ListenerBinding], leaving: Set<String>) throws(ConfigRefusal) -> Change {
        lacksAddress = false
        var change = Change(listener: listener)
        var rest = bound.filter { $0.binding.listener == listener }
        let had = rest.count
        for binding in bindings {
            if let index = rest.firstIndex(where: { $0.binding.key == binding.key }) {
                let kept = rest.remove(at: index)
                guard binding.isSameSocket(as: kept.binding) else {
                    discard(change)
                    throw ConfigRefusal(
                        description: "listener \(listener): the options of the socket at \(binding.address) cannot change "
                            + "while it listens; remove the listener first, or start the proxy anew")
                }
                change.kept.append(Bound(binding: binding, descriptor: kept.descriptor, address: kept.address))
                continue
            }
            do throws(SystemError) {
                change.added.append(try open(binding, leaving: leaving))
            } catch {
                discard(change)
                lacksAddress = error.code == EADDRINUSE
                throw ConfigRefusal(description: "listener \(listener): cannot listen at \(binding.address): \(error)")
            }
        }
        if !change.added.isEmpty || change.kept.count != had {
            change.descriptors = (change.kept + change.added).map(\.descriptor)
        }
        return change
    }

    func commit(_ change: Change) {
        let kept = Set(change.kept.map(\.descriptor))
        let gone = bound.filter { $0.binding.listener == change.listener && !kept.contains($0.descriptor) }
        bound.removeAll { $0.binding.listener == change.listener && !kept.contains($0.descriptor) }
        for socket in change.kept {
            guard let index = bound.firstIndex(where: { $0.descriptor == socket.descriptor }) else { continue }
            bound[index] = socket
            useBacklog(socket)
        }
        bound += change.added
        for socket in gone { close(socket) }
    }

    /// A socket that stays takes another backlog; the kernel refuses that of no listening socket.
    private func useBacklog(_ socket: Bound) {
        try? Socket.setBacklog(socket.descriptor, socket.binding.backlog)
    }

    func discard(_ change: Change) {
        for socket in change.added { close(socket) }
    }

    /// The listener is gone.
    func remove(_ listener: String) { commit(Change(listener: listener)) }

    /// All sockets of each listener.
    var byListener: [String: [Int32]] {
        var result: [String: [Int32]] = [:]
        for socket in bound { result[socket.binding.listener, default: []].append(socket.descriptor) }
        return result
    }

    /// Stops listening; workers hold the sockets as long as they drain.
    func closeAll(keepsPaths: Bool) {
        let all = bound
        bound = []
        for socket in all { keepsPaths ? forget(socket) : close(socket) }
    }

    private func open(_ binding: ListenerBinding, leaving: Set<String>) throws(SystemError) -> Bound {
        // A listener under another name takes the socket over from one that goes.
        if binding.address.port != 0,
            let other = bound.first(where: { leaving.contains($0.binding.listener) && $0.binding.address == binding.address })
        {
            let descriptor = try Socket.duplicate(other.descriptor)
            try Socket.apply(Self.options(binding), to: descriptor.raw, binding.address)
            return Bound(binding: binding, descriptor: descriptor.release(), address: other.address)
        }
        if let descriptor = inherited.removeValue(forKey: binding.key).map({ Descriptor($0) }) {
            try Socket.apply(Self.options(binding), to: descriptor.raw, binding.address)
            let address = Socket.localAddress(descriptor.raw) ?? binding.address
            return Bound(binding: binding, descriptor: descriptor.release(), address: address)
        }
        if let path = binding.address.unixPath { removeStale(path) }
        let descriptor = try Socket.listen(binding.address, Self.options(binding))
        let address = Socket.localAddress(descriptor.raw) ?? binding.address
        return Bound(
            binding: binding, descriptor: descriptor.release(), address: binding.address.unixPath == nil ? address : binding.address)
    }

    private static func options(_ binding: ListenerBinding) -> Socket.ListenOptions {
        var options = Socket.ListenOptions()
        options.backlog = binding.backlog
        options.reusePort = binding.reusesPort
        options.dualStack = binding.isDualStack
        options.freebind = binding.freebind
        options.transparent = binding.transparent
        options.options = binding.options
        options.mode = binding.mode
        return options
    }

    /// Removes a unix socket's file that nobody listens at any longer.
    private func removeStale(_ path: String) {
        var status = stat()
        guard !path.hasPrefix("@"), lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFSOCK else { return }
        do throws(SystemError) {
            _ = try Socket.connect(to: SocketAddress(unixPath: path))
        } catch {
            if error.code == ECONNREFUSED { unlink(path) }
        }
    }

    private func forget(_ socket: Bound) { Glibc.close(socket.descriptor) }

    private func close(_ socket: Bound) {
        let isShared = bound.contains { $0.binding.address == socket.binding.address && $0.descriptor != socket.descriptor }
        if let path = socket.binding.address.unixPath, !path.hasPrefix("@"), !isShared { unlink(path) }
        Glibc.close(socket.descriptor)
    }
}
