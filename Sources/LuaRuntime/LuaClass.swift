package import CLuaJIT

/// A class of host objects as the shim knows it; `LuaClass` gives it its Swift type.
///
/// Made once, usually as a global constant, and shared by all states.
package class AnyLuaClass: @unchecked Sendable {
    // Safety: written during init only; the C side and all threads read it.
    @usableFromInline let raw: UnsafeMutablePointer<hlua_class>
    private let methods: UnsafeMutableBufferPointer<hlua_method>
    private let names: [UnsafeMutablePointer<CChar>]

    /// Names of the methods that objects have.
    package var methodNames: [String] {
        (0..<Int(raw.pointee.count)).filter { !methods[$0].hidden }.map { String(cString: methods[$0].name) }
    }

    /// The number objects carry.
    @inlinable var number: UInt32 { raw.pointee.id }

    /// The name in messages about wrong arguments.
    package let name: String

    fileprivate struct Entry {
        let name: String
        let hidden: Bool
        let orNil: Bool
        let body: LuaMethodBody
    }

    fileprivate init(name: String, entries: [Entry], pairs: String?, tostring: String?) {
        self.name = name
        let raw = UnsafeMutablePointer<hlua_class>.allocate(capacity: 1)
        let methods = UnsafeMutableBufferPointer<hlua_method>.allocate(capacity: max(entries.count, 1))
        var names = [copyCString(name)]
        for (index, entry) in entries.enumerated() {
            let name = copyCString(entry.name)
            names.append(name)
            methods.initializeElement(
                at: index,
                to: hlua_method(
                    name: name, body: Unmanaged.passRetained(entry.body).toOpaque(), owner: raw, hidden: entry.hidden,
                    or_nil: entry.orNil))
        }
        func find(_ wanted: String?) -> UnsafePointer<hlua_method>? {
            guard let wanted else { return nil }
            guard let index = entries.firstIndex(where: { $0.name == wanted }) else {
                preconditionFailure("class \(name) has no method \(wanted)")
            }
            return UnsafePointer(methods.baseAddress.map { $0 + index })
        }
        guard let first = methods.baseAddress else { preconditionFailure("an allocation has no address") }
        raw.initialize(
            to: hlua_class(
                name: names[0], id: hlua_next_class_id(), count: UInt32(entries.count), invoke: invokeBody,
                methods: first, pairs: find(pairs), tostring: find(tostring)))
        self.raw = raw
        self.methods = methods
        self.names = names
    }

    deinit {
        for index in 0..<Int(raw.pointee.count) {
            Unmanaged<LuaMethodBody>.fromOpaque(methods[index].body).release()
        }
        names.forEach { $0.deallocate() }
        methods.deallocate()
        raw.deallocate()
    }

    fileprivate func method(_ wanted: String) -> UnsafePointer<hlua_method> {
        for index in 0..<Int(raw.pointee.count) where String(cString: methods[index].name) == wanted {
            return UnsafePointer(raw.pointee.methods + index)
        }
        preconditionFailure("class \(name) has no method \(wanted)")
    }
}

/// A class of objects that scripts can hold, each standing for a Swift object of type `Host`.
package final class LuaClass<Host: AnyObject>: AnyLuaClass, @unchecked Sendable {
    // Safety: adds nothing to its parent, which is written in `init` only.

    /// - Parameters:
    ///   - name: what messages call the class.
    ///   - pairs: the method that `pairs(object)` calls; its results are iterator, state and first control value.
    ///   - tostring: the method that `tostring(object)` calls.
    package init(_ name: String, pairs: String? = nil, tostring: String? = nil, methods: [LuaMethod<Host>]) {
        super.init(
            name: name, entries: methods.map { AnyLuaClass.Entry(name: $0.name, hidden: $0.hidden, orNil: $0.orNil, body: $0.body) },
            pairs: pairs, tostring: tostring)
    }

    /// A method to hand to Lua as a function of its own with `LuaValues.add(_:on:)`.
    package func bound(_ method: String) -> LuaBoundMethod<Host> { LuaBoundMethod(raw: self.method(method)) }
}

/// A method of a class that is handed to Lua together with its object.
package struct LuaBoundMethod<Host: AnyObject>: @unchecked Sendable {
    // Safety: memory of the class, which its owner keeps; never written after the class was made.
    @usableFromInline let raw: UnsafePointer<hlua_method>
}

/// One method of a class.
package struct LuaMethod<Host: AnyObject>: Sendable {
    let name: String
    let hidden: Bool
    let orNil: Bool
    let body: LuaMethodBody

    /// - Parameters:
    ///   - name: the name in Lua; also in messages about wrong arguments.
    ///   - hidden: not a field of objects, only to be handed out as a bound method.
    ///   - orNil: where it has no result it returns nil rather than nothing, which many functions refuse.
    ///   - call: what the method does; it must not touch the state it is called from.
    package init(
        _ name: String, hidden: Bool = false, orNil: Bool = false, _ call: @escaping @Sendable (Host, borrowing LuaCall) -> LuaReply
    ) {
        self.name = name
        self.hidden = hidden
        self.orNil = orNil
        // Safety: an object's class number was checked by the shim, and only a `Host` can be given out under it.
        body = LuaMethodBody { host, raw in
            Unmanaged<Host>.fromOpaque(host)._withUnsafeGuaranteedRef { call($0, LuaCall(raw)) }
        }
    }
}

/// The closure behind a method, in a box that C can point at.
final class LuaMethodBody: Sendable {
    let call: @Sendable (UnsafeMutableRawPointer, UnsafeMutablePointer<hlua_call>) -> LuaReply

    init(_ call: @escaping @Sendable (UnsafeMutableRawPointer, UnsafeMutablePointer<hlua_call>) -> LuaReply) {
        self.call = call
    }
}

private func invokeBody(_ body: UnsafeMutableRawPointer, _ call: UnsafeMutablePointer<hlua_call>) -> Int32 {
    // Every object is made with a host.
    guard let host = call.pointee.host else { preconditionFailure("a Lua object without its host") }
    return Unmanaged<LuaMethodBody>.fromOpaque(body)._withUnsafeGuaranteedRef { $0.call(host, call).code }
}

private func copyCString(_ text: String) -> UnsafeMutablePointer<CChar> {
    let bytes = text.utf8CString
    let copy = UnsafeMutableBufferPointer<CChar>.allocate(capacity: bytes.count)
    _ = copy.initialize(from: bytes)
    guard let first = copy.baseAddress else { preconditionFailure("an allocation has no address") }
    return first
}
