import Bytes
import Testing

struct SocketAddressTests {
    static func text(_ address: SocketAddress.IP) -> String {
        var writer = ByteWriter()
        address.append(to: &writer)
        return writer.text
    }

    @Test(
        "an IP address is read and written in its canonical form",
        arguments: [
            ("192.0.2.1", "192.0.2.1"), ("0.0.0.0", "0.0.0.0"), ("255.255.255.255", "255.255.255.255"), ("::", "::"),
            ("::1", "::1"), ("1::", "1::"), ("2001:DB8:0:0:1:0:0:1", "2001:db8::1:0:0:1"), ("::ffff:10.1.2.3", "10.1.2.3"),
            ("1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"), ("1:0:0:4::8", "1:0:0:4::8"), ("64:ff9b::192.0.2.33", "64:ff9b::c000:221"),
        ])
    func canonical(text: String, canonical: String) throws {
        let address = try #require(SocketAddress.IP(text))
        #expect(Self.text(address) == canonical)
        #expect(SocketAddress.IP(canonical) == address)
    }

    @Test(
        "what is no IP address is refused",
        arguments: [
            "", "1", "1.2.3", "1.2.3.4.5", "256.1.1.1", "1.2.3.", "1..2.3", "01.2.3.4", "1.2.3.4 ", "0x1.2.3.4", ":", ":::",
            "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1::2::3", "12345::", "g::", "::1%eth0", "[::1]",
        ])
    func refused(text: String) {
        #expect(SocketAddress.IP(text) == nil)
    }

    @Test("an address with a port is written as it is read", arguments: ["1.2.3.4:80", "[::1]:0", "[2001:db8::1]:65535"])
    func roundTrip(text: String) throws {
        var writer = ByteWriter()
        try #require(SocketAddress(text)).append(to: &writer)
        let written = writer.text
        #expect(written == text)
    }

    @Test(
        "what is no address with a port is refused",
        arguments: ["1.2.3.4", "1.2.3.4:", "1.2.3.4:65536", "1.2.3.4:-1", "::1:80", "[::1]", "[::1:80", ":80", "[]:80", "a:80", ""])
    func noAddress(text: String) {
        #expect(SocketAddress(text) == nil)
    }
}
