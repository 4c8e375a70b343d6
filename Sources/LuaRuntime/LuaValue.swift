import CLuaJIT

/// A Lua value that is plain data, apart from any state.
package indirect enum LuaValue: Sendable, Equatable {
    case `nil`
    case boolean(Bool)
    case number(Double)
    case string([UInt8])
    /// A table with the keys 1 to n.
    case array([LuaValue])
    /// A table whose keys are strings, in the order of Lua's own traversal; an empty table too.
    case map([LuaField])

    /// A string value of some text.
    package static func text(_ text: String) -> LuaValue { .string(Array(text.utf8)) }

    /// The value of a map's key.
    package subscript(_ key: String) -> LuaValue? {
        guard case .map(let fields) = self else { return nil }
        return fields.first { $0.key.elementsEqual(key.utf8) }?.value
    }
}

/// One entry of a map.
package struct LuaField: Sendable, Equatable {
    package let key: [UInt8]
    package let value: LuaValue

    package init(_ key: [UInt8], _ value: LuaValue) {
        self.key = key
        self.value = value
    }

    /// - Parameter key: text that Lua sees as its UTF-8 bytes.
    package init(_ key: String, _ value: LuaValue) {
        self.init(Array(key.utf8), value)
    }
}

/// How much of a script's table is taken over.
package struct LuaValueLimits: Sendable {
    /// Tables within tables.
    package var depth: Int32
    /// Bytes in all, counting about ten for each value.
    package var bytes: Int

    package init(depth: Int32 = 32, bytes: Int = 1 << 20) {
        self.depth = depth
        self.bytes = bytes
    }
}

/// Why a script's value is not plain data.
package enum LuaValueError: Error, Equatable {
    /// A function, thread or userdata: the type's name.
    case unsupported(String)
    /// A table whose keys are neither all strings nor 1 to n: the type of the key that does not fit.
    case mixedKeys(String)
    /// Deeper than the limit, perhaps a cycle.
    case tooDeep
    /// Larger than the limit.
    case tooLarge
    /// Memory or the budget ran out.
    case exhausted
}
