import Glibc
import TestKit

/// Runs `body` on a thread of its own: what blocks must not take the threads that tests run on.
func detachThread(_ body: @escaping @Sendable () -> Void) {
    final class Box {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }
    var thread = pthread_t()
    let box = Unmanaged.passRetained(Box(body))
    let code = pthread_create(
        &thread, nil,
        { pointer in
            guard let pointer else { return nil }
            Unmanaged<Box>.fromOpaque(pointer).takeRetainedValue().body()
            return nil
        }, box.toOpaque())
    precondition(code == 0, "no thread")
    pthread_detach(thread)
}

/// Runs `body` on a thread of its own and waits for it without holding a thread.
func onThread<Result: Sendable>(_ body: @escaping @Sendable () -> Result) async -> Result {
    await withCheckedContinuation { continuation in
        detachThread { continuation.resume(returning: body()) }
    }
}

/// The process's event loop, running on a thread of its own from the first use on.
typealias RunningLoop = TestKit.RunningLoop
