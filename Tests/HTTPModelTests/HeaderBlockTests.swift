import Bytes
import HTTPModel
import Testing

struct HeaderBlockTests {
    @Test("every known name is found by its text and has it")
    func known() {
        for raw in UInt8(1)...63 {
            let header = KnownHeader(rawValue: raw)
            #expect(KnownHeader.lookup(header.name) == header)
        }
        #expect(Array("x-unknown".utf8).withUnsafeBytes { KnownHeader.lookup($0) } == nil)
    }

    @Test("fields keep their order and repeated names join with a comma")
    func order() {
        var block = HeaderBlock()
        block.append(":method", "GET")
        block.append("X-A", "1")
        block.append("x-a", "2")
        block.append("host", "h")
        do { let value = block.fields.map(\.name); #expect(value == [":method", "x-a", "x-a", "host"]) }
        do { let value = block["X-a"]; #expect(value == "1,2") }
        do { let value = block["absent"]; #expect(value == nil) }
        do { let value = block.byteCount; #expect(value == 7 + 3 + 3 + 1 + 3 + 1 + 4 + 1) }
    }

    @Test("set keeps the first place and drops the duplicates")
    func set() {
        var block = HeaderBlock()
        block.append("a", "1")
        block.append("b", "2")
        block.append("a", "3")
        block.set("a", "a longer value than before")
        do { let value = block.fields.map(\.name); #expect(value == ["a", "b"]) }
        do { let value = block["a"]; #expect(value == "a longer value than before") }
        block.set(.status, decimal: 503)
        do { let value = block.status; #expect(value == 503) }
    }

    @Test("removal by known and by other names, and a later append of the same name")
    func removal() {
        var block = HeaderBlock()
        block.append("content-length", "5")
        block.append("x-b", "2")
        let first = block.remove(.contentLength)
        let second = block.remove(.contentLength)
        #expect(first)
        #expect(!second)
        let has = block.has(.contentLength)
        #expect(!has)
        block.append("content-length", "6")
        do { let value = block["content-length"]; #expect(value == "6") }
        do { let value = block.byteCount; #expect(value == 14 + 1 + 3 + 1) }
    }

    @Test(
        "ten thousand replacements do not let the memory grow without bound, and a value may come from the block itself"
    )
    func compaction() {
        var block = HeaderBlock(fields: 2, bytes: 64)
        block.append("x-keep", "kept")
        for round in 0..<10_000 { block.set("x-v", String(repeating: "v", count: 1 + round % 97)) }
        do { let value = block["x-keep"]; #expect(value == "kept") }
        do { let value = block["x-v"]?.count; #expect(value == 1 + 9_999 % 97) }
        let value = block.value(at: 0)
        block.append(.location, value)
        do { let value = block["location"]; #expect(value == "kept") }
    }

    @Test("a copy is equal and independent")
    func copy() {
        var block = HeaderBlock()
        for index in 0..<50 { block.append("x-\(index)", "value \(index)") }
        var other = HeaderBlock()
        other.copy(from: block)
        block.reset()
        do { let value = other.count; #expect(value == 50) }
        let last = other["x-49"]
        #expect(last == "value 49")
    }

    @Test("control characters, NUL and CRLF are no value; tokens only are names")
    func rules() {
        func value(_ text: String) -> Bool { Array(text.utf8).withUnsafeBytes { HeaderRules.isValidValue($0) } }
        func name(_ text: String) -> Bool { Array(text.utf8).withUnsafeBytes { HeaderRules.isValidName($0) } }
        #expect(value("a\tb é") && value(""))
        #expect(!value("a\r\nb") && !value("a\u{0}") && !value("\u{7f}"))
        #expect(name("X-Ok") && !name("") && !name("a b") && !name("a:"))
    }
}
