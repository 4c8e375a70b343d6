import Bytes

/// Text in, text out: for configuration, tests, logs and admin, never on the hot path.
extension HeaderBlock {
    /// All values of a name joined with a comma, as RFC 9110 section 5.3 allows; nil when absent.
    public subscript(_ name: String) -> String? {
        var lower = name.lowercased()
        return lower.withUTF8 { buffer -> String? in
            let name = UnsafeRawBufferPointer(buffer)
            var index = firstIndex(of: name)
            guard index != nil else { return nil }
            var values: [String] = []
            while let current = index {
                values.append(value(at: current).text)
                index = firstIndex(of: name, from: current + 1)
            }
            return values.joined(separator: ",")
        }
    }

    /// Appends a field given as text; the name is made lower-case.
    public mutating func append(_ name: String, _ value: String) {
        var name = name.lowercased()
        var value = value
        name.withUTF8 { name in
            value.withUTF8 { append(UnsafeRawBufferPointer(name), UnsafeRawBufferPointer($0)) }
        }
    }

    /// Sets the one value of a name given as text.
    public mutating func set(_ name: String, _ value: String) {
        var name = name.lowercased()
        var value = value
        name.withUTF8 { name in
            value.withUTF8 { set(UnsafeRawBufferPointer(name), UnsafeRawBufferPointer($0)) }
        }
    }

    /// All fields in order.
    public var fields: [(name: String, value: String)] {
        var result: [(name: String, value: String)] = []
        for index in 0..<count { result.append((name(at: index).text, value(at: index).text)) }
        return result
    }
}
