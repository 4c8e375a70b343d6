import Testing

@testable import SecureTransport

@Suite struct ServerNameTableTests {
    private static let table = ServerNameTable([
        .init(names: ["default.test"], keyKind: 1),
        .init(names: ["a.test", "*.a.test"], keyKind: 1),
        .init(names: ["a.test"], keyKind: 2),
        .init(names: ["a.test"], keyKind: 1),
        .init(names: ["www.a.test", "B.Test"], keyKind: 1),
        .init(names: ["nul\0.test"], keyKind: 1),
    ])

    @Test(
        "a name finds its identities: exact first, then one label of wildcard, then the default",
        arguments: [
            (nil, [0, 2]), ("", [0, 2]), ("default.test", [0]), ("a.test", [1, 2]), ("A.TEST", [1, 2]),
            ("x.a.test", [1]), ("www.a.test", [4]), ("x.www.a.test", [0, 2]), ("b.test", [4]), ("x.b.test", [0, 2]),
            (".a.test", [0, 2]), ("test", [0, 2]), ("nul\0.test", [0, 2]), ("*.a.test", [1]),
        ] as [(String?, [Int])])
    func choice(_ name: String?, _ expected: [Int]) {
        #expect(Self.table.identities(for: name) == expected)
    }

    @Test("a table of nobody answers nobody")
    func empty() {
        #expect(ServerNameTable([]).identities(for: "a.test") == [])
    }
}

@Suite struct DigestTextTests {
    @Test(
        "hexadecimal is read in either case, with or without colons",
        arguments: [
            ("", []), ("00ff", [0, 255]), ("00:FF:a0", [0, 255, 160]), ("0", nil), ("0g", nil), ("é", nil),
        ] as [(String, [UInt8]?)])
    func hexadecimal(_ text: String, _ bytes: [UInt8]?) {
        #expect(Hexadecimal.bytes(text) == bytes)
    }

    @Test("every byte has its two digits, and comes back")
    func hexadecimalBack() {
        let all = Array(UInt8.min...UInt8.max)
        #expect(Hexadecimal.bytes(Hexadecimal.text(all)) == all)
        #expect(Hexadecimal.text([0x0a, 0xf1]) == "0af1")
    }

    @Test(
        "base64 is what an encoder writes and nothing else",
        arguments: [
            ("", []), ("Zg==", Array("f".utf8)), ("Zm8=", Array("fo".utf8)), ("Zm9v", Array("foo".utf8)),
            ("+/+/", [0xfb, 0xff, 0xbf]), ("Zm9vYmFy", Array("foobar".utf8)), ("Zg", nil), ("Zh==", nil),
            ("Zm9=", nil), ("Z===", nil), ("====", nil), ("Zg==Zg==", nil), ("Zm9\n", nil), ("-_-_", nil),
        ] as [(String, [UInt8]?)])
    func base64(_ text: String, _ bytes: [UInt8]?) {
        #expect(Base64.bytes(text) == bytes)
    }
}
