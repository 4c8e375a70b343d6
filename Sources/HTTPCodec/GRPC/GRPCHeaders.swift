public import Bytes

/// Values of the header fields of gRPC over HTTP/2.
public enum GRPCHeaders {
    /// Whether a `content-type` is gRPC's: `application/grpc`, alone or with `+` and a format.
    public static func isGRPC(contentType: UnsafeRawBufferPointer) -> Bool {
        let name = UnsafeRawBufferPointer("application/grpc")
        guard contentType.hasPrefix(name) else { return false }
        return contentType.count == name.count || contentType[name.count] == UInt8(ascii: "+")
    }

    /// Reads `grpc-timeout`: one to eight digits and a unit. Anything else is no timeout.
    public static func timeout(_ value: UnsafeRawBufferPointer) -> Duration? {
        guard value.count >= 2, value.count <= 9, let number = value.slice(0, value.count - 1).decimal else {
            return nil
        }
        let amount = Int64(number)
        switch value[value.count - 1] {
        case UInt8(ascii: "H"): return .seconds(amount * 3600)
        case UInt8(ascii: "M"): return .seconds(amount * 60)
        case UInt8(ascii: "S"): return .seconds(amount)
        case UInt8(ascii: "m"): return .milliseconds(amount)
        case UInt8(ascii: "u"): return .microseconds(amount)
        case UInt8(ascii: "n"): return .nanoseconds(amount)
        default: return nil
        }
    }

    /// Writes `grpc-timeout` in the finest unit in which it has at most eight digits, rounded up; a negative one as 0.
    public static func writeTimeout(_ timeout: Duration, to writer: inout ByteWriter) {
        let (seconds, attoseconds) = timeout.components
        guard seconds >= 0, attoseconds >= 0 else { return writer.append("0n") }
        let limit: Int64 = 99_999_999
        let nanoseconds = (attoseconds + 999_999_999) / 1_000_000_000
        let units: [(perSecond: Int64, letter: UInt8)] = [
            (1_000_000_000, UInt8(ascii: "n")), (1_000_000, UInt8(ascii: "u")), (1000, UInt8(ascii: "m")),
            (1, UInt8(ascii: "S")),
        ]
        for (perSecond, letter) in units where seconds <= limit / perSecond {
            let part = 1_000_000_000 / perSecond
            let amount = seconds * perSecond + (nanoseconds + part - 1) / part
            guard amount <= limit else { continue }
            writer.append(decimal: amount)
            return writer.append(letter)
        }
        let minutes = seconds / 60 + 1
        writer.append(decimal: min(minutes <= limit ? minutes : minutes / 60 + 1, limit))
        writer.append(minutes <= limit ? UInt8(ascii: "M") : UInt8(ascii: "H"))
    }

    /// Writes text as a `grpc-message`: UTF-8 with everything but visible ASCII and blanks, and the percent sign, escaped.
    public static func writeMessage(_ message: UnsafeRawBufferPointer, to writer: inout ByteWriter) {
        let digits: StaticString = "0123456789ABCDEF"
        for byte in message {
            if byte >= 0x20, byte <= 0x7E, byte != UInt8(ascii: "%") {
                writer.append(byte)
            } else {
                writer.append(UInt8(ascii: "%"))
                writer.append(digits.utf8Start[Int(byte >> 4)])
                writer.append(digits.utf8Start[Int(byte & 15)])
            }
        }
    }

    /// Reads a `grpc-message`; escapes that are none stay as they are, as the specification asks.
    public static func readMessage(_ value: UnsafeRawBufferPointer, to writer: inout ByteWriter) {
        var index = 0
        while index < value.count {
            if value[index] == UInt8(ascii: "%"), index + 2 < value.count,
                let high = ASCII.hexadecimal(value[index + 1]),
                let low = ASCII.hexadecimal(value[index + 2])
            {
                writer.append(high << 4 | low)
                index += 3
            } else {
                writer.append(value[index])
                index += 1
            }
        }
    }
}
