import Bytes

/// Takes chunk framing apart (RFC 9112 section 7.1): sizes in at most 16 hexadecimal digits, CRLF everywhere, chunk
/// extensions counted and dropped.
struct ChunkedDecoder: Equatable {
    enum Step: Equatable {
        case needMore(consumed: Int)
        /// A piece of chunk data at `offset` of the input.
        case data(offset: Int, count: Int)
        /// The last chunk's line was read up to its end; the trailer section follows.
        case lastChunk(consumed: Int)
        case failed(HTTP1Error)
    }

    private enum Place: UInt8 {
        /// At the first digit of a size. Next: digits.
        case size
        /// Within the digits. Next: extension, sizeFeed.
        case digits
        /// Behind blanks or a semicolon. Next: sizeFeed.
        case blanks, `extension`
        /// The LF of the size line is due. Next: data, or the end.
        case sizeFeed
        /// Within the data. Next: dataReturn.
        case data
        /// The CR, then the LF behind the data is due. Next: size.
        case dataReturn, dataFeed
    }

    private static let maximumDigits = 16

    private var remaining: UInt64 = 0
    private var extensionBytes: Int32 = 0
    private var place = Place.size
    private var digits: UInt8 = 0

    /// Reads on; `limit` bounds the bytes of all extensions of this body.
    mutating func next(_ input: UnsafeRawBufferPointer, limit: Int) -> Step {
        var index = 0
        while index < input.count {
            let byte = input[index]
            switch place {
            case .size, .digits:
                if let digit = ASCII.hexadecimal(byte) {
                    guard digits < Self.maximumDigits else { return .failed(.invalidChunk) }
                    remaining = remaining << 4 | UInt64(digit)
                    digits += 1
                    place = .digits
                } else {
                    guard place == .digits, let next = afterSize(byte) else { return .failed(.invalidChunk) }
                    place = next
                    if next != .sizeFeed { extensionBytes += 1 }
                }
            case .blanks:
                guard let next = afterSize(byte) else { return .failed(.invalidChunk) }
                place = next
                if next != .sizeFeed { extensionBytes += 1 }
            case .extension:
                if byte == 0x0D {
                    place = .sizeFeed
                } else {
                    guard byte >= 0x20 && byte != 0x7F || byte == 0x09 else { return .failed(.invalidChunk) }
                    extensionBytes += 1
                }
            case .sizeFeed:
                guard byte == 0x0A, remaining <= UInt64(Int64.max) else { return .failed(.invalidChunk) }
                digits = 0
                guard remaining > 0 else { return .lastChunk(consumed: index + 1) }
                place = .data
            case .data:
                let available = input.count - index
                let size = remaining < UInt64(available) ? Int(remaining) : available
                remaining -= UInt64(size)
                if remaining == 0 { place = .dataReturn }
                return .data(offset: index, count: size)
            case .dataReturn:
                guard byte == 0x0D else { return .failed(.invalidChunk) }
                place = .dataFeed
            case .dataFeed:
                guard byte == 0x0A else { return .failed(.invalidChunk) }
                place = .size
            }
            guard extensionBytes <= limit else { return .failed(.chunkExtensionsTooLarge) }
            index += 1
        }
        return .needMore(consumed: index)
    }

    /// What may follow the digits: the line's end, blanks (which all peers take), or an extension.
    private func afterSize(_ byte: UInt8) -> Place? {
        switch byte {
        case 0x0D: .sizeFeed
        case 0x20, 0x09: .blanks
        case UInt8(ascii: ";"): .extension
        default: nil
        }
    }
}
