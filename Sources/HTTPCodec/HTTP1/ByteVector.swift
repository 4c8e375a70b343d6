/// Sixteen bytes at a time, on any processor: comparisons give a mask, and the mask's two words say where.
enum ByteVector {
    typealias Bytes = SIMD16<UInt8>
    typealias Mask = SIMDMask<SIMD16<Int8>>

    static let width = 16

    // Safety: the caller has 16 readable bytes at `offset`.
    @inline(__always)
    static func load(_ base: UnsafeRawPointer, _ offset: Int) -> Bytes {
        base.loadUnaligned(fromByteOffset: offset, as: Bytes.self)
    }

    // Safety: the caller has 16 writable bytes at `offset`.
    @inline(__always)
    static func store(_ bytes: Bytes, _ base: UnsafeMutableRawPointer, _ offset: Int) {
        base.storeBytes(of: bytes, toByteOffset: offset, as: Bytes.self)
    }

    /// A vector of one byte. The operators that take a scalar are loops over the lanes, those on two vectors are one
    /// instruction, so this is written out everywhere.
    @inline(__always)
    static func all(_ byte: UInt8) -> Bytes { Bytes(repeating: byte) }

    /// Index of the first lane that is set, 16 when none is.
    @inline(__always)
    static func first(_ mask: Mask) -> Int {
        // Safety: a mask has 16 lanes of one byte, all ones or all zeros; both processors we run on are little-endian.
        let words = unsafeBitCast(mask, to: SIMD2<UInt64>.self)
        if words[0] != 0 { return words[0].trailingZeroBitCount &>> 3 }
        return 8 &+ words[1].trailingZeroBitCount &>> 3
    }

    /// Whether a lane is set among those whose byte in `lanes` is all ones.
    @inline(__always)
    static func isAny(_ mask: Mask, within lanes: Bytes) -> Bool {
        // Safety: as in `first`.
        let words = unsafeBitCast(unsafeBitCast(mask, to: Bytes.self) & lanes, to: SIMD2<UInt64>.self)
        return words[0] | words[1] != 0
    }

    /// Lanes that may not stand in a field value; the tab is among them and must be looked at.
    @inline(__always)
    static func controls(_ bytes: Bytes) -> Mask {
        (bytes .< all(0x20)) .| (bytes .== all(0x7F))
    }

    /// Lanes that end a request target or need a look: blanks, controls, DEL and above, `#`, `\`.
    @inline(__always)
    static func targetStops(_ bytes: Bytes) -> Mask {
        ((bytes &- all(0x21)) .>= all(0x5E)) .| (bytes .== all(0x23)) .| (bytes .== all(0x5C))
    }

    /// `bytes` with ASCII capitals made small.
    @inline(__always)
    static func lowerCase(_ bytes: Bytes) -> Bytes {
        bytes.replacing(with: bytes | all(0x20), where: (bytes &- all(0x41)) .< all(26))
    }

    /// Lanes that are not one of `a`-`z`, `0`-`9`, `-`: a short way to say yes to most names.
    @inline(__always)
    static func unusualNameBytes(_ lower: Bytes) -> Mask {
        ((lower &- all(0x61)) .>= all(26)) .& ((lower &- all(0x30)) .>= all(10)) .& (lower .!= all(0x2D))
    }
}
