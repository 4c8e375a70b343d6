import CLuaJIT

/// One Lua machine: globals, functions and coroutines of one script on one worker.
///
/// A state is used by one thread at a time and never by two runs at once; runs may wait side by side.
/// Once a run was killed the state is dead: what waits may still end within its own budget, nothing new starts, and the
/// owner makes another state of the same program.
package final class LuaState {
    // Safety: freed in deinit; runs keep the state alive.
    let raw: OpaquePointer
    /// What one run may use.
    package let limits: LuaLimits
    private let world: World
    private var kept: [AnyObject]

    /// Makes a state and runs the script's main chunk in it, under the limits of one run.
    ///
    /// - Throws: the error of the main chunk; yielding there is one too.
    package convenience init(
        program: LuaProgram, limits: LuaLimits = LuaLimits(), trust: LuaTrust = .sandboxed, environment: LuaEnvironment,
        classes: [AnyLuaClass] = [], globals: [LuaGlobal] = [], keepsTracebacks: Bool = false
    ) throws(LuaError) {
        try self.init(bare: limits, trust: trust, environment: environment, keepsTracebacks: keepsTracebacks)
        for type in classes { try register(type) }
        for global in globals { try set(global) }
        if trust == .trusted, !environment.prelude.isEmpty { try runMain(try load(try LuaProgram(source: environment.prelude))) }
        try runMain(try load(program))
        // The compiler's leavings: many states wait long for their first request.
        collectGarbage()
    }

    /// Makes a state that has run nothing yet.
    init(bare limits: LuaLimits, trust: LuaTrust, environment: LuaEnvironment, keepsTracebacks: Bool = false) throws(LuaError) {
        let world = World(environment)
        var options = hlua_options(
            memory_limit: limits.memoryBytes, trusted: trust == .trusted, traceback: keepsTracebacks,
            seed: Double(environment.seed), slice_nanoseconds: limits.sliceNanoseconds, context: Unmanaged.passUnretained(world).toOpaque(), now: readClock, log: writeLog,
            module: findModule)
        guard let raw = hlua_state_create(&options) else {
            throw LuaError(message: "not enough memory for a Lua state: the limit is \(limits.memoryBytes) bytes")
        }
        self.raw = raw
        self.limits = limits
        self.world = world
        kept = []
    }

    deinit { hlua_state_destroy(raw) }

    /// Holds a host of objects that are handed out for as long as the state lives (``LuaScope/state``).
    package func keep(_ host: AnyObject) {
        if !kept.contains(where: { $0 === host }) { kept.append(host) }
    }

    /// A global function of the script; nil when the global is absent or something else.
    package func function(named name: String) -> LuaFunction? {
        let reference = hlua_state_function(raw, name)
        return reference == HLUA_NO_FUNCTION ? nil : LuaFunction(reference: reference)
    }

    /// Lets go of a function that was kept for a host; it is of no use from then on.
    package func release(_ function: LuaFunction) { hlua_state_release(raw, function.reference) }

    /// A run, from the pool of coroutines.
    package func makeRun() -> LuaRun { LuaRun(self) }

    /// Whether a run was killed: no other can start.
    package var isDead: Bool { hlua_state_is_dead(raw) }

    /// What the state holds and has done.
    package var statistics: LuaStatistics { LuaStatistics(hlua_state_counters(raw)) }

    /// Bytes that the state holds now, garbage and buffers for the host's values included.
    package var memoryBytes: Int { hlua_state_memory(raw) }

    /// Frees all garbage now.
    package func collectGarbage() { _ = hlua_state_collect(raw) }

    // MARK: Making

    func load(_ program: LuaProgram) throws(LuaError) -> LuaFunction {
        let reference = program.source.withUnsafeBytes {
            hlua_state_load(raw, $0.baseAddress!.assumingMemoryBound(to: CChar.self), $0.count - 1)
        }
        guard reference != HLUA_NO_FUNCTION else { throw lastError }
        return LuaFunction(reference: reference)
    }

    private func register(_ type: AnyLuaClass) throws(LuaError) {
        kept.append(type)
        guard hlua_state_register(raw, type.raw) else { throw lastError }
    }

    private func set(_ global: LuaGlobal) throws(LuaError) {
        let done: Bool
        switch global.content {
        case .value(let value):
            let buffer = hlua_state_values(raw)
            hlua_buffer_clear(buffer)
            value.encode(into: buffer)
            done = hlua_state_set_global(raw, global.name)
        case .library(let type, let host):
            kept += [type, host]
            done = hlua_state_set_library(raw, global.name, type.raw, Unmanaged.passUnretained(host).toOpaque())
        }
        guard done else { throw lastError }
    }

    private func runMain(_ main: LuaFunction) throws(LuaError) {
        var run = makeRun()
        var outcome = run.start(main)
        while outcome == .sliced { outcome = run.goOn() }
        switch outcome {
        case .finished, .sliced: break
        case .failed(let error): throw error
        case .killed(let cause): throw run.stop("script exceeded its budget while it was loaded (\(cause))")
        case .yielded: throw LuaError(message: "script waited while it was loaded")
        }
    }

    /// The failure the shim noted last.
    var lastError: LuaError {
        let traceback = text(hlua_state_traceback(raw).pointee)
        return LuaError(message: text(hlua_state_message(raw).pointee), traceback: traceback.isEmpty ? nil : traceback)
    }

    private func text(_ buffer: hlua_buffer) -> String {
        String(decoding: UnsafeRawBufferPointer(start: buffer.bytes, count: buffer.count), as: UTF8.self)
    }
}

/// A function of a state; of no use in another.
package struct LuaFunction: Sendable, Equatable {
    let reference: Int32
}

/// A global that a state has before its script runs.
package struct LuaGlobal {
    enum Content {
        case value(LuaValue)
        case library(AnyLuaClass, AnyObject)
    }

    let name: String
    let content: Content

    /// A value, such as a table of an enumeration's cases.
    package static func value(_ name: String, _ value: LuaValue) -> LuaGlobal {
        LuaGlobal(name: name, content: .value(value))
    }

    /// A table of plain functions, the methods of one host object that the state keeps. A name with a dot is a field of a
    /// global table.
    package static func library<Host>(_ name: String, _ type: LuaClass<Host>, _ host: Host) -> LuaGlobal {
        LuaGlobal(name: name, content: .library(type, host))
    }
}

/// What a state holds and has done.
package struct LuaStatistics: Sendable, Equatable {
    /// Bytes allocated now, garbage included.
    package let memoryBytes: Int
    /// Bytes of the buffers in which values come and go, which are not the script's.
    package let bufferBytes: Int
    /// The most `memoryBytes` has been.
    package let memoryPeakBytes: Int
    /// Runs started, the main chunk's included.
    package let runs: UInt64
    /// Runs killed.
    package let kills: UInt64
    /// Allocations refused.
    package let memoryFailures: UInt64
    /// Coroutines waiting to be used again.
    package let idleRuns: Int

    init(_ counters: hlua_counters) {
        memoryBytes = counters.memory_used
        bufferBytes = counters.buffer_bytes
        memoryPeakBytes = counters.memory_peak
        runs = counters.runs
        kills = counters.kills
        memoryFailures = counters.memory_failures
        idleRuns = counters.idle_runs
    }
}

/// The environment in a box that C can point at.
private final class World {
    let environment: LuaEnvironment

    init(_ environment: LuaEnvironment) { self.environment = environment }
}

private func readClock(_ context: UnsafeMutableRawPointer?) -> Double {
    guard let context else { return 0 }
    return Unmanaged<World>.fromOpaque(context).takeUnretainedValue().environment.now()
}

private func writeLog(_ context: UnsafeMutableRawPointer?, _ bytes: UnsafePointer<UInt8>?, _ count: Int) {
    guard let context else { return }
    Unmanaged<World>.fromOpaque(context).takeUnretainedValue().environment.log(UnsafeRawBufferPointer(start: bytes, count: count))
}

private func findModule(
    _ context: UnsafeMutableRawPointer?, _ name: UnsafePointer<UInt8>, _ nameCount: Int, _ count: UnsafeMutablePointer<Int>
) -> UnsafePointer<UInt8>? {
    guard let context else { return nil }
    let name = String(decoding: UnsafeBufferPointer(start: name, count: nameCount), as: UTF8.self)
    guard let module = Unmanaged<World>.fromOpaque(context).takeUnretainedValue().environment.modules[name] else { return nil }
    count.pointee = module.count
    return UnsafePointer(module.bytes.baseAddress)
}
