import Bytes
import HTTPCodec
import HTTPModel

private func requestHead(fields count: Int) -> [UInt8] {
    var text = "GET /items/1234?page=2 HTTP/1.1\r\nhost: shop.example.com\r\nuser-agent: micro/1.0\r\naccept: */*\r\n"
    for index in 3..<count { text += "x-header-\(index): some value of a header\r\n" }
    return Array((text + "\r\n").utf8)
}

/// Heads that come whole, one after the other on one connection.
@inline(never)
private func measureParse(_ head: [UInt8], _ count: Int) -> Int {
    var parser = HTTP1Parser(role: .request)
    var fields = HeaderBlock()
    var sum = 0
    head.withUnsafeBytes { bytes in
        for _ in 0..<count {
            sum &+= parser.next(bytes, into: &fields).consumed
            // The end of a message without a body.
            sum &+= parser.next(.empty, into: &fields).consumed
        }
    }
    return sum
}

/// Response heads written into one piece of memory.
@inline(never)
private func measureWrite(_ fields: borrowing HeaderBlock, _ count: Int) -> Int {
    let writer = HTTP1Writer()
    var text = ByteWriter()
    var sum = 0
    for _ in 0..<count {
        text.reset()
        _ = writer.writeResponseHead(
            fields, version: .http11, framing: .length(1024), reason: nil, connection: .keepAlive, to: &text)
        sum &+= text.count
    }
    return sum
}

let codecBenchmarks: [Benchmark] = [
    Benchmark("http1-parse-4-fields") { count in measureParse(requestHead(fields: 4), count) },
    Benchmark("http1-parse-16-fields") { count in measureParse(requestHead(fields: 16), count) },
    Benchmark("http1-write-6-fields") { count in
        var fields = HeaderBlock()
        fields.append(.status, "200")
        fields.append(.contentType, "text/plain")
        fields.append(.contentLength, "1024")
        fields.append(.date, "Thu, 01 Jan 1970 00:00:00 GMT")
        fields.append(.server, "heddle")
        fields.append(.xEnvoyUpstreamServiceTime, "1")
        return measureWrite(fields, count)
    },
]
