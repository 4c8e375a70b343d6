import Bytes
import HTTPModel

/// Raw values of the known names that heads are made of, as constants of this module: no call into another in the way.
enum NameIndex {
    static let method: UInt8 = 1
    static let path: UInt8 = 2
    static let authority: UInt8 = 3
    static let scheme: UInt8 = 4
    static let status: UInt8 = 6
    static let contentLength: UInt8 = 7
    static let transferEncoding: UInt8 = 8
    static let connection: UInt8 = 9
    static let upgrade: UInt8 = 12
    static let te: UInt8 = 13
    static let host: UInt8 = 17
}

/// Known names of up to 15 bytes as two words each, for a parser that holds a name in a vector register.
///
/// The hash has no collisions (a seed without any is searched once), so one probe decides.
struct ShortNameTable: Sendable {
    /// One slot: the name as a little-endian 16-byte word, zero behind its end.
    struct Slot: Sendable {
        var low: UInt64 = 0
        var high: UInt64 = 0
        /// Raw value of the known name, 0 in an empty slot.
        var known: UInt64 = 0
        /// Length of the name: without it NUL bytes behind a name would pass for the zeros.
        var length = 0
    }

    static let shared = ShortNameTable()
    private static let bits: UInt64 = 9

    // Safety: written once in `init`, then read only; lives as long as the process.
    nonisolated(unsafe) let slots: UnsafePointer<Slot>
    let seed: UInt64
    /// Seventeen rows of sixteen bytes: row n has n bytes of ones, then zeros.
    // Safety: as `slots`.
    nonisolated(unsafe) let prefixes: UnsafeRawPointer

    private init() {
        prefixes = Self.makePrefixes()
        let count = 1 << Int(Self.bits)
        let slots = UnsafeMutablePointer<Slot>.allocate(capacity: count)
        var seed: UInt64 = 0x9E37_79B9_7F4A_7C15
        search: while true {
            slots.initialize(repeating: Slot(), count: count)
            for index in UInt8(7)...63 {
                let name = KnownHeader(rawValue: index).name
                guard name.count < 16 else { continue }
                var slot = Slot()
                slot.known = UInt64(index)
                slot.length = name.count
                for (place, byte) in name.enumerated() {
                    if place < 8 {
                        slot.low |= UInt64(byte) << UInt64(place * 8)
                    } else {
                        slot.high |= UInt64(byte) << UInt64((place - 8) * 8)
                    }
                }
                let place = Self.hash(slot.low, slot.high, seed)
                guard slots[place].known == 0 else {
                    seed = seed &* 0x5851_F42D_4C95_7F2D &+ 0x1405_7B7E_F767_814F | 1
                    continue search
                }
                slots[place] = slot
            }
            break
        }
        self.slots = UnsafePointer(slots)
        self.seed = seed
    }

    private static func makePrefixes() -> UnsafeRawPointer {
        let table = UnsafeMutableRawPointer.allocate(byteCount: 17 * 16, alignment: 16)
        for row in 0...16 {
            for column in 0..<16 {
                table.storeBytes(of: column < row ? 0xFF : 0, toByteOffset: row * 16 + column, as: UInt8.self)
            }
        }
        return UnsafeRawPointer(table)
    }

    /// Slot of a lower-case name given as two words.
    @inline(__always)
    static func hash(_ low: UInt64, _ high: UInt64, _ seed: UInt64) -> Int {
        Int(truncatingIfNeeded: ((low ^ (high &<< 3 &+ high &>> 7)) &* seed) &>> (64 &- bits))
    }
}

/// Every known name followed by a colon and a space, in rows of one size, so that a writer copies whole vectors.
struct WireNameTable: Sendable {
    static let stride = 48
    static let lowerCase = WireNameTable(properCase: false)
    static let properCase = WireNameTable(properCase: true)

    // Safety: written once in `init`, then read only; live as long as the process.
    nonisolated(unsafe) let rows: UnsafeRawPointer
    /// Length of each row's text, colon and space included.
    nonisolated(unsafe) let lengths: UnsafePointer<UInt8>

    private init(properCase: Bool) {
        let rows = UnsafeMutableRawPointer.allocate(byteCount: 64 * Self.stride, alignment: 16)
        let lengths = UnsafeMutablePointer<UInt8>.allocate(capacity: 64)
        rows.initializeMemory(as: UInt8.self, repeating: 0, count: 64 * Self.stride)
        lengths.initialize(repeating: 0, count: 64)
        for index in UInt8(1)...63 {
            let name = KnownHeader(rawValue: index).name
            precondition(name.count + 2 <= Self.stride, "a known name is too long for its row")
            var atStart = true
            for (place, byte) in name.enumerated() {
                let upper = properCase && atStart && byte >= 0x61 && byte <= 0x7A
                rows.storeBytes(
                    of: upper ? byte - 32 : byte, toByteOffset: Int(index) * Self.stride + place, as: UInt8.self)
                atStart = byte == UInt8(ascii: "-")
            }
            rows.storeBytes(of: 0x3A, toByteOffset: Int(index) * Self.stride + name.count, as: UInt8.self)
            rows.storeBytes(of: 0x20, toByteOffset: Int(index) * Self.stride + name.count + 1, as: UInt8.self)
            lengths[Int(index)] = UInt8(name.count + 2)
        }
        self.rows = UnsafeRawPointer(rows)
        self.lengths = UnsafePointer(lengths)
    }
}

/// Which bytes may stand in a token (RFC 9110 section 5.6.2), as a literal, so that no lookup asks whether it was made.
enum TokenTable {
    /// Lower-case form of each ASCII byte that may stand in a token, `"` for all others.
    private static var table: StaticString {
        """
        \"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\
        \"!\"#$%&'\"\"*+\"-.\"0123456789\"\"\"\"\"\"\
        \"abcdefghijklmnopqrstuvwxyz\"\"\"^_\
        `abcdefghijklmnopqrstuvwxyz\"|\"~\"
        """
    }

    /// Lower-case form of `byte`, 0 when it may not stand in a token.
    @inline(__always)
    static func lower(_ byte: UInt8) -> UInt8 {
        guard byte < 0x80 else { return 0 }
        let lower = table.utf8Start[Int(byte)]
        return lower == UInt8(ascii: "\"") ? 0 : lower
    }
}
