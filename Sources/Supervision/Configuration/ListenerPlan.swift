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

/// The sockets that a configuration wants.
enum ListenerPlan {
    /// The listeners' names, in order; one without has its place for a name.
    static func names(_ bootstrap: Envoy_Config_Bootstrap_V3_Bootstrap) -> [String] {
        bootstrap.staticResources.listeners.enumerated().map { $1.name.isEmpty ? "listener_\($0)" : $1.name }
    }

    static func bindings(_ bootstrap: Envoy_Config_Bootstrap_V3_Bootstrap) throws(ConfigProblem) -> [ListenerBinding] {
        var result: [ListenerBinding] = []
        for (name, listener) in zip(names(bootstrap), bootstrap.staticResources.listeners) {
            guard !listener.hasBindToPort || listener.bindToPort.value else { continue }
            result.append(try binding(name, listener, listener.address))
            for additional in listener.additionalAddresses {
                result.append(try binding(name, listener, additional.address))
            }
        }
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

    /// What a new configuration needs: sockets that are there and sockets that were made for it.
    struct Change {
        fileprivate(set) var kept: [Bound] = []
        fileprivate(set) var added: [Bound] = []
        fileprivate(set) var removed: [Bound] = []

        /// Listeners for which workers need descriptors, all of a listener's together.
        var changedListeners: [String: [Int32]] {
            let names = Set(added.map(\.binding.listener)).union(removed.map(\.binding.listener))
            var result: [String: [Int32]] = [:]
            for socket in kept + added where names.contains(socket.binding.listener) {
                result[socket.binding.listener, default: []].append(socket.descriptor)
            }
            return result
        }
    }

    /// Takes a descriptor over from another process.
    func inherit(_ key: String, _ descriptor: Int32) {
        if let old = inherited.updateValue(descriptor, forKey: key) { Glibc.close(old) }
    }

    /// Binds what is new. Nothing is closed before ``commit(_:)``; ``discard(_:)`` takes it back.
    func prepare(_ bindings: [ListenerBinding]) throws(ConfigRefusal) -> Change {
        var change = Change()
        var rest = bound
        for binding in bindings {
            if let index = rest.firstIndex(where: { $0.binding.key == binding.key }) {
                change.kept.append(rest.remove(at: index))
                continue
            }
            do throws(SystemError) {
                change.added.append(try open(binding))
            } catch {
                discard(change)
                throw ConfigRefusal(description: "listener \(binding.listener): cannot listen at \(binding.address): \(error)")
            }
        }
        change.removed = rest
        return change
    }

    func commit(_ change: Change) {
        for socket in change.removed { close(socket) }
        bound = change.kept + change.added
        for descriptor in inherited.values { Glibc.close(descriptor) }
        inherited = [:]
    }

    func discard(_ change: Change) {
        for socket in change.added { close(socket) }
    }

    /// All sockets of each listener.
    var byListener: [String: [Int32]] {
        var result: [String: [Int32]] = [:]
        for socket in bound { result[socket.binding.listener, default: []].append(socket.descriptor) }
        return result
    }

    /// Stops listening; workers hold the sockets as long as they drain.
    func closeAll(keepsPaths: Bool) {
        for socket in bound { keepsPaths ? forget(socket) : close(socket) }
        bound = []
    }

    private func open(_ binding: ListenerBinding) throws(SystemError) -> Bound {
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
        if let path = socket.binding.address.unixPath, !path.hasPrefix("@") { unlink(path) }
        Glibc.close(socket.descriptor)
    }
}
