/// An actor pinned to the process's event loop: one of those that own what outlives a request.
///
/// Whoever is isolated to ``WorkerActor`` already runs on the executor of every such actor, so that entering one needs
/// neither a task nor a check: the compiler has proved it.
package protocol LoopActor: Actor {}

extension LoopActor {
    package nonisolated var unownedExecutor: UnownedSerialExecutor { EventLoop.process.asUnownedSerialExecutor() }

    /// The synchronous door into the actor for callers on the loop. Nothing in `body` can wait, so that what it reads and
    /// what it writes belong together.
    ///
    /// `assumeIsolated` does the same with a check that costs more than what is done inside (some 600 instructions); here
    /// it is made in debug builds only, since all callers are isolated to ``WorkerActor``.
    package nonisolated func enter<Result: Sendable>(_ body: (isolated Self) throws -> Result) rethrows -> Result {
        assert(EventLoop.process.isOwner, "not on the process's event loop")
        return try withoutActuallyEscaping(body) { body in
            // Safety: isolation is no part of a closure's representation, and the caller is on this actor's executor: both
            // actors have the loop's.
            try unsafeBitCast(body, to: ((Self) throws -> Result).self)(self)
        }
    }
}
