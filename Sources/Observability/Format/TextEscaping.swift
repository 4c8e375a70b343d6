public import Bytes

/// How text from outside is written so that it cannot pretend to be something else.
enum TextEscaping {
    /// As it is; the caller validates (header values).
    case none
    /// Control characters, quotes and backslashes get a backslash: no client can add a line or a field to a log.
    case line
    /// As RFC 8259 wants it inside quotes; what is not UTF-8 becomes U+FFFD.
    case json
}

extension ByteWriter {
    /// Appends `text` escaped; runs of harmless bytes are copied whole.
    mutating func append(_ text: UnsafeRawBufferPointer, _ escaping: TextEscaping) {
        switch escaping {
        case .none: append(text)
        case .line: appendEscapedLine(text)
        case .json: appendJSON(text)
        }
    }

    /// Appends `text` as a log line may hold it: `\n`, `\"`, `\\`, `\x1b`.
    public mutating func appendEscapedLine(_ text: UnsafeRawBufferPointer) {
        var start = 0
        for index in 0..<text.count {
            let byte = text[index]
            guard byte < 0x20 || byte == 0x22 || byte == 0x5C || byte == 0x7F else { continue }
            append(text.slice(start, index))
            start = index + 1
            append(0x5C)
            switch byte {
            case 0x22, 0x5C: append(byte)
            case 0x0A: append(0x6E)
            case 0x0D: append(0x72)
            case 0x09: append(0x74)
            default:
                append(0x78)
                appendHexadecimalDigit(byte >> 4)
                appendHexadecimalDigit(byte & 15)
            }
        }
        append(text.slice(start, text.count))
    }

    /// Appends `text` as the inside of a JSON string.
    public mutating func appendJSON(_ text: UnsafeRawBufferPointer) {
        var start = 0
        var index = 0
        while index < text.count {
            let byte = text[index]
            if byte >= 0x20, byte < 0x80, byte != 0x22, byte != 0x5C {
                index += 1
                continue
            }
            if byte >= 0x80 {
                let (length, isValid) = UTF8Sequence.length(text, at: index)
                if !isValid {
                    append(text.slice(start, index))
                    append("\u{FFFD}")
                    start = index + length
                }
                index += length
                continue
            }
            append(text.slice(start, index))
            appendJSONEscape(byte)
            index += 1
            start = index
        }
        append(text.slice(start, text.count))
    }

    private mutating func appendJSONEscape(_ byte: UInt8) {
        append(0x5C)
        switch byte {
        case 0x22, 0x5C: append(byte)
        case 0x0A: append(0x6E)
        case 0x0D: append(0x72)
        case 0x09: append(0x74)
        default:
            append("u00")
            appendHexadecimalDigit(byte >> 4)
            appendHexadecimalDigit(byte & 15)
        }
    }

    mutating func appendHexadecimalDigit(_ digit: UInt8) {
        append(digit < 10 ? digit &+ 48 : digit &+ 87)
    }
}

/// UTF-8 as RFC 3629 defines it.
private enum UTF8Sequence {
    /// How many bytes at `index` (which is not ASCII) belong together, and whether they are a character. Of an invalid
    /// sequence, the longest part that could have begun one (Unicode, "maximal subpart").
    static func length(_ text: UnsafeRawBufferPointer, at index: Int) -> (length: Int, isValid: Bool) {
        let lead = text[index]
        let size: Int
        var range: ClosedRange<UInt8> = 0x80...0xBF
        switch lead {
        case 0xC2...0xDF: size = 2
        case 0xE0: (size, range) = (3, 0xA0...0xBF)
        case 0xED: (size, range) = (3, 0x80...0x9F)
        case 0xE1...0xEF: size = 3
        case 0xF0: (size, range) = (4, 0x90...0xBF)
        case 0xF4: (size, range) = (4, 0x80...0x8F)
        case 0xF1...0xF3: size = 4
        default: return (1, false)
        }
        for step in 1..<size {
            guard index + step < text.count, range.contains(text[index + step]) else { return (step, false) }
            range = 0x80...0xBF
        }
        return (size, true)
    }
}
