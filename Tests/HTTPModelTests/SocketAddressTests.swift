import Bytes
import HTTPModel
import Testing

struct IPAddressTests {
    @Test(
        "an address is read and written in its canonical form",
        arguments: [
            ("192.0.2.1", "192.0.2.1"), ("0.0.0.0", "0.0.0.0"), ("255.255.255.255", "255.255.255.255"), ("::", "::"),
            ("::1", "::1"), ("1::", "1::"), ("2001:DB8:0:0:1:0:0:1", "2001:db8::1:0:0:1"),
            ("2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"), ("fe80::1:2", "fe80::1:2"), ("::ffff:10.1.2.3", "::ffff:10.1.2.3"),
            ("1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"), ("1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"), ("::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"),
            ("1:0:0:4::8", "1:0:0:4::8"), ("64:ff9b::192.0.2.33", "64:ff9b::c000:221"), ("1::2:0:0:0", "1::2:0:0:0"), ("1:0:0:2::", "1:0:0:2::"),
        ])
    func canonical(text: String, canonical: String) throws {
        let address = try #require(IPAddress(text))
        #expect(address.text == canonical)
        #expect(IPAddress(canonical) == address)
    }

    @Test(
        "what is no address is refused",
        arguments: [
            "", "1", "1.2.3", "1.2.3.4.5", "256.1.1.1", "1.2.3.", ".1.2.3", "1..2.3", "01.2.3.4", "1.2.3.4 ", "-1.2.3.4", "0x1.2.3.4",
            ":", ":::", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "::1::", "1::2::3", "12345::", "g::", "1:2:3:4:5:6:7:8::", "::1%eth0", "1:",
            ":1", "1:2:3:4:5:6:7:1.2.3.4", "::1.2.3", "[::1]",
        ])
    func refused(text: String) {
        #expect(IPAddress(text) == nil)
    }

    @Test("mapped, loopback and unspecified addresses are known")
    func kinds() throws {
        #expect(IPAddress("::ffff:127.0.0.9")?.unmapped == IPAddress("127.0.0.9"))
        #expect(IPAddress("::ffff:127.0.0.9")?.isLoopback == true)
        #expect(IPAddress("::1")?.isLoopback == true)
        #expect(IPAddress("::2")?.isLoopback == false)
        #expect(IPAddress("128.0.0.1")?.isLoopback == false)
        #expect(IPAddress("::")?.isUnspecified == true)
        #expect(IPAddress("0.0.0.0") != IPAddress("::"))
    }
}

struct SocketAddressTests {
    @Test(
        "an address is written as it is read",
        arguments: ["1.2.3.4:80", "[::1]:0", "[2001:db8::1]:65535", "/run/a socket", "@abstract"])
    func roundTrip(text: String) throws {
        #expect(try #require(SocketAddress(text)).text == text)
    }

    @Test(
        "what is no address is refused",
        arguments: ["1.2.3.4", "1.2.3.4:", "1.2.3.4:65536", "1.2.3.4:-1", "::1:80", "[::1]", "[::1:80", "[1.2.3.4]:80", ":80", "[]:80", "a:80", ""])
    func refused(text: String) {
        #expect(SocketAddress(text) == nil)
    }

    @Test("parts of an address")
    func parts() throws {
        let six = try #require(SocketAddress("[::1]:8080"))
        var writer = ByteWriter()
        six.appendWithoutPort(to: &writer)
        let text = writer.text
        #expect(text == "::1")
        #expect(six.port == 8080)
        #expect(six.family == .ipv6)
        #expect(six.withPort(1).text == "[::1]:1")
        #expect(SocketAddress("/x")?.path == "/x")
        #expect(SocketAddress("/x")?.ip == nil)
        #expect(SocketAddress("/x") == SocketAddress(unixPath: "/x"))
        #expect(SocketAddress("/x") != SocketAddress("/y"))
    }
}
