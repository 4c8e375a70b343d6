import HTTPModel

/// A GET as `curl` or a load generator sends it, and one with more fields, `others` of them unknown to the proxy.
private func makeHead(others: Int) -> HeaderBlock {
    var head = HeaderBlock()
    head.append(":method", "GET")
    head.append(":path", "/service-x/items/1234")
    head.append(":authority", "127.0.0.1:10000")
    head.append("user-agent", "curl/7.88.1")
    head.append("accept", "*/*")
    for index in 0..<others { head.append("x-header-\(index)", "some value of a header") }
    return head
}

/// The same head each time, which the compiler must not find out: it would reckon once.
@inline(never)
private func measureFingerprint(_ head: consuming HeaderBlock, _ count: Int) -> Int {
    var sum: UInt64 = 0
    for _ in 0..<count {
        sum &+= head.fingerprint
        touch(&head)
    }
    return Int(truncatingIfNeeded: sum)
}

@inline(never) @_optimize(none)
private func touch(_ head: inout HeaderBlock) {}

let fingerprintBenchmarks: [Benchmark] = [
    Benchmark("fingerprint") { measureFingerprint(makeHead(others: 0), $0) },
    Benchmark("fingerprint-12-unknown") { measureFingerprint(makeHead(others: 12), $0) },
]
