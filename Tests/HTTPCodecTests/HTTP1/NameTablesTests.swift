import Bytes
import HTTPModel
import Testing

@testable import HTTPCodec

struct NameTablesTests {
    @Test("the constants of this module are the raw values of the known names")
    func constants() {
        #expect(NameIndex.method == KnownHeader.method.rawValue && NameIndex.path == KnownHeader.path.rawValue)
        #expect(
            NameIndex.authority == KnownHeader.authority.rawValue && NameIndex.scheme == KnownHeader.scheme.rawValue)
        #expect(
            NameIndex.status == KnownHeader.status.rawValue
                && NameIndex.contentLength == KnownHeader.contentLength.rawValue)
        #expect(NameIndex.upgrade == KnownHeader.upgrade.rawValue && NameIndex.te == KnownHeader.te.rawValue)
        #expect(NameIndex.transferEncoding == KnownHeader.transferEncoding.rawValue)
        #expect(NameIndex.connection == KnownHeader.connection.rawValue && NameIndex.host == KnownHeader.host.rawValue)
    }

    @Test("the token table says of every byte what the rules say")
    func tokens() {
        for byte in UInt8.min...UInt8.max { #expect(TokenTable.lower(byte) == HeaderRules.lowerTokenByte(byte)) }
    }

    @Test("every known field is read as known, in any case, and written by its name")
    func known() {
        for raw in UInt8(7)...63 where raw != NameIndex.host {
            let name = KnownHeader(rawValue: raw).name.text
            let text =
                "GET / HTTP/1.1\r\nHost: h\r\n\(name.uppercased()): 1\r\nX-Behind: long enough for a vector\r\n\r\n"
            var parser = HTTP1Parser(role: .response)
            parser.expectResponse()
            var fields = HeaderBlock()
            let response =
                "HTTP/1.1 200 OK\r\n"
                + text.split(separator: "\r\n", omittingEmptySubsequences: false).dropFirst(2).joined(separator: "\r\n")
            _ = Array(response.utf8).withUnsafeBytes { parser.next($0, into: &fields) }
            // Those that frame a message are refused or not as their values say; all others must be there.
            guard raw != NameIndex.transferEncoding else { continue }
            let found = fields.knownName(at: 1)?.rawValue
            #expect(found == raw, "\(name)")
        }
    }
}
