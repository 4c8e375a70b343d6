import CLuaJIT

/// A script whose syntax was checked, from which states are made.
package struct LuaProgram: Sendable {
    /// The source with a NUL after it, as the shim wants it.
    let source: [UInt8]

    /// Compiles the source once, so that a bad script is refused where it is configured.
    ///
    /// - Throws: Lua's message, `[string "first line..."]:3: '=' expected near 'x'`; bytecode is "attempt to load chunk with wrong mode".
    package init(source: String) throws(LuaError) {
        try self.init(source: Array(source.utf8))
    }

    /// As `init(source:)`, of bytes.
    package init(source: [UInt8]) throws(LuaError) {
        self.source = source + [0]
        let state = try LuaState(
            bare: LuaLimits(memoryBytes: Self.compilerMemory), trust: .sandboxed, environment: LuaEnvironment(seed: 0, now: { 0 }))
        _ = try state.load(self)
    }

    /// Bytes the check of one script may use.
    private static let compilerMemory = 64 << 20
}
