/// What a state sees of the world, so that a run can be replayed.
package struct LuaEnvironment {
    /// Seconds since 1970 for `os.time`, `os.date` and, less the state's start, `os.clock`.
    package var now: () -> Double
    /// The start of `math.random`.
    package var seed: UInt32
    /// Takes what `print` writes; the bytes are valid during the call.
    package var log: (UnsafeRawBufferPointer) -> Void

    /// An environment whose `print` goes nowhere unless `log` takes it.
    package init(
        seed: UInt32, now: @escaping () -> Double, log: @escaping (UnsafeRawBufferPointer) -> Void = { _ in }
    ) {
        self.seed = seed
        self.now = now
        self.log = log
    }
}
