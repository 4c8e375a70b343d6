import Bytes
import DataPlane
import HTTPModel
import LuaRuntime
import Observability
import Reactor
import TrafficPolicy

/// Header maps: the message's headers, its trailers, and the request's headers as the response hook sees them.
extension LuaHook {
    static let headersTag = 0
    static let trailersTag = 1
    static let requestHeadersTag = 2

    /// Bytes of names and values that a script may fill a header map to.
    private static let maximumHeaderBytes = 256 * 1024

    static let headersType = LuaClass<LuaHook>(
        "HeaderMap", pairs: "pairs",
        methods: [
            .worker("get", orNil: true) { hook, call in hook.get(call) },
            .worker("getAtIndex", orNil: true) { hook, call in hook.getAtIndex(call) },
            .worker("getNumValues") { hook, call in
                guard let name = call.bytes(1) else { return call.badArgument(1, expected: "string") }
                let tag = call.tag
                hook.chargeSearch(call)
                return call.returning(hook.withName(name, tag) { name in hook.withFields(tag) { $0.valueCount(of: name) } })
            },
            .worker("add") { hook, call in hook.write(call, replaces: false) },
            .worker("replace") { hook, call in hook.write(call, replaces: true) },
            .worker("remove") { hook, call in hook.remove(call) },
            .worker("setHttp1ReasonPhrase") { hook, call in
                guard let phrase = call.bytes(1) else { return call.badArgument(1, expected: "string") }
                if let refusal = hook.refusal(call.tag) { return call.fail(refusal) }
                guard HeaderRules.isValidValue(phrase) else { return call.fail("invalid reason phrase") }
                if hook.direction == .response, call.tag == headersTag { hook.stream?.setReasonPhrase(phrase) }
                return .results
            },
            .worker("pairs") { hook, call in
                guard hook.iterators[call.tag] < 0 else {
                    return call.fail("cannot create a second iterator before completing the first")
                }
                hook.iterators[call.tag] = 0
                hook.isIterating = true
                call.results.add(nextHeader, on: hook, tag: call.tag)
                return .results
            },
            .worker("nextHeader", hidden: true) { hook, call in hook.nextHeader(call) },
        ] + logMethods)

    private static let nextHeader: LuaBoundMethod<LuaHook> = headersType.bound("nextHeader")

    // MARK: Access

    func withFields<Result>(_ tag: Int, _ body: (inout HeaderBlock) -> Result) -> Result {
        // A hook's objects are out of scope when it has no stream.
        guard let stream else { preconditionFailure("a header map without a message") }
        switch (direction, tag) {
        case (.request, Self.trailersTag): return body(&stream.requestTrailers)
        case (.response, Self.trailersTag): return body(&stream.responseTrailers)
        case (.request, _), (_, Self.requestHeadersTag): return body(&stream.requestHeaders)
        case (.response, _): return body(&stream.responseHeaders)
        }
    }

    /// Longest name that is made lower-case without a heap allocation, and more than any real one.
    private static let longestName = 1024

    func withName<Result>(_ name: UnsafeRawBufferPointer, _ tag: Int, _ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        Self.withName(name, hasAuthority: tag != Self.trailersTag && (direction == .request || tag == Self.requestHeadersTag), body)
    }

    /// Adds what a field's value is: all of one name joined with commas; nothing where there is none.
    static func add(_ name: UnsafeRawBufferPointer, of fields: borrowing HeaderBlock, to results: borrowing LuaValues) {
        guard let first = fields.firstIndex(of: name) else { return }
        guard fields.firstIndex(of: name, from: first + 1) != nil else { return results.add(fields.value(at: first)) }
        addJoined(fields, name, first, to: results)
    }

    /// Calls `body` with the name in lower case; `host` of a request is `:authority`, as header blocks have it.
    static func withName<Result>(
        _ name: UnsafeRawBufferPointer, hasAuthority: Bool = true, _ body: (UnsafeRawBufferPointer) -> Result
    ) -> Result {
        if name.count == 4, hasAuthority, name.equalsIgnoringCase("host") { return body(UnsafeRawBufferPointer(":authority")) }
        var isLower = true
        for byte in name where byte &- 65 < 26 { isLower = false }
        guard !isLower, name.count <= longestName else { return body(name) }
        return withUnsafeTemporaryAllocation(byteCount: name.count, alignment: 1) { lower in
            for index in 0..<name.count { lower[index] = ASCII.lower(name[index]) }
            return body(UnsafeRawBufferPointer(lower))
        }
    }

    /// Fields stand one behind the other: who looks for one looks at each.
    private func chargeSearch(_ call: borrowing LuaCall) { call.charge(fuel: withFields(call.tag) { $0.count } * 4) }

    // MARK: Reading

    private func get(_ call: borrowing LuaCall) -> LuaReply {
        guard let name = call.bytes(1) else { return call.badArgument(1, expected: "string") }
        chargeSearch(call)
        let results = call.results
        withName(name, call.tag) { name in
            withFields(call.tag) { fields in Self.add(name, of: fields, to: results) }
        }
        return .results
    }

    /// Several fields of one name read as one, with commas between their values.
    private static func addJoined(
        _ fields: borrowing HeaderBlock, _ name: UnsafeRawBufferPointer, _ first: Int, to results: borrowing LuaValues
    ) {
        var joined: [UInt8] = []
        var index: Int? = first
        while let current = index {
            if current != first { joined.append(UInt8(ascii: ",")) }
            joined.append(contentsOf: fields.value(at: current))
            index = fields.firstIndex(of: name, from: current + 1)
        }
        joined.withUnsafeBytes { results.add($0) }
    }

    private func getAtIndex(_ call: borrowing LuaCall) -> LuaReply {
        guard let name = call.bytes(1) else { return call.badArgument(1, expected: "string") }
        guard let wanted = call.integer(2) else { return call.badArgument(2, expected: "number") }
        guard wanted >= 0 else { return .results }
        chargeSearch(call)
        let results = call.results
        withName(name, call.tag) { name in
            withFields(call.tag) { fields in
                var rest = wanted
                var index = fields.firstIndex(of: name)
                while let current = index {
                    if rest == 0 {
                        results.add(fields.value(at: current))
                        return
                    }
                    rest -= 1
                    index = fields.firstIndex(of: name, from: current + 1)
                }
            }
        }
        return .results
    }

    private func nextHeader(_ call: borrowing LuaCall) -> LuaReply {
        let position = iterators[call.tag]
        guard position >= 0 else { return .results }
        let results = call.results
        iterators[call.tag] = withFields(call.tag) { fields in
            // Twice through the fields: pseudo-headers come first, wherever they stand.
            for place in position..<max(position, 2 * fields.count) {
                let isFirst = place < fields.count
                let index = isFirst ? place : place - fields.count
                let name = fields.name(at: index)
                guard (name.first == UInt8(ascii: ":")) == isFirst else { continue }
                results.add(name)
                results.add(fields.value(at: index))
                return place + 1
            }
            return -1
        }
        return .results
    }

    // MARK: Writing

    /// Whether the map may be changed now; what to raise when not.
    private func refusal(_ tag: Int) -> String? {
        if iterators[tag] >= 0 { return "header map cannot be modified while iterating" }
        let isFixed = tag == Self.headersTag || (tag == Self.requestHeadersTag && direction == .request)
        return isFixed && headReleased ? "header map can no longer be modified" : nil
    }

    private func write(_ call: borrowing LuaCall, replaces: Bool) -> LuaReply {
        guard let name = call.bytes(1) else { return call.badArgument(1, expected: "string") }
        guard let value = call.bytes(2) else { return call.badArgument(2, expected: "string") }
        let tag = call.tag
        if let refusal = refusal(tag) { return call.fail(refusal) }
        willWrite(tag)
        chargeSearch(call)
        let problem = withName(name, tag) { name -> String? in
            if let problem = HeaderText.problem(name, value, Self.section(direction, tag)) { return problem }
            return withFields(tag) { fields in
                guard fields.byteCount + name.count + value.count <= Self.maximumHeaderBytes else { return "header map is full" }
                // A second pseudo-header would be a broken message.
                if replaces || name[0] == UInt8(ascii: ":") { fields.set(name, value) } else { fields.append(name, value) }
                return nil
            }
        }
        if let problem { return call.fail(problem) }
        wrote(name, tag)
        return .results
    }

    private func remove(_ call: borrowing LuaCall) -> LuaReply {
        guard let name = call.bytes(1) else { return call.badArgument(1, expected: "string") }
        let tag = call.tag
        if let refusal = refusal(tag) { return call.fail(refusal) }
        chargeSearch(call)
        if direction == .response, tag == Self.headersTag, name.equals(":status") { return call.fail(":status cannot be removed") }
        willWrite(tag)
        withName(name, tag) { name in withFields(tag) { _ = $0.remove(name) } }
        wrote(name, tag)
        return .results
    }

    /// Where a write does not clear the route, the route is that of the request as it came.
    private func willWrite(_ tag: Int) {
        if direction == .request, tag == Self.headersTag, !factory.clearsRouteCache { _ = stream?.route }
    }

    private func wrote(_ name: UnsafeRawBufferPointer, _ tag: Int) {
        guard tag == Self.headersTag else { return }
        if name.count == 14, name.equalsIgnoringCase("content-length") { lengthTouched = true }
        if direction == .request, factory.clearsRouteCache, !filter.isUpstream { stream?.clearRouteCache() }
    }

    private static func section(_ direction: Direction, _ tag: Int) -> HeaderText.Section {
        if tag == trailersTag { return .trailers }
        return direction == .request || tag == requestHeadersTag ? .request : .response
    }
}

/// What a script may write into a header map: what a parser would have let in (hostile input row 57).
enum HeaderText {
    /// Which pseudo-headers belong there.
    enum Section { case request, response, trailers }

    /// Why a field cannot be written, nil when it can. The name is lower-case.
    static func problem(_ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer, _ section: Section) -> String? {
        if name.count > 0, name[0] == UInt8(ascii: ":") {
            guard isPseudoHeader(name, section) else { return "invalid header name: \(name.text)" }
            for byte in value where byte <= 0x20 || byte == 0x7F { return "invalid header value for: \(name.text)" }
            if section == .response, !isFinalStatus(value) { return ":status must be between 200-599" }
            return nil
        }
        guard HeaderRules.isValidName(name) else { return "invalid header name: \(name.text)" }
        guard HeaderRules.isValidValue(value) else { return "invalid header value for: \(name.text)" }
        return nil
    }

    /// Whether `value` is the status of a response that is not an interim one.
    static func isFinalStatus(_ value: UnsafeRawBufferPointer) -> Bool {
        guard let status = value.decimal else { return false }
        return value.count == 3 && status >= 200 && status <= 599
    }

    private static func isPseudoHeader(_ name: UnsafeRawBufferPointer, _ section: Section) -> Bool {
        switch section {
        case .request:
            name.equals(":path") || name.equals(":method") || name.equals(":authority") || name.equals(":scheme")
                || name.equals(":protocol")
        case .response: name.equals(":status")
        case .trailers: false
        }
    }
}
