import Bytes
import HTTPModel

// MARK: Heads

extension HTTP1Parser {
    mutating func nextHead(_ input: UnsafeRawBufferPointer, into fields: inout HeaderBlock) -> HTTP1Step {
        guard !input.isEmpty else { return HTTP1Step(.needMore) }
        if !isRequest, expected == nil { return fail(.unexpectedData) }
        if searched > 0 || input[0] > 0x0D { return parseHead(input, into: &fields) }

        var skipped = 0
        while skipped < input.count, input[skipped] == 0x0D || input[skipped] == 0x0A {
            switch emptyLine(input.slice(skipped, input.count)) {
            case .length(let size): skipped += size
            case .unfinished: return HTTP1Step(.needMore, consumed: skipped)
            case .failed(let error): return fail(error)
            }
        }
        guard skipped < input.count else { return HTTP1Step(.needMore, consumed: skipped) }
        var step = parseHead(input.slice(skipped, input.count), into: &fields)
        step.consumed += skipped
        return step
    }

    private mutating func parseHead(_ input: UnsafeRawBufferPointer, into fields: inout HeaderBlock) -> HTTP1Step {
        // Seen before: only the end is looked for, unless there is so much more that a look for faults pays.
        if searched > 0, input.count < Int(lastAttempt) * 2 {
            guard sectionEnd(input) != nil else { return needMoreOfHead(input) }
        }
        let visible = input.count > options.maximumHeadBytes ? input.slice(0, options.maximumHeadBytes) : input
        let section: HeadFacts.Section = isRequest ? .request : .response
        while true {
            var scanner = FieldScanner(
                input: visible, fields: fields.lendEmpty(), options: options, names: rules.names, section: section,
                interesting: rules.interesting)
            var line = StartLine()
            var outcome = isRequest ? scanner.scanRequestLine(&line) : scanner.scanStatusLine(&line)
            if outcome == .complete { outcome = scanner.scanFields() }
            switch outcome {
            case .complete:
                searched = 0
                lastAttempt = 0
                emptyLines = 0
                droppedFields = scanner.droppedFields
                return finishHead(scanner, line, into: &fields)
            case .growText: fields.growEmptyText()
            case .growFields: fields.growEmptyEntries()
            case .failed(let error): return fail(error)
            case .incomplete:
                guard visible.count == input.count, input.count < options.maximumHeadBytes else {
                    return fail(.headTooLarge)
                }
                lastAttempt = Int32(clamping: input.count)
                return needMoreOfHead(input)
            }
        }
    }

    private enum EmptyLine {
        case length(Int)
        case unfinished
        case failed(HTTP1Error)
    }

    /// Measures the empty line that `input` begins with. Before a request some may stand, before a response none.
    private mutating func emptyLine(_ input: UnsafeRawBufferPointer) -> EmptyLine {
        guard isRequest, emptyLines < Self.maximumEmptyLines else { return .failed(.invalidStartLine) }
        if input[0] == 0x0A {
            guard options.allowBareLF else { return .failed(.invalidLineEnd) }
            emptyLines += 1
            return .length(1)
        }
        guard input.count > 1 else { return .unfinished }
        guard input[1] == 0x0A else { return .failed(.invalidLineEnd) }
        emptyLines += 1
        return .length(2)
    }

    private mutating func needMoreOfHead(_ input: UnsafeRawBufferPointer) -> HTTP1Step {
        guard input.count < options.maximumHeadBytes else { return fail(.headTooLarge) }
        searched = Int32(clamping: input.count)
        return HTTP1Step(.needMore)
    }

    /// Looks for the end of a head or trailer section behind what was searched before.
    /// - Returns: offset behind the empty line, nil when there is none yet.
    func sectionEnd(_ input: UnsafeRawBufferPointer) -> Int? {
        var start = min(Int(searched), input.count)
        while let found = input.slice(start, input.count).offset(of: 0x0A) {
            let feed = start + found
            let content = feed > 0 && input[feed - 1] == 0x0D ? feed - 1 : feed
            if content == 0 || input[content - 1] == 0x0A { return feed + 1 }
            start = feed + 1
        }
        return nil
    }
}

// MARK: From fields to framing (RFC 9112 section 6.3)

extension HTTP1Parser {
    private mutating func finishHead(
        _ scanner: borrowing FieldScanner, _ line: StartLine, into fields: inout HeaderBlock
    ) -> HTTP1Step {
        let facts = scanner.facts
        var head = HTTP1Head(
            version: line.isHTTP10 ? .http10 : .http11, keepAlive: keepsAlive(line, facts),
            hasUpgrade: facts.signs.isSuperset(of: [.upgrade, .upgradeToken]) && !line.isHTTP10,
            hasHopByHop: facts.signs.contains(.hopByHop))
        var byteCount = scanner.byteCount
        var entryCount = scanner.entryCount
        var present = scanner.present
        if isRequest {
            if line.isHTTP10, !options.acceptHTTP10 { return fail(.lowVersion) }
            if let error = placeHost(scanner, line, &entryCount, &byteCount, &present) { return fail(error) }
            head.isHead = line.isHead
            head.isConnect = line.isConnect
        }
        fields.adopt(count: entryCount, textCount: scanner.textEnd, byteCount: byteCount, present: present)
        let error = isRequest ? frameRequest(&head, line, facts) : frameResponse(&head, line, facts)
        if let error { return fail(error) }
        if facts.contentLengths > 0, facts.coding == .chunked {
            fields.remove(.contentLength)
            head.keepAlive = false
        }
        return HTTP1Step(.head(head), consumed: scanner.position)
    }

    @inline(__always)
    private func keepsAlive(_ line: StartLine, _ facts: HeadFacts) -> Bool {
        if facts.signs.contains(.close) { return false }
        return !line.isHTTP10 || facts.signs.contains(.keepAlive)
    }

    /// Makes Host the authority, unless the target brought one.
    @inline(__always)
    private func placeHost(
        _ scanner: borrowing FieldScanner, _ line: StartLine, _ entryCount: inout Int, _ byteCount: inout Int,
        _ present: inout UInt64
    ) -> HTTP1Error? {
        let facts = scanner.facts
        if facts.hosts == 0 {
            if !line.isHTTP10 { return .missingHost }
            if let entry = line.authorityEntry {
                // HTTP/1.0 without a Host: there is no authority, and what stands behind its entry moves up.
                let behind = entryCount - entry - 1
                (scanner.fields.entries + entry).update(from: scanner.fields.entries + entry + 1, count: behind)
                entryCount -= 1
                byteCount -= 10
                present &= ~(1 << UInt64(KnownHeader.authority.rawValue))
            }
            return nil
        }
        let host = UnsafeRawBufferPointer(start: scanner.fields.text + facts.hostStart, count: facts.hostLength)
        guard facts.hosts == 1, Self.isPlainName(host) || Authority.isValid(host) else { return .invalidHost }
        if let entry = line.authorityEntry {
            scanner.fields.entries[entry].valueOffset = UInt32(truncatingIfNeeded: facts.hostStart)
            scanner.fields.entries[entry].valueLength = UInt32(truncatingIfNeeded: facts.hostLength)
            byteCount += facts.hostLength
        }
        return nil
    }

    /// Whether a host is made of letters, digits, hyphens and dots only, as nearly all are.
    @inline(__always)
    private static func isPlainName(_ host: UnsafeRawBufferPointer) -> Bool {
        guard let base = host.baseAddress, host.count > 0, host.count <= 2 * ByteVector.width else { return false }
        var offset = 0
        repeat {
            // Safety: the text has 16 bytes of slack behind every value.
            let bytes = ByteVector.load(base, offset)
            let unusual = ByteVector.unusualNameBytes(ByteVector.lowerCase(bytes)) .& (bytes .!= ByteVector.all(0x2E))
            if ByteVector.first(unusual) < min(host.count &- offset, ByteVector.width) { return false }
            offset &+= ByteVector.width
        } while offset < host.count
        return true
    }

    /// Checks that come before any framing: each field for itself, then both together.
    @inline(__always)
    private func checkFraming(_ line: StartLine, _ facts: HeadFacts) -> HTTP1Error? {
        if facts.contentLengths > 0 {
            guard facts.contentLengths == 1 else { return .duplicateContentLength }
            guard facts.contentLength != nil else { return .invalidContentLength }
        }
        switch facts.coding {
        case .none: return nil
        case .malformed: return .invalidTransferEncoding
        case .unsupported:
            return facts.contentLengths > 0 ? .contentLengthAndChunked : .unsupportedTransferEncoding
        case .chunked:
            guard !line.isHTTP10 else { return .transferEncodingNotAllowed }
            guard facts.contentLengths == 0 || options.allowChunkedLength else { return .contentLengthAndChunked }
            return nil
        }
    }

    @inline(__always)
    private mutating func frameRequest(_ head: inout HTTP1Head, _ line: StartLine, _ facts: HeadFacts) -> HTTP1Error? {
        if let error = checkFraming(line, facts) { return error }
        if facts.signs.contains(.wrongNomination) { return .wrongNomination }
        if facts.coding == .chunked {
            head.framing = .chunked
        } else if let length = facts.contentLength {
            head.framing = .length(length)
        }
        if head.isConnect {
            // A body before the tunnel would be read by some peers and tunnelled by others (RFC 9110 section 9.3.6).
            if facts.coding != .none { return .transferEncodingNotAllowed }
            if head.framing.hasBody { return .contentLengthNotAllowed }
            head.framing = .none
            // What follows is the tunnel's, whatever the answer.
            head.keepAlive = false
            state = .switching
            return nil
        }
        if facts.signs.contains(.unknownExpectation) { return .unknownExpectation }
        if head.hasUpgrade, head.framing.hasBody { return .upgradeWithBody }
        head.expectContinue = facts.signs.contains(.expectContinue) && !line.isHTTP10 && head.framing.hasBody
        enterBody(head.framing)
        return nil
    }

    private mutating func frameResponse(_ head: inout HTTP1Head, _ line: StartLine, _ facts: HeadFacts) -> HTTP1Error? {
        let status = line.status
        guard let expectation = expected else { return .unexpectedData }
        if let error = checkFraming(line, facts) { return error }
        head.isHead = expectation.toHead
        head.isConnect = expectation.toConnect
        let tunnels = expectation.toConnect && status / 100 == 2
        if status < 200 || status == 204 || tunnels {
            if facts.coding != .none { return .transferEncodingNotAllowed }
            if facts.contentLength ?? 0 > 0 { return .contentLengthNotAllowed }
        }
        if status == 101 || tunnels {
            expected = nil
            state = .switching
            return nil
        }
        if status < 200 {
            guard expectation.informationalHeads < options.maximumInformationalHeads else {
                return .tooManyInformationalHeads
            }
            expected = Expectation(
                toHead: expectation.toHead, toConnect: expectation.toConnect,
                informationalHeads: expectation.informationalHeads + 1)
            head.informational = true
            return nil
        }
        expected = nil
        if expectation.toHead || status == 204 || status == 304 {
            state = .ending
            return nil
        }
        if facts.coding == .chunked {
            head.framing = .chunked
        } else if let length = facts.contentLength {
            head.framing = .length(length)
        } else {
            head.framing = .untilClose
            head.keepAlive = false
        }
        enterBody(head.framing)
        return nil
    }

    @inline(__always)
    private mutating func enterBody(_ framing: HTTP1Framing) {
        switch framing {
        case .none, .length(0): state = .ending
        case .length(let size): state = .length(remaining: size)
        case .chunked: state = .chunks(ChunkedDecoder())
        case .untilClose: state = .untilClose
        }
    }
}

// MARK: Trailers (RFC 9112 section 7.1.2)

extension HTTP1Parser {
    /// Parses the trailer section at `start` of the input once all of it is there.
    mutating func nextTrailers(
        _ input: UnsafeRawBufferPointer, from start: Int, into fields: inout HeaderBlock
    ) -> HTTP1Step {
        let rest = input.slice(start, input.count)
        guard let end = sectionEnd(rest) else {
            guard rest.count < options.maximumTrailerBytes else { return fail(.trailersTooLarge) }
            searched = Int32(clamping: rest.count)
            return HTTP1Step(.needMore, consumed: start)
        }
        guard end <= options.maximumTrailerBytes else { return fail(.trailersTooLarge) }
        searched = 0
        if end == 2, rest[0] == 0x0D {
            state = .idle
            return HTTP1Step(.end, consumed: start + 2)
        }
        var strict = options
        strict.allowBareLF = false
        while true {
            var scanner = FieldScanner(
                input: rest.slice(0, end), fields: fields.lendEmpty(), options: strict, names: rules.names,
                section: .trailers, interesting: HeadFacts.interesting(in: .trailers))
            switch scanner.scanFields() {
            case .complete:
                fields.adopt(
                    count: scanner.entryCount, textCount: scanner.textEnd, byteCount: scanner.byteCount,
                    present: scanner.present)
                state = .ending
                return HTTP1Step(.trailers, consumed: start + scanner.position)
            case .growText: fields.growEmptyText()
            case .growFields: fields.growEmptyEntries()
            case .failed(let error): return fail(error)
            case .incomplete: return fail(.invalidLineEnd)
            }
        }
    }
}
