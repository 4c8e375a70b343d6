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

    /// Index of the first lane that is set, 16 when none is.
    @inline(__always)
    static func first(_ mask: Mask) -> Int {
        // Safety: a mask has 16 lanes of one byte, all ones or all zeros; both processors we run on are little-endian.
        let words = unsafeBitCast(mask, to: SIMD2<UInt64>.self)
        if words[0] != 0 { return words[0].trailingZeroBitCount &>> 3 }
        return 8 &+ words[1].trailingZeroBitCount &>> 3
    }

    @inline(__always)
    static func isEmpty(_ mask: Mask) -> Bool {
        let words = unsafeBitCast(mask, to: SIMD2<UInt64>.self)
        return words[0] | words[1] == 0
    }

    /// Lanes that may not stand in a field value; the tab is among them and must be looked at.
    @inline(__always)
    static func controls(_ bytes: Bytes) -> Mask {
        (bytes .< 0x20) .| (bytes .== 0x7F)
    }

    /// Lanes that end a request target or need a look: blanks, controls, DEL and above, `#`, `\`.
    @inline(__always)
    static func targetStops(_ bytes: Bytes) -> Mask {
        ((bytes &- 0x21) .>= 0x5E) .| (bytes .== 0x23) .| (bytes .== 0x5C)
    }

    /// `bytes` with ASCII capitals made small.
    @inline(__always)
    static func lowerCase(_ bytes: Bytes) -> Bytes {
        bytes.replacing(with: bytes | 0x20, where: (bytes &- 0x41) .< 26)
    }

    /// Lanes that are not one of `a`-`z`, `0`-`9`, `-`: a short way to say yes to most names.
    @inline(__always)
    static func unusualNameBytes(_ lower: Bytes) -> Mask {
        ((lower &- 0x61) .>= 26) .& ((lower &- 0x30) .>= 10) .& (lower .!= 0x2D)
    }
}
