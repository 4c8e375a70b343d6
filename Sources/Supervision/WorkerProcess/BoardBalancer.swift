import CLinux
import DataPlane
import Reactor
import Glibc

/// Sends accepted connections to the worker that has the fewest, by the counts on the board.
///
/// A place is claimed by compare-and-swap before the connection is passed, so that two workers who accept at the same
/// moment do not both choose the same one.
@WorkerActor final class BoardBalancer: ConnectionBalancer {
    /// A worker keeps a connection unless another has fewer by more than this part of its own (6 %): passing costs two
    /// system calls.
    private static let tolerance: Int64 = 16

    private let board: WorkerBoard
    private let own: Int
    /// Sending ends of the inboxes; -1 where there is none.
    private var peers: [Int32]
    /// Connections counted for this worker before it took them.
    private var claimed = 0

    init(board: WorkerBoard, own: Int) {
        self.board = board
        self.own = own
        peers = [Int32](repeating: -1, count: board.workers)
    }

    deinit {
        for peer in peers where peer >= 0 { Glibc.close(peer) }
    }

    /// Takes the descriptor over.
    func setPeer(_ worker: Int, _ descriptor: Int32) {
        guard peers.indices.contains(worker), peers[worker] < 0 else {
            Glibc.close(descriptor)
            return
        }
        peers[worker] = descriptor
    }

    func lessLoadedWorker() -> Int? {
        dropStaleClaim()
        // Of several who have the fewest the first behind this worker: all workers begin elsewhere.
        for _ in 0..<8 {
            let ownLoad = board.load(own)
            var best = own
            var bestLoad = ownLoad - ownLoad / Self.tolerance
            for step in 1..<board.workers {
                let worker = (own + step) % board.workers
                guard peers[worker] >= 0, board.isAccepting(worker) else { continue }
                let load = board.load(worker)
                if load < bestLoad {
                    best = worker
                    bestLoad = load
                }
            }
            if best == own {
                guard board.claim(own, seen: ownLoad) else { continue }
                claimed = 1
                return nil
            }
            if board.claim(best, seen: bestLoad) { return best }
        }
        return nil
    }

    func handOver(_ descriptor: Int32, listener: String, to worker: Int) -> Bool {
        var frame = FrameWriter()
        frame.put(board.incarnation(worker))
        frame.put(listener)
        var descriptor = descriptor
        let sent = heddle_send_descriptors(peers[worker], frame.bytes, frame.bytes.count, &descriptor, 1)
        if sent >= 0 { return true }
        board.add(-1, to: worker)
        return false
    }

    func connectionsChanged(by amount: Int) {
        guard amount > 0 else {
            board.add(Int64(amount), to: own)
            return
        }
        let counted = min(claimed, amount)
        claimed -= counted
        if amount > counted { board.add(Int64(amount - counted), to: own) }
    }

    /// A connection arrives that another worker accepted and counted for the process with `incarnation`.
    func willTake(incarnation: UInt64) {
        dropStaleClaim()
        if incarnation == board.incarnation(own) { claimed = 1 }
    }

    /// The connection that arrived was taken, or refused.
    func didTake() { dropStaleClaim() }

    /// What was claimed for a connection that was then refused.
    private func dropStaleClaim() {
        guard claimed > 0 else { return }
        board.add(-Int64(claimed), to: own)
        claimed = 0
    }
}
