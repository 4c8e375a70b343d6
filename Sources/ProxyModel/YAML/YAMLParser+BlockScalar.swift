extension YAMLParser {
    /// What happens to the line breaks at the end of a block scalar (§8.1.1.2).
    private enum Chomping {
        case strip, clip, keep
    }

    /// A literal (`|`) or folded (`>`) scalar (§8.1), its indicator at the position.
    mutating func blockScalar(parent: Int, mark: ConfigMark) throws(YAMLError) -> YAMLNode {
        let isFolded = current == UInt8(ascii: ">")
        position += 1
        let (chomping, increment) = try blockScalarHeader()
        let indent =
            if let increment { max(parent, 0) + increment } else {
                try detectedIndentation(atLeast: max(parent + 1, 1))
            }

        var result: [UInt8] = []
        var (breaks, isFirst, wasIndented) = (0, true, false)
        while position < bytes.count, !atAnyMarker {
            var blanks = 0
            while blanks < indent, peek(blanks) == .space { blanks += 1 }
            if peek(blanks) == .lineFeed {
                position += blanks
                newLine()
                breaks += 1
                continue
            }
            guard blanks == indent, position + blanks < bytes.count else { break }
            position += blanks
            let isIndented = current == .space || current == .tab
            if !isFirst, isFolded, !isIndented, !wasIndented {
                result += Self.folded(breaks: breaks).utf8
            } else {
                result += repeatElement(.lineFeed, count: breaks)
            }
            let start = position
            while position < bytes.count, current != .lineFeed { position += 1 }
            result += bytes[start..<position]
            (breaks, isFirst, wasIndented) = (0, false, isIndented)
            if position < bytes.count {
                newLine()
                breaks = 1
            }
        }
        switch chomping {
        case .strip: break
        case .clip: if !isFirst, breaks > 0 { result.append(.lineFeed) }
        case .keep: result += repeatElement(.lineFeed, count: breaks)
        }
        return try node(.scalar(String(decoding: result, as: UTF8.self), isPlain: false), mark)
    }

    /// The indicators after `|` or `>` up to the end of their line.
    private mutating func blockScalarHeader() throws(YAMLError) -> (Chomping, increment: Int?) {
        var chomping: Chomping?
        var increment: Int?
        loop: while true {
            switch current {
            case UInt8(ascii: "-") where chomping == nil: chomping = .strip
            case UInt8(ascii: "+") where chomping == nil: chomping = .keep
            case UInt8(ascii: "1")...UInt8(ascii: "9") where increment == nil:
                increment = Int(current - UInt8(ascii: "0"))
            default: break loop
            }
            position += 1
        }
        guard isBlank(0) else { throw error("expected the end of the line after a block scalar's indicator") }
        while current == .space || current == .tab { position += 1 }
        if current == .hash, isBlank(-1) {
            while position < bytes.count, current != .lineFeed { position += 1 }
        }
        guard position == bytes.count || current == .lineFeed else {
            throw error("expected the end of the line after a block scalar's indicator")
        }
        if position < bytes.count { newLine() }
        return (chomping ?? .clip, increment)
    }

    /// The indentation of the first line that is not empty (§8.1.1.1). Consumes nothing.
    private mutating func detectedIndentation(atLeast minimum: Int) throws(YAMLError) -> Int {
        var (ahead, longest, longestAt) = (position, 0, position)
        while ahead < bytes.count {
            let start = ahead
            while ahead < bytes.count, bytes[ahead] == .space { ahead += 1 }
            let blanks = ahead - start
            if ahead < bytes.count, bytes[ahead] == .lineFeed {
                if blanks > longest { (longest, longestAt) = (blanks, start) }
                ahead += 1
                continue
            }
            guard ahead < bytes.count, blanks >= minimum else { break }
            if longest > blanks {
                while lineStart < longestAt {
                    while current != .lineFeed { position += 1 }
                    newLine()
                }
                throw error("an empty line at the start of a block scalar is indented deeper than the text")
            }
            if bytes[ahead] == .tab, blanks == 0 { throw error("a tab cannot indent; use spaces") }
            return blanks
        }
        return max(minimum, longest)
    }
}
