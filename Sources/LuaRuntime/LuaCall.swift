package import CLuaJIT

/// A call of a host method from Lua: its arguments, and where its results go. It cannot outlive the call.
///
/// Arguments are numbered from 1, the object itself not counted; only the first eight can be read.
package struct LuaCall: ~Copyable {
    // Safety: lives on the shim's stack for the duration of the call; this view cannot be copied out.
    @usableFromInline let raw: UnsafeMutablePointer<hlua_call>

    @inlinable init(_ raw: UnsafeMutablePointer<hlua_call>) { self.raw = raw }

    /// How many arguments were given, trailing nils included.
    @inlinable package var count: Int { Int(raw.pointee.count) }

    /// Counts work of the host's for the script, in the fuel that ``LuaLimits/fuel`` is counted in. A run that has spent too
    /// much ends when the method has returned, and gives way if its time slice is over.
    @inlinable package func charge(fuel: Int) { raw.pointee.charged += Int64(fuel) }

    /// Counts bytes that the host copied or looked at.
    @inlinable package func charge(bytes: Int) { charge(fuel: bytes / Int(HLUA_BYTES_A_FUEL)) }

    /// The number the object was made with.
    @inlinable package var tag: Int { Int(raw.pointee.tag) }

    /// The type of an argument, `.none` when it was not given.
    @inlinable package func type(_ index: Int) -> LuaType {
        guard index <= Int(HLUA_CALL_ARGUMENTS) else { return .none }
        return LuaType(rawValue: hlua_call_argument(raw, Int32(index)).pointee.type) ?? .other
    }

    /// Whether an argument is absent or nil.
    @inlinable package func isNil(_ index: Int) -> Bool {
        let type = type(index)
        return type == .none || type == .nil
    }

    /// A string, or a number as Lua writes it; nil for anything else. The bytes are Lua's own and valid during the call.
    @inlinable package func bytes(_ index: Int) -> UnsafeRawBufferPointer? {
        guard hlua_call_text(raw, Int32(index)) else { return nil }
        let argument = hlua_call_argument(raw, Int32(index))
        return UnsafeRawBufferPointer(start: argument.pointee.bytes, count: argument.pointee.count)
    }

    /// `bytes` as a Swift string, invalid UTF-8 repaired.
    package func text(_ index: Int) -> String? {
        bytes(index).map { String(decoding: $0, as: UTF8.self) }
    }

    /// A number, or a string that reads as one.
    @inlinable package func number(_ index: Int) -> Double? {
        var number = 0.0
        return hlua_call_number(raw, Int32(index), &number) ? number : nil
    }

    /// A whole number, cut as Lua does; the nearest one for what is beyond them, 0 for what is no number at all.
    @inlinable package func integer(_ index: Int) -> Int? {
        number(index).map { $0.isNaN ? 0 : Int(exactly: $0.rounded(.towardZero)) ?? ($0 < 0 ? .min : .max) }
    }

    /// A boolean; nil for anything else.
    @inlinable package func boolean(_ index: Int) -> Bool? {
        type(index) == .boolean ? hlua_call_argument(raw, Int32(index)).pointee.boolean : nil
    }

    /// A live object of the class.
    @inlinable package func object<Host>(_ index: Int, _ type: LuaClass<Host>) -> Host? {
        var host: UnsafeMutableRawPointer?
        var tag: Int64 = 0
        guard hlua_call_object(raw, Int32(index), type.number, &host, &tag), let host else { return nil }
        // Safety: the shim has checked class and scope, and an object outlives its scope.
        return Unmanaged<Host>.fromOpaque(host).takeUnretainedValue()
    }

    /// A function, kept until ``LuaState/release(_:)``; nil when it is none or memory ran out.
    package func function(_ index: Int) -> LuaFunction? {
        let reference = hlua_call_keep(raw, Int32(index))
        return reference == HLUA_NO_FUNCTION ? nil : LuaFunction(reference: reference)
    }

    /// An argument of any type with all that is in it.
    package func value(_ index: Int, limits: LuaValueLimits = LuaValueLimits()) throws(LuaValueError) -> LuaValue {
        var buffer = hlua_buffer()
        defer { hlua_buffer_free(&buffer) }
        let result = hlua_call_read(raw, Int32(index), limits.depth, limits.bytes, &buffer)
        var reader = LuaValueReader(UnsafeRawBufferPointer(start: buffer.bytes, count: buffer.count))
        switch Int(result) {
        case HLUA_READ_OK: return try reader.next()
        case HLUA_READ_UNSUPPORTED:
            guard case .string(let name) = try reader.next() else { throw .unsupported("userdata") }
            throw .unsupported(String(decoding: name, as: UTF8.self))
        case HLUA_READ_TOO_DEEP: throw .tooDeep
        case HLUA_READ_TOO_LARGE: throw .tooLarge
        default: throw .exhausted
        }
    }
}

/// The type of a Lua value.
package enum LuaType: Int32, Sendable {
    /// Not given at all.
    case none = -1
    case `nil` = 0
    case boolean = 1
    case number = 3
    case string = 4
    case table = 5
    case function = 6
    /// A host object or a foreign userdata.
    case object = 7
    /// A coroutine or another type that hosts have no use for.
    case other = 8
}
