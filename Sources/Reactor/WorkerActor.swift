/// What runs on the process's one event loop. A process has exactly one, so the actor states a fact about the process:
/// connections, streams and filters are its classes, called synchronously and checked by the compiler.
@globalActor public actor WorkerActor {
    /// The one there is.
    public static let shared = WorkerActor()

    /// The loop.
    public nonisolated var unownedExecutor: UnownedSerialExecutor { EventLoop.process.asUnownedSerialExecutor() }

    /// The way in from an epoll event, a timer or a C callback: synchronous, no task, checked at run time, as
    /// `MainActor.assumeIsolated` does it.
    public nonisolated static func enter<Result>(_ body: @WorkerActor () throws -> Result) rethrows -> Result {
        EventLoop.process.checkIsolated()
        return try withoutActuallyEscaping(body) { body in
            // Safety: isolation is no part of a closure's representation; the line above proved that it holds.
            try unsafeBitCast(body, to: (() throws -> Result).self)()
        }
    }
}
