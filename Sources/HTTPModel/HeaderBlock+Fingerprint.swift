import Bytes

extension HeaderBlock {
    /// A hash by which a request is known again: of its method, authority and path, and of the names of all fields in
    /// their order; other values do not count. Two requests of one client differ where it sends other fields or asks for
    /// something else. It is no defence against somebody who looks for collisions.
    public var fingerprint: UInt64 {
        var hash = FingerprintHash()
        var index = 0
        while index < count {
            let entry = entries[index]
            if entry.known == 0 {
                hash.add(text.memory + Int(entry.nameOffset), Int(entry.nameLength))
            } else {
                hash.add(UInt64(entry.known))
                // Method, path and authority have the numbers 1 to 3.
                if entry.known <= KnownHeader.authority.rawValue {
                    hash.add(text.memory + Int(entry.valueOffset), Int(entry.valueLength))
                }
            }
            index += 1
        }
        return hash.value
    }
}

/// Rotate, exclusive or, multiply: three instructions for eight bytes.
private struct FingerprintHash {
    private var state: UInt64 = 0

    @inline(__always)
    mutating func add(_ word: UInt64) {
        state = ((state &<< 5 | state &>> 59) ^ word) &* 0x9E37_79B9_7F4A_7C15
    }

    /// - Parameter bytes: may be read up to seven bytes past their end, as those of a ``ByteWriter`` can (its slack).
    @inline(__always)
    mutating func add(_ bytes: UnsafeMutableRawPointer, _ count: Int) {
        add(UInt64(truncatingIfNeeded: count))
        var offset = 0
        while offset + 8 <= count {
            add(bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
            offset += 8
        }
        guard offset < count else { return }
        let last = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
        add(last & (1 &<< UInt64(truncatingIfNeeded: (count - offset) &* 8) &- 1))
    }

    /// Never 0, which stands for no request.
    var value: UInt64 { max(1, state ^ state &>> 32) }
}
