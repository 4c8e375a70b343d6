import Bytes
import HTTPCodec
import HTTPModel
import Testing

struct HTTP1WriterTests {
    private func block(_ fields: [(String, String)]) -> HeaderBlock {
        var block = HeaderBlock(fields: 4, bytes: 64)
        for (name, value) in fields { block.append(name, value) }
        return block
    }

    private func request(
        _ fields: [(String, String)], framing: HTTP1Framing = .none, connection: HTTP1Connection = .keepAlive,
        nameCase: HTTP1Writer.NameCase = .lower
    ) -> String? {
        var writer = ByteWriter(capacity: 64)
        let wrote = HTTP1Writer(nameCase: nameCase).writeRequestHead(
            block(fields), framing: framing, connection: connection, to: &writer)
        let count = writer.count
        #expect(wrote || count == 0)
        return wrote ? writer.text : nil
    }

    private func response(
        _ fields: [(String, String)], version: HTTPVersion = .http11, framing: HTTP1Framing = .none,
        reason: [UInt8]? = nil,
        connection: HTTP1Connection = .keepAlive
    ) -> String? {
        var writer = ByteWriter(capacity: 64)
        let block = block(fields)
        let wrote =
            reason?.withUnsafeBytes {
                HTTP1Writer().writeResponseHead(
                    block, version: version, framing: framing, reason: $0, connection: connection, to: &writer)
            }
            ?? HTTP1Writer().writeResponseHead(
                block, version: version, framing: framing, connection: connection, to: &writer)
        return wrote ? writer.text : nil
    }

    private let get = [(":method", "GET"), (":path", "/p?q"), (":scheme", "http"), (":authority", "h.example:80")]

    @Test("a request head: start line, host, the fields in order, framing, connection")
    func requestHead() {
        #expect(
            request(get + [("accept", "*/*"), ("x-own-name", "v")])
                == "GET /p?q HTTP/1.1\r\nhost: h.example:80\r\naccept: */*\r\nx-own-name: v\r\n\r\n")
        #expect(
            request(get + [("x-a", "1")], framing: .length(10), connection: .close)
                == "GET /p?q HTTP/1.1\r\nhost: h.example:80\r\nx-a: 1\r\ncontent-length: 10\r\nconnection: close\r\n\r\n"
        )
        #expect(
            request(get, framing: .chunked)
                == "GET /p?q HTTP/1.1\r\nhost: h.example:80\r\ntransfer-encoding: chunked\r\n\r\n")
        #expect(request([(":method", "GET"), (":path", "/")]) == "GET / HTTP/1.1\r\nhost: \r\n\r\n")
        #expect(
            request([(":method", "CONNECT"), (":authority", "a:1")]) == "CONNECT a:1 HTTP/1.1\r\nhost: a:1\r\n\r\n")
    }

    @Test("fields of framing and connection in the block are never written")
    func ownFields() {
        let foreign = [
            ("content-length", "99"), ("transfer-encoding", "x"), ("connection", "x-a"), ("keep-alive", "1"),
            ("proxy-connection", "x"),
            ("upgrade", "websocket"), ("http2-settings", "A"), ("host", "evil"), (":status", "200"), (":protocol", "p"),
        ]
        #expect(
            request(get + foreign, framing: .length(0))
                == "GET /p?q HTTP/1.1\r\nhost: h.example:80\r\ncontent-length: 0\r\n\r\n")
        #expect(request(get + foreign) == "GET /p?q HTTP/1.1\r\nhost: h.example:80\r\n\r\n")
        #expect(
            request(get + foreign, connection: .upgrade)
                == "GET /p?q HTTP/1.1\r\nhost: h.example:80\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n")
    }

    @Test("no head comes out of a block without method or target")
    func missing() {
        #expect(request([(":path", "/")]) == nil)
        #expect(request([(":method", "GET"), (":authority", "h")]) == nil)
        #expect(request([(":method", "CONNECT"), (":path", "/")]) == nil)
        #expect(response([("a", "b")]) == nil)
        #expect(response([(":status", "99")]) == nil)
        #expect(response([(":status", "x")]) == nil)
    }

    @Test("proper case: each word of a name begins with a capital")
    func properCase() {
        #expect(
            request(
                get + [("content-type", "a/b"), ("x-oWn".lowercased(), "v"), ("1a-b-", "c")], framing: .chunked,
                connection: .close, nameCase: .proper)
                == "GET /p?q HTTP/1.1\r\nHost: h.example:80\r\nContent-Type: a/b\r\nX-Own: v\r\n1a-B-: c\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
        )
    }

    @Test("a response head: version, status, reason, framing, connection")
    func responseHead() {
        let ok = [(":status", "200"), ("server", "heddle")]
        #expect(response(ok, framing: .length(5)) == "HTTP/1.1 200 OK\r\nserver: heddle\r\ncontent-length: 5\r\n\r\n")
        #expect(
            response(ok, framing: .chunked) == "HTTP/1.1 200 OK\r\nserver: heddle\r\ntransfer-encoding: chunked\r\n\r\n"
        )
        #expect(
            response(ok, version: .http10, framing: .length(0))
                == "HTTP/1.0 200 OK\r\nserver: heddle\r\ncontent-length: 0\r\nconnection: keep-alive\r\n\r\n")
        #expect(
            response(ok, version: .http10, framing: .chunked)
                == "HTTP/1.0 200 OK\r\nserver: heddle\r\nconnection: close\r\n\r\n")
        #expect(
            response(ok, version: .http2, framing: .untilClose)
                == "HTTP/1.1 200 OK\r\nserver: heddle\r\nconnection: close\r\n\r\n")
        #expect(response([(":status", "503")], reason: Array("Not Now".utf8)) == "HTTP/1.1 503 Not Now\r\n\r\n")
        #expect(response([(":status", "511")]) == "HTTP/1.1 511 Network Authentication Required\r\n\r\n")
        #expect(response([(":status", "299")]) == "HTTP/1.1 299 Unknown\r\n\r\n")
        #expect(response([(":status", "999")]) == "HTTP/1.1 999 \r\n\r\n")
        #expect(
            response([(":status", "101"), ("upgrade", "websocket")], connection: .upgrade)
                == "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n")
    }

    @Test("a length without a body is said to HEAD and 304, never in 1xx and 204")
    func lengthWithoutBody() {
        #expect(
            response([(":status", "200"), ("content-length", "7")]) == "HTTP/1.1 200 OK\r\ncontent-length: 7\r\n\r\n")
        #expect(
            response([(":status", "304"), ("content-length", "7")])
                == "HTTP/1.1 304 Not Modified\r\ncontent-length: 7\r\n\r\n")
        #expect(response([(":status", "204"), ("content-length", "7")]) == "HTTP/1.1 204 No Content\r\n\r\n")
        #expect(response([(":status", "100"), ("content-length", "7")]) == "HTTP/1.1 100 Continue\r\n\r\n")
        #expect(
            response([(":status", "200"), ("content-length", "7")], framing: .chunked)
                == "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
    }

    @Test("names and values of every length around the vectors come out whole, and so do lengths of every size")
    func lengths() {
        for size in 0...300 {
            let name = "x" + String(repeating: "n", count: size)
            let value = String(repeating: "v", count: size)
            #expect(
                request([(":method", "GET"), (":path", "/" + value), (":authority", "h"), (name, value), ("z", "")])
                    == "GET /\(value) HTTP/1.1\r\nhost: h\r\n\(name): \(value)\r\nz: \r\n\r\n")
        }
        for length in [0, 9, 10, 99, 100, 12_345, UInt64(Int64.max), UInt64.max] {
            #expect(
                request(get, framing: .length(length))
                    == "GET /p?q HTTP/1.1\r\nhost: h.example:80\r\ncontent-length: \(length)\r\n\r\n")
        }
    }

    @Test("chunks, trailers and 100 Continue")
    func body() {
        var out = ByteWriter(capacity: 64)
        let writer = HTTP1Writer()
        writer.writeContinue(to: &out)
        writer.writeChunkPrefix(26, to: &out)
        out.append("abcdefghijklmnopqrstuvwxyz")
        writer.writeChunkSuffix(to: &out)
        writer.writeLastChunk(
            trailers: block([("grpc-status", "0"), ("transfer-encoding", "x"), ("x-sum", "1")]), to: &out)
        writer.writeLastChunk(to: &out)
        let text = out.text
        #expect(
            text
                == "HTTP/1.1 100 Continue\r\n\r\n1a\r\nabcdefghijklmnopqrstuvwxyz\r\n0\r\ngrpc-status: 0\r\nx-sum: 1\r\n\r\n0\r\n\r\n"
        )
    }

    @Test("what is written is read back as the same message")
    func roundTrip() {
        for (text, events) in HTTP1RequestTests.accepted where !text.hasPrefix("CONNECT") {
            var parser = HTTP1Parser(role: .request)
            var fields = HeaderBlock()
            let step = Array(text.utf8).withUnsafeBytes { parser.next($0, into: &fields) }
            guard case .head(let head) = step.event, head.version == .http11 else { continue }
            HopByHop.strip(&fields, keepUpgrade: head.hasUpgrade)
            fields.remove(.scheme)
            var out = ByteWriter()
            let wrote = HTTP1Writer().writeRequestHead(
                fields, framing: head.framing, connection: head.hasUpgrade ? .upgrade : .keepAlive, to: &out)
            #expect(wrote)
            var second = HTTP1Parser(role: .request)
            var again = HeaderBlock()
            let reread = second.next(out.bytes, into: &again)
            let count = out.count
            #expect(reread.consumed == count, "\(events)")
            again.remove(.contentLength)
            again.remove(.transferEncoding)
            again.remove(.connection)
            fields.remove(.contentLength)
            let before = HTTP1Driver.describe(fields)
            let after = HTTP1Driver.describe(again)
            #expect(before == after)
        }
    }
}
