import Glibc
import Reactor

/// Tells when files may have changed, by inotify(7) on their folders: a file that is replaced by a rename is another file,
/// which a watch on the file itself would not see.
@WorkerActor final class FileWatch: EventHandler {
    /// What a folder is watched for: something was moved into it, written to its end, or made (a link).
    private static let mask = UInt32(IN_MOVED_TO | IN_CLOSE_WRITE | IN_CREATE | IN_DELETE_SELF | IN_MOVE_SELF)
    private static let bufferSize = 64 * 1024

    /// One thing to watch.
    final class Subscription {
        let folder: String
        /// Nil: anything in the folder.
        let name: String?
        fileprivate let changed: @WorkerActor () -> Void

        fileprivate init(_ folder: String, _ name: String?, _ changed: @escaping @WorkerActor () -> Void) {
            self.folder = folder
            self.name = name
            self.changed = changed
        }
    }

    private let loop: EventLoop
    private let descriptor: Int32
    private var subscriptions: [Int32: [Subscription]] = [:]
    private var folders: [String: Int32] = [:]

    init(loop: EventLoop) throws(SystemError) {
        self.loop = loop
        descriptor = inotify_init1(Int32(IN_NONBLOCK) | Int32(IN_CLOEXEC))
        guard descriptor >= 0 else { throw SystemError("inotify_init1") }
        try loop.watch(descriptor, .readable, self)
    }

    /// Ends all watching.
    func close() {
        loop.unwatch(descriptor)
        Glibc.close(descriptor)
    }

    /// Watches a folder for a name in it, or for anything when `name` is nil.
    func watch(folder: String, name: String?, changed: @escaping @WorkerActor () -> Void) throws(SystemError)
        -> Subscription
    {
        let watch: Int32
        if let known = folders[folder] {
            watch = known
        } else {
            watch = inotify_add_watch(descriptor, folder, Self.mask)
            guard watch >= 0 else { throw SystemError("inotify_add_watch") }
            folders[folder] = watch
        }
        let subscription = Subscription(folder, name, changed)
        subscriptions[watch, default: []].append(subscription)
        return subscription
    }

    /// Ends watching for one subscription.
    func unwatch(_ subscription: Subscription) {
        guard let watch = folders[subscription.folder] else { return }
        subscriptions[watch]?.removeAll { $0 === subscription }
        guard subscriptions[watch]?.isEmpty ?? true else { return }
        subscriptions[watch] = nil
        folders[subscription.folder] = nil
        inotify_rm_watch(descriptor, watch)
    }

    func ready(_ readiness: Readiness) {
        var buffer = [UInt8](repeating: 0, count: Self.bufferSize)
        var touched: [Subscription] = []
        while true {
            let count = read(descriptor, &buffer, buffer.count)
            guard count > 0 else { break }
            for (watch, name) in Self.events(buffer[..<count]) { collect(watch, name, &touched) }
        }
        // A file that changed often in one turn is read once.
        for subscription in touched { subscription.changed() }
    }

    private func collect(_ watch: Int32, _ name: String?, _ touched: inout [Subscription]) {
        // The queue overflowed: anything may have changed.
        let concerned = watch < 0 ? subscriptions.values.flatMap { $0 } : subscriptions[watch] ?? []
        for subscription in concerned
        where watch < 0 || name == nil || subscription.name == nil || subscription.name == name {
            if !touched.contains(where: { $0 === subscription }) { touched.append(subscription) }
        }
    }

    /// The watches and names of some events.
    private static func events(_ bytes: ArraySlice<UInt8>) -> [(watch: Int32, name: String?)] {
        var events: [(watch: Int32, name: String?)] = []
        var rest = bytes
        let size = MemoryLayout<inotify_event>.size
        while rest.count >= size {
            let (watch, length) = rest.withUnsafeBytes {
                (
                    $0.loadUnaligned(fromByteOffset: 0, as: Int32.self),
                    Int($0.loadUnaligned(fromByteOffset: 12, as: UInt32.self))
                )
            }
            let name = rest.dropFirst(size).prefix(length).prefix { $0 != 0 }
            events.append((watch, name.isEmpty ? nil : String(decoding: name, as: UTF8.self)))
            rest = rest.dropFirst(size + length)
        }
        return events
    }
}
