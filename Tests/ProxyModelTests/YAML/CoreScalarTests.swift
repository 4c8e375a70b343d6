import ProxyModel
import Testing

@Suite struct CoreScalarTests {
    static func integer(_ magnitude: UInt64, isNegative: Bool = false, zero: Bool = false) -> CoreScalar {
        .integer(isNegative: isNegative, magnitude: magnitude, hasLeadingZero: zero)
    }

    @Test(
        "plain text means what the core schema of YAML 1.2 says",
        arguments: [
            ("", .null), ("~", .null), ("null", .null), ("nULL", .text),
            ("true", .bool(true)), ("False", .bool(false)), ("yes", .text), ("no", .text), ("on", .text), ("y", .text),
            ("0", integer(0)), ("-7", integer(7, isNegative: true)), ("+7", integer(7)),
            ("010", integer(10, zero: true)), ("0o17", integer(15)), ("0x1F", integer(31)), ("0b1", .text),
            ("18446744073709551615", integer(.max)), ("18446744073709551616", .float(18446744073709551616)),
            ("1.5", .float(1.5)), (".5", .float(0.5)), ("5.", .float(5)), ("-1e3", .float(-1000)), ("1e", .text),
            (".", .text), ("-", .text), ("+", .text), ("1.2.3", .text), ("1_000", .text), ("1:30", .text),
            ("0x", .text),
            ("0x-1", .text), ("5s", .text), ("1e400", .float(.infinity)), (".inf", .float(.infinity)),
            ("-.Inf", .float(-.infinity)), ("inf", .text), ("nan", .text), ("é", .text),
        ] as [(String, CoreScalar)])
    func meaning(text: String, scalar: CoreScalar) {
        #expect(CoreScalar(text) == scalar)
    }
}
