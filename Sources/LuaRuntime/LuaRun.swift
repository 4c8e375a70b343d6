import CLuaJIT

/// How a run, or the part of it since it was last resumed, ended.
package enum LuaOutcome: Equatable {
    /// The function returned.
    case finished
    /// A host method suspended the run; `resume` goes on.
    case yielded(LuaYieldReason)
    /// The run's time slice is over; `goOn` goes on.
    case sliced
    /// The script raised an error, or yielded by itself.
    case failed(LuaError)
    /// The script passed its budget. The state is dead.
    case killed(LuaKillCause)
}

/// One call of a script's function in a coroutine of its own.
///
/// Ends when it is dropped: a script that waits then never goes on, and its objects are out of scope.
package struct LuaRun: ~Copyable {
    private let state: LuaState
    // Safety: the pool's, given back in deinit; `state` keeps the pool alive.
    private let raw: OpaquePointer?
    private var isWaiting = false
    private var isSliced = false

    init(_ state: LuaState) {
        self.state = state
        raw = hlua_run_create(state.raw, nil)
    }

    deinit {
        if let raw { hlua_run_release(raw) }
    }

    /// Calls the function with the arguments that are added, under the state's limits.
    package mutating func start(
        _ function: LuaFunction, arguments: (borrowing LuaValues) -> Void = { _ in }
    ) -> LuaOutcome {
        precondition(!isWaiting && !isSliced, "a Lua run was started while it waited")
        guard let raw else { return .failed(LuaError(message: "not enough memory")) }
        put(arguments)
        return outcome(hlua_run_start(raw, function.reference, state.limits.fuel, state.limits.cpuNanoseconds))
    }

    /// Has one of the values kept that the function returns: 1 for the first, -1 for the last. Before it is started.
    package mutating func keepResult(at place: Int) {
        if let raw { hlua_run_want(raw, Int32(truncatingIfNeeded: place)) }
    }

    /// The value that was kept, after `.finished`; bytes of it are valid until the state is used again.
    package var result: LuaResult {
        guard let raw else { return .none }
        let value = hlua_run_result(raw).pointee
        switch Int(value.type) {
        case HLUA_TYPE_BOOLEAN: return .boolean(value.boolean)
        case HLUA_TYPE_NUMBER: return .number(value.number)
        case HLUA_TYPE_STRING: return .string(UnsafeRawBufferPointer(start: value.bytes, count: value.count))
        default: return .none
        }
    }

    /// Goes on after `.yielded`; what is added are the results of the call that yielded.
    package mutating func resume(with results: (borrowing LuaValues) -> Void = { _ in }) -> LuaOutcome {
        guard let raw, isWaiting else { preconditionFailure("a Lua run was resumed that does not wait") }
        put(results)
        return outcome(hlua_run_resume(raw))
    }

    /// Goes on after `.sliced`, as if nothing had been.
    package mutating func goOn() -> LuaOutcome {
        guard let raw, isSliced else { preconditionFailure("a Lua run goes on that was not put aside") }
        return outcome(hlua_run_continue(raw))
    }

    /// Fuel not spent yet.
    package var fuelLeft: Int64 { raw.map { hlua_run_fuel($0) } ?? 0 }

    /// After `.killed` by fuel or deadline, until the state is used again: an error that says where the script was.
    package func stop(_ text: String) -> LuaError {
        let place = state.lastError
        return LuaError(message: place.message + text, traceback: place.traceback)
    }

    private func put(_ values: (borrowing LuaValues) -> Void) {
        let buffer = hlua_state_values(state.raw)
        hlua_buffer_clear(buffer)
        values(LuaValues(buffer))
    }

    private mutating func outcome(_ code: Int32) -> LuaOutcome {
        isWaiting = false
        isSliced = false
        switch Int(code) {
        case HLUA_FINISHED: return .finished
        case HLUA_YIELDED:
            isWaiting = true
            return .yielded(LuaYieldReason(rawValue: raw.map { hlua_run_reason($0) } ?? 0))
        case HLUA_SLICED:
            isSliced = true
            return .sliced
        case HLUA_KILLED_FUEL: return .killed(.fuel)
        case HLUA_KILLED_DEADLINE: return .killed(.deadline)
        case HLUA_STATE_DEAD: return .killed(.stateDead)
        default: return .failed(state.lastError)
        }
    }
}

/// What a function returned.
package enum LuaResult {
    /// Nothing, nil, or a value that hosts have no use for.
    case none
    case boolean(Bool)
    case number(Double)
    /// Valid until the state is used again.
    case string(UnsafeRawBufferPointer)
}
