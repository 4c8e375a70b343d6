/// What a state sees of the world, so that a run can be replayed.
package struct LuaEnvironment {
    /// Seconds since 1970 for `os.time`, `os.date` and, less the state's start, `os.clock`.
    package var now: () -> Double
    /// The start of `math.random`.
    package var seed: UInt32
    /// Takes what `print` writes; the bytes are valid during the call.
    package var log: (UnsafeRawBufferPointer) -> Void
    /// Sources of the modules that scripts can require, by name.
    package var modules: [String: LuaModule] = [:]
    /// Runs before the script, where that is trusted.
    package var prelude = ""

    /// An environment whose `print` goes nowhere unless `log` takes it.
    package init(
        seed: UInt32, now: @escaping () -> Double, log: @escaping (UnsafeRawBufferPointer) -> Void = { _ in }
    ) {
        self.seed = seed
        self.now = now
        self.log = log
    }
}

/// The source of a module. One object serves all states that may require it.
package final class LuaModule: Sendable {
    // Safety: written in `init` only, freed in `deinit`.
    nonisolated(unsafe) let bytes: UnsafeMutableBufferPointer<UInt8>

    /// The text.
    package var source: [UInt8] { Array(bytes[..<count]) }

    /// - Parameter source: Lua text; bytecode is refused when it is loaded.
    package init(source: [UInt8]) {
        bytes = .allocate(capacity: max(source.count, 1))
        _ = bytes.initialize(from: source)
        count = source.count
    }

    let count: Int

    deinit { bytes.deallocate() }
}
