/// An actor pinned to the process's event loop: one of those that own what outlives a request.
///
/// Whoever is isolated to ``WorkerActor`` already runs on the executor of every such actor, so that entering one needs
/// neither a task nor a check: the compiler has proved it. Public, since only then other modules take the door's code
/// into their own.
public protocol LoopActor: Actor {}

extension LoopActor {
    public nonisolated var unownedExecutor: UnownedSerialExecutor { EventLoop.process.asUnownedSerialExecutor() }

    /// The synchronous door into the actor for callers on the loop. Nothing in `body` can wait, so that what it reads and
    /// what it writes belong together.
    ///
    /// `assumeIsolated` does the same with a check that costs more than what is done inside (some 600 instructions);
    /// all callers here are isolated to ``WorkerActor``, so that it could never fail. The closure still costs two
    /// allocations, so that this is for what happens once a connection; state that each request touches is
    /// `nonisolated(unsafe)` behind verbs of ``WorkerActor``.
    @inlinable @inline(__always)
    public nonisolated func enter<Result: Sendable>(_ body: (isolated Self) throws -> Result) rethrows -> Result {
        try withoutActuallyEscaping(body) { body in
            // Safety: isolation is no part of a closure's representation, and the caller is on this actor's executor: both
            // actors have the loop's.
            try unsafeBitCast(body, to: ((Self) throws -> Result).self)(self)
        }
    }
}
