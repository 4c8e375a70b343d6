import Bytes
import Glibc
import HTTPModel

/// What a start line said.
struct StartLine {
    var isHTTP10 = false
    var isHead = false
    var isConnect = false
    /// The target was in absolute form: its authority beats Host.
    var isAbsolute = false
    /// Entry that Host fills; nil when the target brought the authority.
    var authorityEntry: Int?
    /// 0 in a request.
    var status = 0
}

// MARK: Request line (RFC 9112 section 3)

extension FieldScanner {
    mutating func scanRequestLine(_ line: inout StartLine) -> Outcome {
        while position < safeEnd, TokenTable.lower(byte(position)) != 0, position <= HTTP1Method.maximumLength {
            copyByte()
        }
        guard position < safeEnd else { return safeEnd == count ? .incomplete : .growText }
        let methodEnd = textEnd
        let method = UnsafeRawBufferPointer(start: fields.text, count: methodEnd)
        guard byte(position) == 0x20, methodEnd > 0, methodEnd <= HTTP1Method.maximumLength else {
            return .failed(.invalidMethod)
        }
        let kind = HTTP1Method.kind(method)
        guard kind != .unregistered || options.allowCustomMethods else { return .failed(.invalidMethod) }
        position &+= 1
        line.isConnect = kind == .connect
        line.isHead = kind == .head
        let isOptions = kind == .options

        switch scanTarget() {
        case .complete: break
        case let other: return other
        }
        let targetEnd = textEnd
        switch scanRequestVersion(&line) {
        case .complete: break
        case let other: return other
        }

        appendPseudo(NameIndex.method, start: 0, end: methodEnd, nameLength: 7)
        let target = UnsafeRawBufferPointer(start: fields.text + methodEnd, count: targetEnd &- methodEnd)
        if line.isConnect {
            guard let authority = Authority(target), authority.port != nil else { return .failed(.invalidTarget) }
            line.isAbsolute = true
            appendPseudo(NameIndex.authority, start: methodEnd, end: targetEnd, nameLength: 10)
        } else if target[0] == UInt8(ascii: "/") || (isOptions && target.equals("*")) {
            appendPseudo(NameIndex.path, start: methodEnd, end: targetEnd, nameLength: 5)
            line.authorityEntry = entryCount
            appendPseudo(NameIndex.authority, start: targetEnd, end: targetEnd, nameLength: 10)
        } else {
            guard options.allowAbsoluteURL else { return .failed(.invalidTarget) }
            line.isAbsolute = true
            return splitAbsoluteForm(start: methodEnd, end: targetEnd, isOptions: isOptions)
        }
        return .complete
    }

    /// Copies the target up to the blank behind it.
    private mutating func scanTarget() -> Outcome {
        let start = textEnd
        while true {
            if position &+ ByteVector.width <= safeEnd {
                let bytes = ByteVector.load(input, position)
                ByteVector.store(bytes, fields.text, textEnd)
                let stop = ByteVector.first(ByteVector.targetStops(bytes))
                position &+= stop
                textEnd &+= stop
                if stop == 16 { continue }
            } else {
                guard safeEnd == count else { return .growText }
                while position < count, !isTargetStop(byte(position)) { copyByte() }
                guard position < count else { return .incomplete }
            }
            if byte(position) != UInt8(ascii: "\\") { break }
            let before = UnsafeRawBufferPointer(start: fields.text + start, count: textEnd &- start)
            guard options.allowBackslashInPath || before.offset(of: UInt8(ascii: "?")) != nil else {
                return .failed(.invalidTarget)
            }
            copyByte()
        }
        switch byte(position) {
        case 0x20: break
        case 0x0D, 0x0A: return .failed(.invalidStartLine)
        default: return .failed(.invalidTarget)
        }
        guard textEnd > start else { return .failed(.invalidTarget) }
        position &+= 1
        return .complete
    }

    private func isTargetStop(_ byte: UInt8) -> Bool {
        byte &- 0x21 >= 0x5E || byte == UInt8(ascii: "#") || byte == UInt8(ascii: "\\")
    }

    private mutating func scanRequestVersion(_ line: inout StartLine) -> Outcome {
        switch scanVersion(&line) {
        case .complete: break
        case let other: return other
        }
        guard position < count else { return .incomplete }
        return scanLineEnd(otherwise: .invalidStartLine)
    }

    /// Takes apart a target in absolute form whose text lies at `start`..<`end` (RFC 9112 section 3.2.2).
    private mutating func splitAbsoluteForm(start: Int, end: Int, isOptions: Bool) -> Outcome {
        let target = UnsafeRawBufferPointer(start: fields.text + start, count: end - start)
        guard let colon = target.offset(of: UInt8(ascii: ":")), colon + 3 < target.count,
            target[colon + 1] == UInt8(ascii: "/"),
            target[colon + 2] == UInt8(ascii: "/")
        else { return .failed(.invalidTarget) }
        let scheme = target.slice(0, colon)
        guard scheme.equalsIgnoringCase("http") || scheme.equalsIgnoringCase("https") else {
            return .failed(.invalidTarget)
        }
        for offset in start..<(start + colon) {
            // Safety: the scheme lies in the text; it is written in lower case, for some peers compare bytes.
            fields.text.storeBytes(of: ASCII.lower(target[offset - start]), toByteOffset: offset, as: UInt8.self)
        }
        var authorityEnd = colon + 3
        while authorityEnd < target.count, target[authorityEnd] != UInt8(ascii: "/"),
            target[authorityEnd] != UInt8(ascii: "?")
        {
            authorityEnd += 1
        }
        guard Authority.isValid(target.slice(colon + 3, authorityEnd)) else { return .failed(.invalidHost) }

        let pathStart = start + authorityEnd
        var pathEnd = end
        if authorityEnd == target.count || target[authorityEnd] == UInt8(ascii: "?") {
            // An empty path is "/", in OPTIONS "*" (RFC 9112 section 3.2.4). The query moves up to make room for it; the
            // text stays shorter than what was read, for the blank before the target is not in it.
            let query = target.slice(authorityEnd, target.count)
            pathEnd = end + 1
            if let source = query.baseAddress, !query.isEmpty {
                memmove(fields.text + pathStart + 1, source, query.count)
            }
            let path = isOptions && query.isEmpty ? UInt8(ascii: "*") : UInt8(ascii: "/")
            fields.text.storeBytes(of: path, toByteOffset: pathStart, as: UInt8.self)
            textEnd = pathEnd
        }
        appendPseudo(NameIndex.path, start: pathStart, end: pathEnd, nameLength: 5)
        appendPseudo(NameIndex.scheme, start: start, end: start + colon, nameLength: 7)
        appendPseudo(NameIndex.authority, start: start + colon + 3, end: start + authorityEnd, nameLength: 10)
        return .complete
    }
}

// MARK: Status line (RFC 9112 section 4)

extension FieldScanner {
    mutating func scanStatusLine(_ line: inout StartLine) -> Outcome {
        switch scanVersion(&line) {
        case .complete: break
        case let other: return other
        }
        guard position &+ 4 < count else { return hasLineFeed ? .failed(.invalidStartLine) : .incomplete }
        guard fields.textCapacity > 3 + ByteVector.width else { return .growText }
        guard byte(position) == 0x20 else { return .failed(.invalidStartLine) }
        position &+= 1
        for _ in 0..<3 {
            let digit = byte(position) &- 48
            guard digit < 10 else { return .failed(.invalidStartLine) }
            line.status = line.status &* 10 &+ Int(digit)
            copyByte()
        }
        guard line.status >= 100 else { return .failed(.invalidStartLine) }
        appendPseudo(NameIndex.status, start: 0, end: 3, nameLength: 7)
        if byte(position) == 0x20 {
            // The reason phrase is looked at and forgotten.
            position &+= 1
            while position < count, isReasonByte(byte(position)) { position &+= 1 }
            guard position < count else { return .incomplete }
        }
        return scanLineEnd(otherwise: .invalidStartLine)
    }

    @inline(__always)
    private func isReasonByte(_ byte: UInt8) -> Bool {
        byte >= 0x20 && byte != 0x7F || byte == 0x09
    }

    /// Reads the version at `position`.
    @inline(__always)
    private mutating func scanVersion(_ line: inout StartLine) -> Outcome {
        guard position &+ 8 <= count else { return hasLineFeed ? .failed(.invalidStartLine) : .incomplete }
        let text = input.loadUnaligned(fromByteOffset: position, as: UInt64.self)
        position &+= 8
        if text == 0x312E_312F_5054_5448 {
            line.isHTTP10 = false
        } else if text == 0x302E_312F_5054_5448 {
            line.isHTTP10 = true
        } else {
            return .failed(versionError(text))
        }
        return .complete
    }

    /// Whether the bytes are `HTTP/`, a digit, a dot and a digit, but not a version we speak.
    private func versionError(_ text: UInt64) -> HTTP1Error {
        let major = UInt8(truncatingIfNeeded: text >> 40) &- 48
        let minor = UInt8(truncatingIfNeeded: text >> 56) &- 48
        let dot = UInt8(truncatingIfNeeded: text >> 48)
        guard text & 0xFF_FFFF_FFFF == 0x2F_5054_5448, major < 10, minor < 10, dot == UInt8(ascii: ".") else {
            return .invalidStartLine
        }
        return .unsupportedVersion
    }

    /// Whether the line that `position` is in ends before the input does.
    private var hasLineFeed: Bool {
        UnsafeRawBufferPointer(start: input + position, count: count - position).offset(of: 0x0A) != nil
    }
}
