/// What one state and one run of a sandboxed script may use.
package struct LuaLimits: Sendable, Equatable {
    /// Bytes a state may hold, garbage included; what asks for more gets Lua's "not enough memory", which a script can catch.
    package var memoryBytes: Int
    /// Fuel a run may spend: one a VM instruction, one a step of a pattern match or sort, one for 16 bytes allocated or copied.
    package var fuel: Int64
    /// CPU time of the thread a run may spend; time between a yield and its resumption does not count.
    package var cpuTime: Duration { didSet { cpuNanoseconds = Self.nanoseconds(cpuTime) } }
    /// How long a run goes on before it is put aside (`.sliced`), so that others get their turn; zero for no end.
    package var timeSlice: Duration { didSet { sliceNanoseconds = Self.nanoseconds(timeSlice) } }
    // Reckoned once: a `Duration` is a number of 128 bits, and every run asks.
    private(set) var cpuNanoseconds: Int64
    private(set) var sliceNanoseconds: Int64

    /// The defaults hold a run to what a filter that reads headers and a body of some kilobytes needs a hundred times over.
    package init(memoryBytes: Int = 8 << 20, fuel: Int64 = 5_000_000, cpuTime: Duration = .milliseconds(5),
        timeSlice: Duration = .zero
    ) {
        self.timeSlice = timeSlice
        self.memoryBytes = memoryBytes
        self.fuel = fuel
        self.cpuTime = cpuTime
        cpuNanoseconds = Self.nanoseconds(cpuTime)
        sliceNanoseconds = Self.nanoseconds(timeSlice)
    }

    private static func nanoseconds(_ duration: Duration) -> Int64 {
        let parts = duration.components
        let (seconds, overflow) = parts.seconds.multipliedReportingOverflow(by: 1_000_000_000)
        return overflow ? .max : seconds + parts.attoseconds / 1_000_000_000
    }
}

/// How far the author of a script is trusted.
package enum LuaTrust: Sendable, Equatable {
    /// No I/O, no loaders, no JIT; every run is bounded.
    case sandboxed
    /// The whole library and the JIT; only the memory cap holds, a loop that does not end is not stopped.
    case trusted
}
