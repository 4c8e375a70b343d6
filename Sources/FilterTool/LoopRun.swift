package import Reactor

/// Runs something on the process's loop from a program's main thread, which becomes the loop's.
package enum LoopRun {
    /// Calls `start` and turns the loop until what it began calls back. What `start` returns is kept until then.
    package static func wait<Result>(_ start: @WorkerActor (EventLoop, @escaping @WorkerActor (Result) -> Void) -> AnyObject) -> Result {
        let loop = EventLoop.process
        loop.adopt()
        let box = Box<Result>()
        WorkerActor.enter { box.kept = start(loop) { box.value = $0 } }
        while true {
            if let value = WorkerActor.enter({ box.value }) { return value }
            loop.turn(maximumWait: nil)
        }
    }

    @WorkerActor private final class Box<Value> {
        var value: Value?
        var kept: AnyObject?

        nonisolated init() {}
    }
}
