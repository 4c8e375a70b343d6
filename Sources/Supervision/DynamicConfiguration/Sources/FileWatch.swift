import Glibc
import Reactor

/// Tells when files may have changed, by inotify(7) on their folders: a file that is replaced by a rename is another file,
/// which a watch on the file itself would not see.
///
/// A folder that is not there, or goes, is looked for again now and then; when it is there, what is in it may have changed.
@WorkerActor final class FileWatch: EventHandler {
    /// What a folder is watched for: something was moved into it, written to its end, or made (which counts for links alone,
    /// for other files are empty when they are made), or the folder itself goes.
    private static let mask = UInt32(
        IN_MOVED_TO | IN_CLOSE_WRITE | IN_CREATE | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR)
    /// The path leads to another folder from now on, or to none.
    private static let lostMask = UInt32(IN_DELETE_SELF | IN_MOVE_SELF | IN_UNMOUNT | IN_IGNORED)
    private static let bufferSize = 64 * 1024
    /// How long until a folder that is not there is looked for again, nanoseconds.
    static let retryTime: UInt64 = 1_000_000_000

    /// One thing to watch.
    final class Subscription {
        let folder: String
        /// Nil: anything in the folder.
        let name: String?
        fileprivate let changed: @WorkerActor () -> Void
        /// Nil while the folder is not there.
        fileprivate var watch: Int32?

        fileprivate init(_ folder: String, _ name: String?, _ changed: @escaping @WorkerActor () -> Void) {
            self.folder = folder
            self.name = name
            self.changed = changed
        }
    }

    private struct Event {
        let watch: Int32
        let mask: UInt32
        let name: String?
    }

    private let loop: EventLoop
    private let descriptor: Int32
    private var subscriptions: [Int32: [Subscription]] = [:]
    /// Those whose folder is not there.
    private var lost: [Subscription] = []
    private var retry: LoopTimer?

    init(loop: EventLoop) throws(SystemError) {
        self.loop = loop
        descriptor = inotify_init1(Int32(IN_NONBLOCK) | Int32(IN_CLOEXEC))
        guard descriptor >= 0 else { throw SystemError("inotify_init1") }
        try loop.watch(descriptor, .readable, self)
        retry = LoopTimer(loop: loop) { [unowned self] in
            for subscription in self.seekLost() { subscription.changed() }
        }
    }

    /// Ends all watching.
    func close() {
        retry?.cancel()
        loop.unwatch(descriptor)
        Glibc.close(descriptor)
    }

    /// Watches a folder for a name in it, or for anything when `name` is nil.
    func watch(folder: String, name: String?, changed: @escaping @WorkerActor () -> Void) -> Subscription {
        let subscription = Subscription(folder, name, changed)
        if !attach(subscription) { lose([subscription]) }
        return subscription
    }

    /// Ends watching for one subscription.
    func unwatch(_ subscription: Subscription) {
        lost.removeAll { $0 === subscription }
        guard let watch = subscription.watch else { return }
        subscription.watch = nil
        subscriptions[watch]?.removeAll { $0 === subscription }
        guard subscriptions[watch]?.isEmpty ?? false else { return }
        subscriptions[watch] = nil
        inotify_rm_watch(descriptor, watch)
    }

    func ready(_ readiness: Readiness) {
        var buffer = [UInt8](repeating: 0, count: Self.bufferSize)
        var touched: [Subscription] = []
        while true {
            let count = read(descriptor, &buffer, buffer.count)
            guard count > 0 else { break }
            for event in Self.events(buffer[..<count]) { collect(event, &touched) }
        }
        for subscription in seekLost() where !touched.contains(where: { $0 === subscription }) {
            touched.append(subscription)
        }
        // A file that changed often in one turn is read once.
        for subscription in touched { subscription.changed() }
    }

    // MARK: Private parts

    /// - Returns: false when there is no such folder.
    private func attach(_ subscription: Subscription) -> Bool {
        // Two paths to one folder have one watch.
        let watch = inotify_add_watch(descriptor, subscription.folder, Self.mask)
        guard watch >= 0 else { return false }
        subscription.watch = watch
        subscriptions[watch, default: []].append(subscription)
        return true
    }

    private func lose(_ subscriptions: [Subscription]) {
        for subscription in subscriptions { subscription.watch = nil }
        lost += subscriptions
        if let retry, !retry.isArmed { retry.schedule(after: Self.retryTime) }
    }

    /// A path is looked for anew: what was watched may be elsewhere.
    private func lose(_ watch: Int32) {
        guard let gone = subscriptions.removeValue(forKey: watch) else { return }
        inotify_rm_watch(descriptor, watch)
        lose(gone)
    }

    /// - Returns: those whose folder is there again.
    private func seekLost() -> [Subscription] {
        let found = lost.filter { attach($0) }
        lost.removeAll { $0.watch != nil }
        if lost.isEmpty { retry?.cancel() } else { retry?.schedule(after: Self.retryTime) }
        return found
    }

    private func collect(_ event: Event, _ touched: inout [Subscription]) {
        // The queue overflowed: anything may have changed.
        if event.watch < 0 { return Array(subscriptions.keys).forEach { lose($0) } }
        if event.mask & Self.lostMask != 0 { return lose(event.watch) }
        for subscription in subscriptions[event.watch] ?? [] {
            guard event.name == nil || subscription.name == nil || subscription.name == event.name else { continue }
            if event.mask & UInt32(IN_CREATE) != 0, !Self.isLink("\(subscription.folder)/\(event.name ?? "")") { continue }
            if !touched.contains(where: { $0 === subscription }) { touched.append(subscription) }
        }
    }

    /// Whether a file that was made has its content already: a symbolic link, or another name of a file that there is.
    private static func isLink(_ path: String) -> Bool {
        var facts = stat()
        guard lstat(path, &facts) == 0 else { return false }
        let kind = facts.st_mode & S_IFMT
        return kind == S_IFLNK || kind == S_IFREG && facts.st_nlink > 1
    }

    private static func events(_ bytes: ArraySlice<UInt8>) -> [Event] {
        var events: [Event] = []
        var rest = bytes
        let size = MemoryLayout<inotify_event>.size
        while rest.count >= size {
            let (watch, mask, length) = rest.withUnsafeBytes {
                (
                    $0.loadUnaligned(fromByteOffset: 0, as: Int32.self),
                    $0.loadUnaligned(fromByteOffset: 4, as: UInt32.self),
                    Int($0.loadUnaligned(fromByteOffset: 12, as: UInt32.self))
                )
            }
            let name = rest.dropFirst(size).prefix(length).prefix { $0 != 0 }
            events.append(Event(watch: watch, mask: mask, name: name.isEmpty ? nil : String(decoding: name, as: UTF8.self)))
            rest = rest.dropFirst(size + length)
        }
        return events
    }
}
