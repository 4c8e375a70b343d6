/// The hash FNV-1a with 64 bits: tells texts apart that nobody chooses to be alike.
public struct FNV1a {
    /// Of what was added so far.
    public private(set) var value: UInt64 = 0xCBF2_9CE4_8422_2325

    /// Of nothing.
    public init() {}

    /// Of all bytes.
    public init(_ bytes: some Sequence<UInt8>) { add(bytes) }

    /// Goes on with a byte.
    public mutating func add(_ byte: UInt8) { value = (value ^ UInt64(byte)) &* 0x100_0000_01B3 }

    /// Goes on with all bytes.
    public mutating func add(_ bytes: some Sequence<UInt8>) { for byte in bytes { add(byte) } }
}
