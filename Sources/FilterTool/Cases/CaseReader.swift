import Foundation
import LuaRuntime
import ProxyModel

/// Why a file of cases cannot be used.
package struct CaseError: Error, Equatable, CustomStringConvertible {
    package let description: String

    init(_ file: String, _ line: Int, _ message: String) {
        description = line > 0 ? "\(file):\(line): \(message)" : "\(file): \(message)"
    }
}

/// Reads files of cases, in YAML or Lua, strictly: what it does not know is an error.
package struct CaseReader {
    private let file: String
    private let folder: String

    /// Reads one file.
    /// - Parameter script: used where the file names none.
    package static func read(_ file: String, script: String?) throws(CaseError) -> CaseSet {
        guard let bytes = FileManager.default.contents(atPath: file) else { throw CaseError(file, 0, "cannot be read") }
        let root: CaseValue
        if file.hasSuffix(".lua") {
            do throws(LuaError) {
                root = try LuaCases.read(Array(bytes))
            } catch {
                throw CaseError(file, 0, SourceNames.readable(error.message, script: file))
            }
        } else {
            root = try value(String(decoding: bytes, as: UTF8.self), of: file)
        }
        let folder = file.contains("/") ? String(file[..<(file.lastIndex(of: "/") ?? file.startIndex)]) : "."
        return try CaseReader(file: file, folder: folder).set(root, script)
    }

    /// One value in YAML or JSON.
    static func value(_ text: String, of file: String) throws(CaseError) -> CaseValue {
        do throws(YAMLError) {
            return CaseValue(try YAMLParser.parse(text))
        } catch {
            throw CaseError(file, error.mark.line, error.message)
        }
    }

    private func set(_ root: CaseValue, _ script: String?) throws(CaseError) -> CaseSet {
        let keys = ["script", "settings", "config", "filters", "routes", "upstreams", "cases"]
        let members = try members(root, "the file", 1, keys)
        guard case .list(let items)? = members["cases"]?.value, !items.isEmpty else {
            if !file.hasSuffix(".lua") { throw CaseError(file, 1, "needs a list \"cases\" with at least one case") }
            throw CaseError(file, 0, "makes no case: case { name = …, request = …, expect = … } is expected")
        }
        var answers: [String: [WireMessage]] = [:]
        if let upstreams = members["upstreams"] { answers = try self.answers(upstreams) }
        var cases: [FilterCase] = []
        for item in items { cases.append(try filterCase(item, members["settings"]?.value, answers)) }
        let named = members["script"]?.value.plain.map { "\(folder)/\($0)" } ?? script
        guard named != nil || members["filters"] != nil else {
            throw CaseError(file, 1, "needs \"script\" or \"filters\": there is not one Lua file beside it that it could mean")
        }
        var clusters = ["main"]
        let used = (members["routes"]?.value.values(of: "cluster") ?? []) + (members["routes"]?.value.values(of: "name") ?? [])
        let called = cases.flatMap(\.exchanges).flatMap { Array($0.answers.keys) + $0.expectation.calls.map(\.cluster) }
        for name in used + called.sorted() + cases.flatMap(\.exchanges).compactMap(\.expectation.cluster)
        where name != "*" && name != "none" && !clusters.contains(name) { clusters.append(name) }
        return CaseSet(
            file: file, script: named, config: try config(members["config"]), filters: members["filters"]?.value,
            routes: members["routes"]?.value, clusters: clusters, cases: cases)
    }

    /// A relative `module_path` begins at the file of cases, as `script` does.
    private func config(_ member: CaseValue.Member?) throws(CaseError) -> CaseValue? {
        guard let member else { return nil }
        guard case .map(let members) = member.value else { throw CaseError(file, member.line, "\"config\" is a map") }
        return .map(
            members.map { one in
                guard one.key == "module_path", let path = one.value.plain, !path.hasPrefix("/") else { return one }
                return CaseValue.Member(key: one.key, value: .text("\(folder)/\(path)"), line: one.line)
            })
    }

    private func filterCase(
        _ value: CaseValue, _ settings: CaseValue?, _ answers: [String: [WireMessage]]
    ) throws(CaseError) -> FilterCase {
        let keys = ["name", "settings", "after", "request", "upstream", "upstreams", "expect", "then"]
        let members = try members(value, "a case", 0, keys)
        guard let name = members["name"], let text = name.value.plain else {
            throw CaseError(file, members.values.map(\.line).min() ?? 0, "a case needs a \"name\"")
        }
        var exchanges = [try exchange(members, name.line, answers)]
        if let more = members["then"] {
            guard case .list(let items) = more.value else { throw CaseError(file, more.line, "\"then\" is a list") }
            for item in items {
                let members = try self.members(item, "an item of \"then\"", more.line, ["after", "request", "upstream", "upstreams", "expect"])
                exchanges.append(try exchange(members, more.line, answers))
            }
        }
        return FilterCase(name: text, line: name.line, settings: members["settings"]?.value ?? settings, exchanges: exchanges)
    }

    private func exchange(
        _ members: [String: CaseValue.Member], _ line: Int, _ common: [String: [WireMessage]]
    ) throws(CaseError) -> CaseExchange {
        var answers = common
        if let upstreams = members["upstreams"] {
            answers.merge(try self.answers(upstreams)) { _, own in own }
        }
        if let upstream = members["upstream"] { answers["*"] = try messages(upstream) }
        let request = try members["request"].map { member throws(CaseError) in try self.request(member) } ?? WireMessage()
        let after = try members["after"].map { member throws(CaseError) in try seconds(member) } ?? 0
        return CaseExchange(after: after, request: request, answers: answers, expectation: try expectation(members["expect"], line))
    }

    /// Seconds in nanoseconds: long enough for a timer, too short to be forgotten.
    private func seconds(_ member: CaseValue.Member) throws(CaseError) -> UInt64 {
        guard let seconds = member.value.plain.flatMap(Double.init), (0...10).contains(seconds) else {
            throw CaseError(file, member.line, "\"\(member.key)\" is a number of seconds from 0 to 10")
        }
        return UInt64(seconds * 1e9)
    }

    // MARK: Messages

    private func request(_ member: CaseValue.Member) throws(CaseError) -> WireMessage {
        let members = try members(member.value, "\"request\"", member.line, ["method", "path", "host", "headers", "body", "file"])
        var message = WireMessage()
        if let recorded = members["file"]?.value.plain {
            guard let bytes = FileManager.default.contents(atPath: "\(folder)/\(recorded)") else {
                throw CaseError(file, member.line, "\(recorded) cannot be read")
            }
            do throws(WireError) {
                message = try WireMessage(recorded: Array(bytes))
            } catch {
                throw CaseError(file, member.line, "\(recorded): \(error)")
            }
        }
        for (key, name) in [("method", ":method"), ("path", ":path"), ("host", ":authority")] {
            guard let value = members[key]?.value.plain else { continue }
            message.fields.removeAll { $0.name == name }
            message.fields.append(WireMessage.Field(name, value))
        }
        try addHeaders(members["headers"], to: &message)
        if let body = members["body"] { message.body = try self.body(body) }
        return message
    }

    /// One answer, or a list of them for one request after the other.
    private func messages(_ member: CaseValue.Member) throws(CaseError) -> [WireMessage] {
        guard case .list(let items) = member.value else { return [try answer(member.value, member.line)] }
        var messages: [WireMessage] = []
        for item in items { messages.append(try answer(item, member.line)) }
        return messages
    }

    private func answers(_ member: CaseValue.Member) throws(CaseError) -> [String: [WireMessage]] {
        guard case .map(let clusters) = member.value else {
            throw CaseError(file, member.line, "\"upstreams\" is a map of clusters")
        }
        var answers: [String: [WireMessage]] = [:]
        for cluster in clusters { answers[cluster.key] = try messages(cluster) }
        return answers
    }

    private func answer(_ value: CaseValue, _ line: Int) throws(CaseError) -> WireMessage {
        let members = try members(value, "an answer", line, ["status", "headers", "body"])
        var message = WireMessage(fields: [WireMessage.Field(":status", members["status"]?.value.plain ?? "200")])
        try addHeaders(members["headers"], to: &message)
        if let body = members["body"] { message.body = try self.body(body) }
        return message
    }

    private func addHeaders(_ member: CaseValue.Member?, to message: inout WireMessage) throws(CaseError) {
        guard let member else { return }
        guard case .map(let headers) = member.value else { throw CaseError(file, member.line, "\"headers\" is a map") }
        for header in headers {
            var values = [header.value]
            if case .list(let list) = header.value { values = list }
            for value in values {
                guard let text = value.plain else {
                    throw CaseError(file, header.line, "\(header.key): expected text or a list of texts")
                }
                message.fields.append(WireMessage.Field(header.key.lowercased(), text))
            }
        }
    }

    /// Text as it is; anything else as JSON.
    private func body(_ member: CaseValue.Member) throws(CaseError) -> [UInt8] {
        switch member.value {
        case .text(let text): Array(text.utf8)
        case .null: []
        default: Array(member.value.json.utf8)
        }
    }

    // MARK: Expectations

    private func expectation(_ member: CaseValue.Member?, _ line: Int) throws(CaseError) -> CaseExpectation {
        guard let member else { throw CaseError(file, line, "needs \"expect\": a case without one cannot fail") }
        let keys = ["status", "headers", "body", "cluster", "request", "calls", "log", "metrics", "errors"]
        let members = try members(member.value, "\"expect\"", member.line, keys)
        guard !members.isEmpty else { throw CaseError(file, member.line, "\"expect\" is empty: such a case cannot fail") }
        var expectation = CaseExpectation()
        expectation.response = try message(members, ["status": ":status"])
        if let request = members["request"] { expectation.request = try self.request(expected: request) }
        if let cluster = members["cluster"] { expectation.cluster = cluster.value.plain ?? "none" }
        if let calls = members["calls"], case .map(let clusters) = calls.value {
            for cluster in clusters { expectation.calls.append((cluster.key, try self.request(expected: cluster))) }
        }
        if let log = members["log"] {
            expectation.log = log.value.plain.map { [$0] } ?? []
            if case .list(let lines) = log.value { expectation.log = lines.compactMap(\.plain) }
        }
        if let metrics = members["metrics"] { expectation.metrics = try counters(metrics) }
        if let errors = members["errors"] {
            guard let count = errors.value.plain.flatMap({ Int($0) }) else { throw CaseError(file, errors.line, "\"errors\" is a number") }
            expectation.scriptErrors = count
        }
        return expectation
    }

    private func counters(_ member: CaseValue.Member) throws(CaseError) -> [(name: String, value: UInt64)] {
        guard case .map(let members) = member.value else { throw CaseError(file, member.line, "\"metrics\" is a map of counters") }
        var counters: [(name: String, value: UInt64)] = []
        for counter in members {
            guard let value = counter.value.plain.flatMap({ UInt64($0) }) else {
                throw CaseError(file, counter.line, "\(counter.key): expected a whole number")
            }
            counters.append((counter.key, value))
        }
        return counters
    }

    private func request(expected member: CaseValue.Member) throws(CaseError) -> MessageExpectation {
        let members = try members(member.value, "an expected request", member.line, ["method", "path", "host", "headers", "body"])
        return try message(members, ["method": ":method", "path": ":path", "host": ":authority"])
    }

    private func message(
        _ members: [String: CaseValue.Member], _ pseudo: [String: String]
    ) throws(CaseError) -> MessageExpectation {
        var expectation = MessageExpectation()
        for (key, name) in pseudo.sorted(by: { $0.key < $1.key }) {
            if let member = members[key] { expectation.fields.append((name, try text(member))) }
        }
        if let headers = members["headers"] {
            guard case .map(let fields) = headers.value else { throw CaseError(file, headers.line, "\"headers\" is a map") }
            for field in fields { expectation.fields.append((field.key.lowercased(), try text(field))) }
        }
        if let body = members["body"] { expectation.body = try text(body) ?? .exactly("") }
        return expectation
    }

    private func text(_ member: CaseValue.Member) throws(CaseError) -> TextExpectation? {
        switch member.value {
        case .null: return nil
        case .map(let how) where how.count == 1 && how[0].key == "json": return .json(how[0].value)
        case .map(let how) where how.count == 1:
            guard let text = how[0].value.plain else { break }
            switch how[0].key {
            case "contains": return .containing(text)
            case "lacks": return .lacking(text)
            case "present": return text == "true" ? .present : nil
            case "matches":
                guard (try? Regex(text)) != nil else { throw CaseError(file, member.line, "\"\(text)\" is no regular expression") }
                return .matching(text)
            default: break
            }
        default: if let text = member.value.plain { return .exactly(text) }
        }
        throw CaseError(file, member.line, "\(member.key): expected text, null, or one of contains, lacks, matches, present, json")
    }

    // MARK: Maps

    private func members(
        _ value: CaseValue, _ what: String, _ line: Int, _ known: [String]
    ) throws(CaseError) -> [String: CaseValue.Member] {
        guard case .map(let members) = value else { throw CaseError(file, line, "\(what) is a map") }
        var found: [String: CaseValue.Member] = [:]
        for member in members {
            guard known.contains(member.key) else {
                throw CaseError(file, member.line, "\(what) has no \"\(member.key)\"; it may have \(known.joined(separator: ", "))")
            }
            found[member.key] = member
        }
        return found
    }
}
