import BodyFields
import Testing

/// Readers that have the whole body before them, as a service has, and are too simple to be wrong.
@Suite("gRPC and form bodies are read as one reads them whole")
struct WholeBodyOracleTests {
    // MARK: gRPC

    private static let paths = ["1", "3.1", "3.2.1", "3.2.2", "16"]

    private struct WholeMessage {
        let bytes: [UInt8]
        var values: [String: String] = [:]
        var twice: Set<String> = []

        /// What a scan must find; nil for what is no message.
        static func read(_ body: [UInt8]) -> [String]? {
            var message = WholeMessage(bytes: body)
            if !body.isEmpty {
                guard body.count >= 5, body[0] == 0 else { return nil }
                let size = body[1...4].reduce(0) { $0 << 8 | Int($1) }
                guard size <= body.count - 5, message.read(5..<5 + size, under: "") else { return nil }
            }
            return paths.map { (message.twice.contains($0) ? "twice " : "") + (message.values[$0] ?? "absent") }
        }

        private mutating func read(_ range: Range<Int>, under prefix: String) -> Bool {
            var at = range.lowerBound
            var seen: Set<String> = []
            while at < range.upperBound {
                guard let key = varint(&at, range.upperBound), 1..<1 << 29 ~= key >> 3 else { return false }
                let path = prefix + "\(key >> 3)"
                let within = paths.filter { $0 == path || $0.hasPrefix(path + ".") }
                let counts = !within.isEmpty && seen.insert(path).inserted
                if !counts { twice.formUnion(within) }
                switch key & 7 {
                case 0:
                    guard let number = varint(&at, range.upperBound) else { return false }
                    if counts { values[path] = "number \(number)" }
                case 1, 5:
                    let size = key & 7 == 1 ? 8 : 4
                    guard size <= range.upperBound - at else { return false }
                    let number = bytes[at..<at + size].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
                    if counts { values[path] = "number \(number)" }
                    at += size
                case 2:
                    guard let size = varint(&at, range.upperBound), size <= UInt64(range.upperBound - at) else { return false }
                    let part = at..<at + Int(size)
                    if counts, within == [path] {
                        values[path] = part.count > 64 ? "tooLong" : "string " + String(decoding: bytes[part], as: UTF8.self)
                    } else if counts {
                        guard read(part, under: path + ".") else { return false }
                    }
                    at = part.upperBound
                default: return false
                }
            }
            return true
        }

        private func varint(_ at: inout Int, _ end: Int) -> UInt64? {
            var number: UInt64 = 0
            for shift in stride(from: UInt64(0), to: 70, by: 7) {
                guard at < end, shift < 63 || bytes[at] < 2 else { return nil }
                number |= UInt64(bytes[at] & 0x7F) << shift
                at += 1
                if bytes[at - 1] < 0x80 { return number }
            }
            return nil
        }
    }

    private static func varint(_ number: UInt64) -> [UInt8] {
        number < 0x80 ? [UInt8(number)] : [UInt8(number & 0x7F) | 0x80] + varint(number >> 7)
    }

    private static func message(_ random: inout Seeded, depth: Int = 0) -> [UInt8] {
        (0..<Int.random(in: 0...3, using: &random)).flatMap { _ -> [UInt8] in
            let field: UInt64 = [1, 2, 3, 3, 2, 16, (1 << 29) - 1].randomElement(using: &random) ?? 1
            if depth < 2, field == 3 || field == 2, Bool.random(using: &random) || field == 3 {
                let inner = message(&random, depth: depth + 1)
                return varint(field << 3 | 2) + varint(UInt64(inner.count)) + inner
            }
            let type: UInt64 = [0, 0, 1, 2, 2, 2, 5, UInt64.random(in: 0...7, using: &random)].randomElement(using: &random) ?? 0
            let text = ["", "large", String(repeating: "x", count: 64), String(repeating: "x", count: 65), "a\r\n\0"]
            let value: [UInt8] =
                switch type {
                case 0: varint([0, 5, 300, .max, 1 << 63].randomElement(using: &random) ?? 0)
                case 1: (0..<8).map { _ in UInt8.random(in: .min ... .max, using: &random) }
                case 5: (0..<4).map { _ in UInt8.random(in: .min ... .max, using: &random) }
                default: (text.randomElement(using: &random) ?? "").utf8.reduce(into: []) { $0.append($1) }
                }
            return varint(field << 3 | type) + (type == 2 ? varint(UInt64(value.count)) : []) + value
        }
    }

    @Test("messages, whole and damaged, have the same values", arguments: 0..<6)
    func messages(_ seed: UInt64) throws {
        var random = Seeded(state: seed)
        var valid = 0
        for _ in 0..<3000 {
            let inner = Self.message(&random)
            var body = [0, 0, 0, UInt8(inner.count >> 8), UInt8(inner.count & 0xFF)] + inner
            switch Int.random(in: 0...5, using: &random) {
            case 0: body[Int.random(in: body.indices, using: &random)] = [0, 1, 0x80, 0xFF, 26].randomElement(using: &random) ?? 0
            case 1: body.removeLast(Int.random(in: 0...body.count, using: &random))
            case 2: body += [0, 0, 0]
            default: break
            }
            valid += try Self.compare(body, WholeMessage.read(body)) { try Scanned.grpc(body, Self.paths, cuts: $0) }
        }
        #expect(valid > 1000)
    }

    // MARK: Forms

    private static let names = ["model", "a b", "é"]

    private static func readForm(_ text: String) -> [String]? {
        func decoded(_ text: Substring) -> String? {
            var bytes: [UInt8] = []
            var rest = Array(text.utf8)[...]
            while let byte = rest.popFirst() {
                guard byte == UInt8(ascii: "%") else {
                    bytes.append(byte == UInt8(ascii: "+") ? 0x20 : byte)
                    continue
                }
                let digits = rest.prefix(2)
                guard digits.count == 2, let number = UInt8(String(decoding: digits, as: UTF8.self), radix: 16),
                    digits.first != UInt8(ascii: "+"), digits.first != UInt8(ascii: "-")
                else { return nil }
                bytes.append(number)
                rest = rest.dropFirst(2)
            }
            return String(decoding: bytes, as: UTF8.self)
        }
        var values: [String: [String]] = [:]
        for item in text.split(separator: "&", omittingEmptySubsequences: false) {
            let parts = item.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard let name = decoded(parts[0]), let value = decoded(parts.count > 1 ? parts[1] : "") else { return nil }
            values[name, default: []].append(value)
        }
        return names.map { name in
            guard let all = values[name], let first = all.first else { return "absent" }
            return (all.count > 1 ? "twice " : "") + (first.utf8.count > 64 ? "tooLong" : "string " + first)
        }
    }

    @Test("forms, whole and damaged, have the same values", arguments: 0..<6)
    func forms(_ seed: UInt64) throws {
        var random = Seeded(state: seed)
        let names = ["model", "m%6Fdel", "mode", "models", "a+b", "a%20b", "%C3%A9", "", "x"]
        let values = ["=large", "=a+b", "=%0d%0A", "==", "", "=", "=%", "=%4", "=%zz", "=%+1", "=" + String(repeating: "x", count: 65), "=a%26b"]
        var valid = 0
        for _ in 0..<3000 {
            let items = (0..<Int.random(in: 0...4, using: &random)).map { _ in
                (names.randomElement(using: &random) ?? "") + (values.randomElement(using: &random) ?? "")
            }
            let text = items.joined(separator: "&")
            valid += try Self.compare(Array(text.utf8), Self.readForm(text)) { try Scanned.form(text, Self.names, cuts: $0) }
        }
        #expect(valid > 1000)
    }

    /// - Returns: 1 for a body that is valid.
    private static func compare(_ body: [UInt8], _ expected: [String]?, _ scan: ([Int]) throws -> Scanned) throws -> Int {
        for cuts in [[], body.isEmpty ? [] : Array(1..<body.count), Array(stride(from: 3, to: body.count, by: 3))] {
            let scanned = try scan(cuts)
            try #require((scanned.problem == nil) == (expected != nil), "\(body): \(scanned)")
            if let expected { try #require(scanned.values == expected, "\(body)") }
        }
        return expected == nil ? 0 : 1
    }
}
