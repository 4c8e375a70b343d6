import Bytes
import DataPlane
import HTTPModel
import Observability
import Reactor
import TrafficPolicy

/// Base64 with padding (RFC 4648 section 4).
enum Base64 {
    private static let alphabet: StaticString = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

    /// Bytes of the text.
    static func encodedCount(_ count: Int) -> Int { (count + 2) / 3 * 4 }

    /// - Parameter room: of `encodedCount` bytes.
    static func encode(_ bytes: UnsafeRawBufferPointer, into room: UnsafeMutableRawBufferPointer) {
        let alphabet = Self.alphabet.utf8Start
        var at = 0
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let rest = bytes.count - start
            let group =
                UInt32(bytes[start]) << 16 | (rest > 1 ? UInt32(bytes[start + 1]) << 8 : 0) | (rest > 2 ? UInt32(bytes[start + 2]) : 0)
            room[at] = alphabet[Int(group >> 18)]
            room[at + 1] = alphabet[Int(group >> 12 & 63)]
            room[at + 2] = rest > 1 ? alphabet[Int(group >> 6 & 63)] : UInt8(ascii: "=")
            room[at + 3] = rest > 2 ? alphabet[Int(group & 63)] : UInt8(ascii: "=")
            at += 4
        }
    }

    /// The bytes, read as leniently as Envoy does: white space is passed over, padding (`=` or `.`) may be left out but not
    /// be wrong, and bits behind the last byte count for nothing. Nil when it is no Base64 even so.
    static func decode(_ text: UnsafeRawBufferPointer) -> [UInt8]? {
        var isValid = true
        let bytes = [UInt8](unsafeUninitializedCapacity: text.count / 4 * 3 + 3) { room, written in
            var group: UInt32 = 0
            var digits = 0
            var padding = 0
            for byte in text where !isSpace(byte) {
                if byte == UInt8(ascii: "=") || byte == UInt8(ascii: ".") {
                    padding += 1
                    continue
                }
                guard padding == 0, let value = value(byte) else {
                    isValid = false
                    return
                }
                group = group << 6 | value
                digits += 1
                guard digits % 4 != 1 else { continue }
                room[written] = UInt8(truncatingIfNeeded: group >> UInt32(6 - 2 * ((digits + 3) % 4)))
                written += 1
            }
            isValid = digits % 4 != 1 && (padding == 0 || padding == (4 - digits % 4) % 4)
        }
        return isValid ? bytes : nil
    }

    private static func isSpace(_ byte: UInt8) -> Bool { byte == UInt8(ascii: " ") || (9...13).contains(byte) }

    private static func value(_ byte: UInt8) -> UInt32? {
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): UInt32(byte - 65)
        case UInt8(ascii: "a")...UInt8(ascii: "z"): UInt32(byte - 71)
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(byte + 4)
        case UInt8(ascii: "+"): 62
        case UInt8(ascii: "/"): 63
        default: nil
        }
    }
}
