import BodyFields
import Testing

@Suite("Fields of JSON bodies")
struct JSONScannerTests {
    private func check(_ text: String, _ pointers: [String], _ expected: String) throws {
        let bytes = Array(text.utf8)
        let results = try Scanned.everywhere(bytes.count) { try Scanned.json(bytes, pointers, cuts: $0) }
        #expect(results == [expected], "\(text)")
    }

    @Test("finds values where the pointers say, wherever the body is cut", arguments: [
        (#"{"model": "large"}"#, ["/model"], #"valid ["string large"]"#),
        (#"{"a": {"model": "x"}, "model": "y"}"#, ["/model"], #"valid ["string y"]"#),
        (#"{"order": {"amount": -12.50e+3, "currency": "EUR"}}"#, ["/order/amount", "/order/currency"],
            #"valid ["number -12.50e+3", "string EUR"]"#),
        (#"[{"a": 1}, {"a": 2}, {"a": 3}]"#, ["/1/a", "/2"], #"valid ["number 2", "container"]"#),
        (#"[[10, 11], [20, 21]]"#, ["/1/0", "/1/2", "/01/0"], #"valid ["number 20", "absent", "absent"]"#),
        (#"{"0": "member"}"#, ["/0"], #"valid ["string member"]"#),
        (#""whole""#, [""], #"valid ["string whole"]"#),
        (" 12 ", [""], #"valid ["number 12"]"#),
        ("7", ["", "/a"], #"valid ["number 7", "absent"]"#),
        (#"{"a": true, "b": false, "c": null, "d": [], "e": {}}"#, ["/a", "/b", "/c", "/d", "/e", "/f"],
            #"valid ["true true", "false false", "null null", "container", "container", "absent"]"#),
        (#"{"a": {"b": 1}}"#, ["/a", "/a/b"], #"valid ["container", "number 1"]"#),
        (#"{"a": 1}"#, ["/a/b"], #"valid ["absent"]"#),
        (#"{"": {"": "nothing"}}"#, ["//"], #"valid ["string nothing"]"#),
        (#"{"a/b": 1, "c~d": 2, "~1": 3}"#, ["/a~1b", "/c~0d", "/~01"], #"valid ["number 1", "number 2", "number 3"]"#),
        (#"{"mod\u0065l": "l\u00e4rge\n\ud83d\ude00"}"#, ["/model"], "valid [\"string lärge\\n😀\"]"),
        (#"{"model\u0000": "a", "model": "b"}"#, ["/model"], #"valid ["string b"]"#),
        (#"{"models": "a", "mode": "b"}"#, ["/model"], #"valid ["absent"]"#),
        (#"{"x": "\"model\": \"forged\"", "model": "true"}"#, ["/model"], #"valid ["string true"]"#),
    ])
    func values(_ text: String, _ pointers: [String], _ expected: String) throws {
        try check(text, pointers, expected)
    }

    @Test("says when a name on the way is there twice, in whatever spelling", arguments: [
        (#"{"a": 1, "a": 2}"#, ["/a"], #"valid ["twice number 1"]"#),
        (#"{"a": 1, "\u0061": 2}"#, ["/a"], #"valid ["twice number 1"]"#),
        (#"{"a": {"b": 1}, "a": {"b": 2}}"#, ["/a/b"], #"valid ["twice number 1"]"#),
        (#"{"a": {"b": 1}, "a": 5}"#, ["/a/b", "/c"], #"valid ["twice number 1", "absent"]"#),
        (#"{"a": {"c": 1}, "a": {"b": 2}}"#, ["/a/b"], #"valid ["twice absent"]"#),
        (#"{"x": {"a": 1, "a": 1}, "a": 2}"#, ["/a"], #"valid ["number 2"]"#),
        (#"[{"a": 1}, {"a": 2}]"#, ["/0/a", "/1/a"], #"valid ["number 1", "number 2"]"#),
    ])
    func duplicates(_ text: String, _ pointers: [String], _ expected: String) throws {
        try check(text, pointers, expected)
    }

    @Test("refuses what is no JSON, at the byte where it is none", arguments: [
        ("", "unexpected end at byte 0"), ("   ", "unexpected end at byte 3"), ("{", "unexpected end at byte 1"),
        ("[1,]", "unexpected byte at byte 3"), ("[,1]", "unexpected byte at byte 1"), (#"{"a":1,}"#, "unexpected byte at byte 7"),
        ("{a:1}", "unexpected byte at byte 1"), ("{'a':1}", "unexpected byte at byte 1"), (#"{"a" 1}"#, "unexpected byte at byte 5"),
        ("[1}", "unexpected byte at byte 2"), (#"{"a":1]"#, "unexpected byte at byte 6"), ("]", "unexpected byte at byte 0"),
        ("{} {}", "unexpected byte at byte 3"), ("1 2", "unexpected byte at byte 2"), ("[1] // no", "unexpected byte at byte 4"),
        ("NaN", "unexpected byte at byte 0"), ("Infinity", "unexpected byte at byte 0"), ("nul", "unexpected end at byte 3"),
        ("nulL", "unexpected byte at byte 3"), ("truefalse", "unexpected byte at byte 4"), ("True", "unexpected byte at byte 0"),
        ("01", "unexpected byte at byte 1"), ("-", "unexpected end at byte 1"), ("-01", "unexpected byte at byte 2"),
        ("1.", "unexpected end at byte 2"), ("1.e5", "invalid number at byte 2"), (".5", "unexpected byte at byte 0"),
        ("1e", "unexpected end at byte 2"), ("1e+", "unexpected end at byte 3"), ("+1", "unexpected byte at byte 0"),
        ("0x10", "unexpected byte at byte 1"), ("1_000", "unexpected byte at byte 1"), ("--1", "invalid number at byte 1"),
        (#""a"#, "unexpected end at byte 2"), ("\"a\nb\"", "control character in a string at byte 2"),
        ("\"\t\"", "control character in a string at byte 1"), (#""\x""#, "invalid escape at byte 2"),
        (#""\u12G4""#, "invalid escape at byte 5"), (#""\ud800""#, "half a surrogate pair at byte 7"),
        (#""\ud800x""#, "half a surrogate pair at byte 7"), (#""\ud800\n""#, "half a surrogate pair at byte 8"),
        (#""\ud800\u0041""#, "half a surrogate pair at byte 12"), (#""\ud800\ud800""#, "half a surrogate pair at byte 12"),
        (#""\udc00""#, "half a surrogate pair at byte 6"), ("\u{FEFF}{}", "unexpected byte at byte 0"),
        ("{\"a\":1}\u{0}", "unexpected byte at byte 7"), ("[1\u{0C}]", "unexpected byte at byte 2"),
    ])
    func refusals(_ text: String, _ expected: String) throws {
        try check(text, [], "\(expected) []")
    }

    @Test("refuses what is no UTF-8", arguments: [
        [0x80], [0xC0, 0x80], [0xC1, 0xBF], [0xE0, 0x80, 0x80], [0xE0, 0x9F, 0xBF], [0xED, 0xA0, 0x80], [0xF0, 0x80, 0x80, 0x80],
        [0xF0, 0x8F, 0xBF, 0xBF], [0xF4, 0x90, 0x80, 0x80], [0xF5, 0x80, 0x80, 0x80], [0xFF], [0xC3], [0xE2, 0x82], [0xF0, 0x9F, 0x98],
    ] as [[UInt8]])
    func encoding(_ bytes: [UInt8]) throws {
        let body = [UInt8(ascii: "\"")] + bytes + [UInt8(ascii: "\"")]
        let results = try Scanned.everywhere(body.count) { try Scanned.json(body, [""], cuts: $0) }
        #expect(results.count == 1)
        #expect(try Scanned.json(body).problem?.reason == .invalidUTF8)
    }

    @Test("takes every scalar that Unicode has, as itself and escaped", arguments: [
        0x20, 0x7F, 0x80, 0x7FF, 0x800, 0xFFF, 0x1000, 0xD7FF, 0xE000, 0xFFFF, 0x10000, 0x3FFFF, 0x40000, 0xFFFFF, 0x100000, 0x10FFFF,
    ] as [UInt32])
    func scalars(_ code: UInt32) throws {
        let scalar = try #require(Unicode.Scalar(code))
        var escaped = ""
        for unit in String(scalar).utf16 {
            let digits = String(unit, radix: 16)
            escaped += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
        }
        for text in [String(scalar), escaped] {
            let body = Array("\"\(text)\"".utf8)
            let results = try Scanned.everywhere(body.count) { try Scanned.json(body, [""], cuts: $0) }
            #expect(results == [Scanned(valid: ["string \(scalar)"]).description])
        }
    }

    @Test("takes the deepest nesting that it may, and no deeper")
    func depth() throws {
        func nested(_ depth: Int, _ inner: String = "1") -> [UInt8] {
            Array((String(repeating: "[", count: depth) + inner + String(repeating: "]", count: depth)).utf8)
        }
        let most = JSONScanner.maximumDepth
        let pointer = String(repeating: "/0", count: most)
        #expect(try Scanned.json(nested(most), [pointer]).values == ["number 1"])
        let problem = try #require(try Scanned.json(nested(most + 1)).problem)
        #expect(problem.description == "nested too deep at byte \(most)")
        #expect(try Scanned.json(Array(String(repeating: "{\"a\":", count: 100_000).utf8)).problem?.reason == .tooDeep)
    }

    @Test("takes values up to the longest, and says of a longer one that it is")
    func longest() throws {
        for (length, expected) in [(8, "string aaaaaaaa"), (9, "tooLong"), (9000, "tooLong")] {
            let body = Array((#"{"x": ""# + String(repeating: "a", count: length) + #"", "y": 1}"#).utf8)
            #expect(try Scanned.json(body, ["/x", "/y"], longest: 8).values == [expected, "number 1"])
        }
        let digits = Array(("[" + String(repeating: "9", count: 5000) + "e99999]").utf8)
        #expect(try Scanned.json(digits, ["/0"], longest: 8).values == ["tooLong"])
    }

    @Test("knows before the end when no value can come any more", arguments: [
        (#"{"a": 1, "b"#, ["/a"], true), (#"{"a": "#, ["/a"], false), (#"{"a": 1"#, ["/a"], false), (#"{"a": {}, "#, ["/a/b"], true),
        (#"{"a": 1, "#, ["/a", "/b"], false), (#"[1, 2,"#, ["/0", "/1"], true),
    ])
    func decided(_ text: String, _ pointers: [String], _ expected: Bool) throws {
        var scanner = JSONScanner(JSONFields(try pointers.map(JSONPointer.init), longestValue: 8))
        #expect(Array(text.utf8).withUnsafeBytes { scanner.feed($0) } == .incomplete)
        #expect(scanner.isDecided == expected)
    }

    @Test("a scanner is as new after a reset")
    func reset() throws {
        var scanner = JSONScanner(JSONFields([try JSONPointer("/a/b")], longestValue: 8))
        for text in [#"{"a": {"b": "x"#, #"{"a": {"b": 1, "b": 2}}"#, #"["\ud800"#, "[[[[", #"{"a"#, #"{"a": {"b": "fine"}}"#] {
            scanner.reset()
            _ = Array(text.utf8).withUnsafeBytes { scanner.feed($0) }
        }
        #expect(Scanned(scanner.finish(), scanner.values) == Scanned(valid: ["string fine"]))
    }

    @Test("says what is wrong with a pointer", arguments: [
        ("model", FieldPathError.pointerWithoutSlash("model")), ("/a~", .pointerEscape("/a~")), ("/a~2", .pointerEscape("/a~2")),
    ])
    func pointers(_ text: String, _ expected: FieldPathError) {
        #expect(throws: expected) { try JSONPointer(text) }
    }
}

extension Scanned {
    init(valid values: [String]) {
        problem = nil
        self.values = values
    }
}
