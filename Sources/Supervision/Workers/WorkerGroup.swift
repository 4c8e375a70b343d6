import Reactor

/// The way from the supervisor to one worker.
@WorkerActor protocol OrderChannel: AnyObject {
    /// Sends a message; the descriptors stay the caller's.
    func send(_ bytes: [UInt8], _ descriptors: [Int32])
    func close()
}

/// All workers, as those see them who bring configuration to them.
@WorkerActor protocol WorkerGroup: AnyObject {
    var slots: [WorkerSlot] { get }
    /// Clusters for which the limit region has room.
    var limitGroups: Int { get }
    /// Groups of limits that were ever given to a cluster.
    var usedLimitGroups: Int { get set }
}

extension WorkerGroup {
    /// Says something to every worker that has a process.
    func broadcast(_ order: WorkerOrder, _ descriptors: [Int32] = []) {
        for slot in slots { slot.send(order, descriptors) }
    }
}
