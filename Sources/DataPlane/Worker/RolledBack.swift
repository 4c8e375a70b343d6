package import Reactor

/// Something that was tried beside what is in force, and hears that it is to stop.
@WorkerActor package protocol RolledBackListener: AnyObject {
    /// It is rolled back, and never comes back.
    func rolledBack()
}

/// What the supervisor has rolled back because it did worse than what is in force, by a key that all processes know it by.
@WorkerActor package final class RolledBack {
    /// Keys that the supervisor keeps at most.
    package nonisolated static let maximumKeys = 256

    private struct Entry {
        weak var listener: (any RolledBackListener)?
    }

    private var keys: Set<String> = []
    private var listeners: [String: [Entry]] = [:]

    /// Has a listener told when its key is rolled back.
    /// - Returns: whether it is already, and is not told.
    package func tell(_ listener: any RolledBackListener, of key: String) -> Bool {
        guard !keys.contains(key) else { return true }
        listeners = listeners.compactMapValues { entries in
            let present = entries.filter { $0.listener != nil }
            return present.isEmpty ? nil : present
        }
        listeners[key, default: []].append(Entry(listener: listener))
        return false
    }

    /// These are rolled back, and no others.
    package func set(_ keys: Set<String>) {
        let added = keys.subtracting(self.keys)
        self.keys = keys
        for key in added {
            for entry in listeners.removeValue(forKey: key) ?? [] { entry.listener?.rolledBack() }
        }
    }
}
