import BodyFields
import Testing

@Suite("Fields of gRPC bodies")
struct GRPCScannerTests {
    /// A protobuf message, field by field.
    private struct Message {
        var bytes: [UInt8] = []

        mutating func varint(_ value: UInt64) {
            var rest = value
            while rest > 0x7F {
                bytes.append(UInt8(rest & 0x7F) | 0x80)
                rest >>= 7
            }
            bytes.append(UInt8(rest))
        }

        func number(_ field: Int, _ value: UInt64) -> Message {
            var message = self
            message.varint(UInt64(field << 3))
            message.varint(value)
            return message
        }

        func fixed(_ field: Int, _ value: [UInt8]) -> Message {
            var message = self
            message.varint(UInt64(field << 3 | (value.count == 8 ? 1 : 5)))
            message.bytes += value
            return message
        }

        func text(_ field: Int, _ text: String) -> Message { bytes(field, Array(text.utf8)) }
        func inner(_ field: Int, _ inner: Message) -> Message { bytes(field, inner.bytes) }

        func bytes(_ field: Int, _ value: [UInt8]) -> Message {
            var message = self
            message.varint(UInt64(field << 3 | 2))
            message.varint(UInt64(value.count))
            message.bytes += value
            return message
        }

        var framed: [UInt8] { [0, 0, 0, UInt8(bytes.count >> 8), UInt8(bytes.count & 0xFF)] + bytes }
    }

    private func check(_ bytes: [UInt8], _ paths: [String], _ expected: String) throws {
        let results = try Scanned.everywhere(bytes.count) { try Scanned.grpc(bytes, paths, cuts: $0) }
        #expect(results == [expected])
    }

    @Test("finds fields by their numbers, wherever the body is cut")
    func values() throws {
        let order = Message().text(1, "EUR").number(2, 300).inner(9, Message().text(1, "deep"))
        let message = Message().number(7, .max).inner(3, order).fixed(4, [1, 0, 0, 0]).fixed(500, [0, 1, 0, 0, 0, 0, 0, 0]).text(6, "")
        try check(
            message.framed + [1, 2, 3], ["3.1", "3.2", "3.9.1", "7", "4", "500", "6", "8", "3.5"],
            #"valid ["string EUR", "number 300", "string deep", "number 18446744073709551615", "number 1", "number 256", "string ", "absent", "absent"]"#)
    }

    @Test("says when a field, or a message on the way, is there twice")
    func duplicates() throws {
        try check(Message().number(1, 1).number(1, 2).framed, ["1"], #"valid ["twice number 1"]"#)
        let two = Message().inner(3, Message().number(1, 1)).inner(3, Message().number(2, 2))
        try check(two.framed, ["3.1", "3.2"], #"valid ["twice number 1", "twice absent"]"#)
    }

    @Test("no message, an empty message, and a number where a message should be have no values")
    func absent() throws {
        try check([], ["1"], #"valid ["absent"]"#)
        try check(Message().framed, ["1"], #"valid ["absent"]"#)
        try check(Message().number(3, 5).framed, ["3.1"], #"valid ["absent"]"#)
    }

    @Test("refuses what is no message", arguments: [
        ([1, 0, 0, 0, 0], "compressed message at byte 0"), ([2], "unexpected byte at byte 0"), ([0, 0, 0], "unexpected end at byte 3"),
        ([0, 0, 0, 0, 2, 8], "unexpected end at byte 6"), ([0, 0, 0, 0, 1, 8], "field longer than its message at byte 5"),
        ([0, 0, 0, 0, 2, 0x1A, 5], "field longer than its message at byte 6"), ([0, 0, 0, 0, 1, 0], "invalid field tag at byte 5"),
        ([0, 0, 0, 0, 2, 0x0B, 0], "invalid field tag at byte 5"), ([0, 0, 0, 0, 2, 0x0D, 1], "field longer than its message at byte 5"),
        ([0, 0, 0, 0, 12, 8, 255, 255, 255, 255, 255, 255, 255, 255, 255, 2, 0], "invalid varint at byte 15"),
        ([0, 0, 0, 0, 12, 8, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1], "invalid varint at byte 15"),
        // A message in field 3 whose own field is longer than it is.
        ([0, 0, 0, 0, 6, 0x1A, 2, 0x0A, 3, 65, 65], "field longer than its message at byte 8"),
        ([0, 0, 0, 0, 4, 0x1A, 1, 0x88, 1], "field longer than its message at byte 7"),
    ] as [([UInt8], String)])
    func refusals(_ bytes: [UInt8], _ expected: String) throws {
        let results = try Scanned.everywhere(bytes.count) { Scanned(problem: try Scanned.grpc(bytes, ["3.1", "5"], cuts: $0).problem) }
        #expect(results == ["\(expected) []"])
    }

    @Test("is done with the first message, before the body ends")
    func streams() throws {
        var scanner = GRPCScanner(try GRPCFields([try GRPCFieldPath("1")], longestValue: 8))
        let bytes = Message().number(1, 1).framed
        #expect(bytes.dropLast().withUnsafeBytes { scanner.feed($0) } == .incomplete)
        #expect(bytes.suffix(1).withUnsafeBytes { scanner.feed($0) } == .complete)
        #expect([9, 9].withUnsafeBytes { scanner.feed($0) } == .complete)
    }

    @Test("says what is wrong with a path", arguments: ["", "0", "1.", ".1", "1.0", "a", "-1", "536870912", "1..2", "٣"])
    func paths(_ text: String) {
        #expect(throws: FieldPathError.fieldNumber(text)) { try GRPCFieldPath(text) }
    }

    @Test("a message cannot be a value too")
    func prefix() throws {
        let paths = try ["3.1", "3"].map(GRPCFieldPath.init)
        #expect(throws: FieldPathError.messageAndValue("3", "3.1")) { try GRPCFields(paths, longestValue: 8) }
    }
}
