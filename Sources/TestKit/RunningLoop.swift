import Glibc
import Reactor

/// The process's event loop, running on a thread of its own from the first use on. All test targets share one process, so
/// that there can be only one of it.
package enum RunningLoop {
    /// Look at it before anything that is isolated to the loop.
    package static let started: Void = {
        var thread = pthread_t()
        let code = pthread_create(
            &thread, nil,
            { _ in
                EventLoop.process.run()
                return nil
            }, nil)
        precondition(code == 0, "no thread")
        pthread_detach(thread)
    }()
}
