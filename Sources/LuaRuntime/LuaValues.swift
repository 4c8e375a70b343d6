package import CLuaJIT

/// Where the host puts values for Lua: results of a method, arguments of a run, results of the call that had yielded.
///
/// Nothing here touches the Lua state: values are noted in a buffer that is kept from call to call, and the shim turns
/// them into Lua values when no Swift frame is below it.
package struct LuaValues: ~Copyable {
    // Safety: the buffer is the state's, which outlives the call or run that this view is lent to; it cannot be copied out.
    @usableFromInline let buffer: UnsafeMutablePointer<hlua_buffer>

    @inlinable init(_ buffer: UnsafeMutablePointer<hlua_buffer>) { self.buffer = buffer }

    /// Adds nil.
    @inlinable package func add() { hlua_put_tag(buffer, UInt8(HLUA_OP_NIL)) }

    /// Adds a boolean.
    @inlinable package func add(_ flag: Bool) { hlua_put_tag(buffer, UInt8(flag ? HLUA_OP_TRUE : HLUA_OP_FALSE)) }

    /// Adds a number.
    @inlinable package func add(_ number: Double) { hlua_put_number(buffer, number) }

    /// Adds a whole number.
    @inlinable package func add(_ number: Int) { hlua_put_number(buffer, Double(number)) }

    /// Adds a string of bytes.
    @inlinable package func add(_ bytes: UnsafeRawBufferPointer) {
        hlua_put_string(buffer, bytes.baseAddress, UInt32(clamping: bytes.count))
    }

    /// Adds a string that is known at compile time.
    @inlinable package func add(_ text: StaticString) {
        hlua_put_string(buffer, text.utf8Start, UInt32(text.utf8CodeUnitCount))
    }

    /// Adds a string.
    package func add(_ text: String) {
        var text = text
        text.withUTF8 { hlua_put_string(buffer, $0.baseAddress, UInt32(clamping: $0.count)) }
    }

    /// Adds a string of `count` bytes that `fill` writes, for what lies scattered; all of them must be written.
    package func addString(count: Int, fill: (UnsafeMutableRawBufferPointer) -> Void) {
        guard let room = hlua_put_string_room(buffer, UInt32(clamping: count)) else { return }
        fill(UnsafeMutableRawBufferPointer(start: room, count: count))
    }

    /// Adds a table or any other plain value.
    package func add(_ value: LuaValue) { value.encode(into: buffer) }

    /// Adds a table; `fields` adds keys and values in turn.
    @inlinable package func addTable(arrayHint: Int = 0, recordHint: Int = 0, fields: (borrowing LuaValues) -> Void) {
        hlua_put_table(buffer, UInt32(clamping: arrayHint), UInt32(clamping: recordHint))
        fields(self)
        hlua_put_tag(buffer, UInt8(HLUA_OP_END))
    }

    /// Adds a host object, which must outlive its scope: Lua does not retain it.
    ///
    /// With a slot (1 to 23) the same call in the same scope gives Lua the very same object, as long as host and tag are the same.
    @inlinable package func add<Host>(
        _ type: LuaClass<Host>, _ host: Host, scope: LuaScope = .segment, slot: Int = 0, tag: Int = 0
    ) {
        hlua_put_object(
            buffer, type.number, scope.rawValue, UInt32(slot), Unmanaged.passUnretained(host).toOpaque(), Int64(tag))
    }

    /// Adds a function that calls a method on the object, for iterators; called out of its scope it raises.
    @inlinable package func add<Host>(
        _ method: LuaBoundMethod<Host>, on host: Host, scope: LuaScope = .segment, tag: Int = 0
    ) {
        hlua_put_bound(buffer, method.raw, scope.rawValue, Unmanaged.passUnretained(host).toOpaque(), Int64(tag))
    }
}

/// How long Lua may use a host object.
package enum LuaScope: UInt32, Sendable {
    /// Until the run yields or ends.
    case segment = 0
    /// Until the run ends.
    case run = 1
    /// As long as the state.
    case state = 2
}
