import CLuaJIT

/// What a method asks of Lua when it returns; made by the verbs of `LuaCall`.
package struct LuaReply {
    @usableFromInline let code: Int32

    @inlinable init(code: Int) { self.code = Int32(code) }

    /// Return what was added to the results, which may be nothing.
    @inlinable package static var results: LuaReply { LuaReply(code: HLUA_RETURN) }
}

/// Why a host method suspended its run; the host gives the numbers their meaning.
package struct LuaYieldReason: RawRepresentable, Hashable, Sendable {
    package let rawValue: Int32

    package init(rawValue: Int32) { self.rawValue = rawValue }
}

extension LuaCall {
    /// Where results are added before `.results` is returned.
    @inlinable package var results: LuaValues { LuaValues(raw.pointee.out) }

    /// Returns one string of bytes.
    @inlinable package func returning(_ bytes: UnsafeRawBufferPointer) -> LuaReply {
        results.add(bytes)
        return .results
    }

    /// Returns one string.
    package func returning(_ text: String) -> LuaReply {
        results.add(text)
        return .results
    }

    /// Returns one number.
    @inlinable package func returning(_ number: Double) -> LuaReply {
        results.add(number)
        return .results
    }

    /// Returns one whole number.
    @inlinable package func returning(_ number: Int) -> LuaReply {
        results.add(number)
        return .results
    }

    /// Returns one boolean.
    @inlinable package func returning(_ flag: Bool) -> LuaReply {
        results.add(flag)
        return .results
    }

    /// Suspends the run; the values it is resumed with are what Lua gets as the results.
    @inlinable package func yield(_ reason: LuaYieldReason) -> LuaReply {
        raw.pointee.detail = reason.rawValue
        return LuaReply(code: HLUA_YIELD)
    }

    /// Raises an error, with the script's position in front.
    package func fail(_ message: String) -> LuaReply {
        say(message)
        return LuaReply(code: HLUA_FAIL)
    }

    /// Raises "bad argument #2 to 'add' (string expected, got nil)".
    package func badArgument(_ index: Int, expected type: String) -> LuaReply {
        say(type)
        raw.pointee.detail = Int32(index)
        return LuaReply(code: HLUA_BAD_TYPE)
    }

    /// Raises "bad argument #2 to 'add' (reason)".
    package func badArgument(_ index: Int, _ reason: String) -> LuaReply {
        say(reason)
        raw.pointee.detail = Int32(index)
        return LuaReply(code: HLUA_BAD_ARGUMENT)
    }

    private func say(_ message: String) {
        var message = message
        let out = raw.pointee.out
        hlua_buffer_clear(out)
        message.withUTF8 { bytes in
            guard let room = hlua_buffer_reserve(out, bytes.count), let start = bytes.baseAddress else { return }
            room.update(from: start, count: bytes.count)
        }
    }
}
