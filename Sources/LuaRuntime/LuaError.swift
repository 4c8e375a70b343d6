/// A script's error, in the words the script's author sees.
package struct LuaError: Error, Equatable, CustomStringConvertible {
    /// Lua's message, usually with `[string "first line..."]:line:` in front; invalid UTF-8 is repaired.
    package let message: String
    /// The stack where the error was raised, if states keep it.
    package let traceback: String?

    package init(message: String, traceback: String? = nil) {
        self.message = message
        self.traceback = traceback
    }

    package var description: String { message }
}

/// Which bound a killed run had passed.
package enum LuaKillCause: Sendable, Equatable {
    /// Too many instructions, match steps or bytes.
    case fuel
    /// Too much CPU time.
    case deadline
    /// The run did not start: another run of the same state was killed before it.
    case stateDead
}
