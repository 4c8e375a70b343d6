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
    var mode: UInt32?

    /// What the socket is known by when a new configuration, or a new program, wants it again.
    var key: String { "\(listener)\n\(address)" }
}

/// The sockets that a listener wants.
enum ListenerPlan {
    static func bindings(_ listener: Envoy_Config_Listener_V3_Listener, name: String) throws(ConfigProblem) -> [ListenerBinding] {
        guard !listener.hasBindToPort || listener.bindToPort.value else { return [] }
        var result = [try binding(name, listener, listener.address)]
        for additional in listener.additionalAddresses { result.append(try binding(name, listener, additional.address)) }
        return result
    }

    private static func binding(
        _ name: String, _ listener: Envoy_Config_Listener_V3_Listener, _ message: Envoy_Config_Core_V3_Address
    ) throws(ConfigProblem) -> ListenerBinding {
        let address: SocketAddress
        switch Address.compile(message) {
        case .success(let compiled): address = compiled
        case .failure(let problem): throw problem.within("listener \(name)")
        }
        var binding = ListenerBinding(listener: name, address: address)
        if listener.hasTcpBacklogSize { binding.backlog = Int32(clamping: listener.tcpBacklogSize.value) }
        binding.isDualStack = message.socketAddress.ipv4Compat
        binding.freebind = listener.freebind.value
        if message.pipe.mode != 0 { binding.mode = message.pipe.mode }
        return binding
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
        var change = Change(listener: listener)
        var rest = bound.filter { $0.binding.listener == listener }
        let had = rest.count
        for binding in bindings {
            if let index = rest.firstIndex(where: { $0.binding.key == binding.key }) {
                change.kept.append(rest.remove(at: index))
                continue
            }
            do throws(SystemError) {
                change.added.append(try open(binding, leaving: leaving))
            } catch {
                discard(change)
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
        bound += change.added
        for socket in gone { close(socket) }
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
            return Bound(binding: binding, descriptor: try Socket.duplicate(other.descriptor).release(), address: other.address)
        }
        if let descriptor = inherited.removeValue(forKey: binding.key) {
            return Bound(binding: binding, descriptor: descriptor, address: Socket.localAddress(descriptor) ?? binding.address)
        }
        var options = Socket.ListenOptions()
        options.backlog = binding.backlog
        options.dualStack = binding.isDualStack
        options.freebind = binding.freebind
        options.mode = binding.mode
        if let path = binding.address.unixPath { removeStale(path) }
        let descriptor = try Socket.listen(binding.address, options)
        let address = Socket.localAddress(descriptor.raw) ?? binding.address
        return Bound(
            binding: binding, descriptor: descriptor.release(), address: binding.address.unixPath == nil ? address : binding.address)
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
