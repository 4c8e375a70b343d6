import BodyFields
import Foundation
import Testing

/// `scripts/fuzz-json` does the same with a million documents against Python's parser.
@Suite("JSON bodies are read as Foundation reads them")
struct JSONOracleTests {
    /// A generator of documents that are nearly JSON, the same for the same seed.
    private struct Generator {
        var random: Seeded

        mutating func document() -> [UInt8] {
            var bytes = Array(value(depth: 0).utf8)
            for _ in 0..<Int.random(in: 0...2, using: &random) { mutate(&bytes) }
            return bytes
        }

        private mutating func value(depth: Int) -> String {
            switch Int.random(in: 0...(depth > 3 ? 5 : 8), using: &random) {
            case 0: return pick(["true", "false", "null"])
            case 1, 2: return number()
            case 3...5: return "\"\(text())\""
            case 6: return "[" + (0..<Int.random(in: 0...3, using: &random)).map { _ in space() + value(depth: depth + 1) }.joined(separator: ",") + "]"
            default:
                return "{"
                    + (0..<Int.random(in: 0...3, using: &random)).map { "\"\(text())\($0)\"\(space()):" + value(depth: depth + 1) + space() }
                    .joined(separator: ",") + "}"
            }
        }

        private mutating func number() -> String {
            pick(["0", "-0", "7", "-12", "3.25", "1e5", "2E-3", "-1.5e+10", "123456789", "0.1"])
        }

        private mutating func text() -> String {
            (0..<Int.random(in: 0...4, using: &random)).map { _ in
                pick(["a", "b", "model", "é", "€", "😀", "\\n", "\\\"", "\\\\", "\\/", "\\u0041", "\\u20ac", "\\ud83d\\ude00", " ", "\u{7F}"])
            }.joined()
        }

        private mutating func space() -> String { pick(["", "", " ", "\n", "\t\r"]) }

        private mutating func pick(_ choices: [String]) -> String { choices[Int.random(in: 0..<choices.count, using: &random)] }

        private mutating func mutate(_ bytes: inout [UInt8]) {
            guard !bytes.isEmpty else { return }
            let place = Int.random(in: 0..<bytes.count, using: &random)
            switch Int.random(in: 0...3, using: &random) {
            case 0: bytes.remove(at: place)
            case 1: bytes[place] = UInt8.random(in: .min ... .max, using: &random)
            case 2: bytes.insert(Array("{}[]\",:\\0u-".utf8)[Int.random(in: 0..<11, using: &random)], at: place)
            default: bytes.removeLast(bytes.count - place)
            }
        }
    }

    @Test("the same documents are valid, with the same values", arguments: 0..<8)
    func sameAsFoundation(_ seed: UInt64) throws {
        var generator = Generator(random: Seeded(state: seed))
        var valid = 0
        for _ in 0..<1500 {
            let document = generator.document()
            let expected = try? JSONSerialization.jsonObject(with: Data(document), options: .fragmentsAllowed)
            let scanned = try Scanned.json(document, longest: 1024)
            try #require((scanned.problem == nil) == (expected != nil), "\(String(decoding: document, as: UTF8.self)): \(scanned)")
            guard let expected else { continue }
            valid += 1
            var leaves: [(pointer: String, value: String)] = []
            collect(expected, "", &leaves)
            // Pieces of three bytes, so that every place is a cut sooner or later.
            let cuts = Array(stride(from: 3, to: document.count, by: 3))
            let values = try Scanned.json(document, leaves.map(\.pointer), longest: 1024, cuts: cuts)
            for (found, leaf) in zip(values.values, leaves) where !found.hasPrefix("twice") {
                try #require(same(found, leaf.value), "\(String(decoding: document, as: UTF8.self)) \(leaf): \(found)")
            }
        }
        #expect(valid > 500)
    }

    /// Every leaf with its pointer, in the words of ``Scanned``.
    private func collect(_ value: Any, _ pointer: String, _ leaves: inout [(pointer: String, value: String)]) {
        switch value {
        case let object as [String: Any]:
            leaves.append((pointer, "container"))
            for (name, member) in object {
                let step = name.replacingOccurrences(of: "~", with: "~0").replacingOccurrences(of: "/", with: "~1")
                collect(member, "\(pointer)/\(step)", &leaves)
            }
        case let array as [Any]:
            leaves.append((pointer, "container"))
            for (index, element) in array.enumerated() { collect(element, "\(pointer)/\(index)", &leaves) }
        case let text as String: leaves.append((pointer, "string \(text)"))
        case is NSNull: leaves.append((pointer, "null null"))
        case let number as NSNumber where CFGetTypeIDIsBoolean(number): leaves.append((pointer, number.boolValue ? "true true" : "false false"))
        case let number as NSNumber: leaves.append((pointer, "number \(number.doubleValue)"))
        default: leaves.append((pointer, "unknown"))
        }
    }

    private func CFGetTypeIDIsBoolean(_ number: NSNumber) -> Bool { String(cString: number.objCType) == "c" }

    private func same(_ found: String, _ expected: String) -> Bool {
        guard found.hasPrefix("number "), expected.hasPrefix("number ") else {
            return Array(found.unicodeScalars) == Array(expected.unicodeScalars)
        }
        return Double(found.dropFirst(7)) == Double(expected.dropFirst(7))
    }
}

/// SplitMix64.
struct Seeded: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ value >> 30) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ value >> 27) &* 0x94D0_49BB_1331_11EB
        return value ^ value >> 31
    }
}
