import Bytes
import HTTPModel

/// A request head from pairs of text.
func makeHead(_ fields: [(String, String)]) -> HeaderBlock {
    var head = HeaderBlock()
    for (name, value) in fields { head.append(name, value) }
    return head
}

/// A GET request for `path` at `host`, with more fields.
func makeRequest(_ path: String?, host: String? = "example.com", method: String = "GET", _ fields: [(String, String)] = [])
    -> HeaderBlock
{
    var head = HeaderBlock()
    head.append(":method", method)
    if let path { head.append(":path", path) }
    if let host { head.append(":authority", host) }
    head.append(":scheme", "http")
    for (name, value) in fields { head.append(name, value) }
    return head
}

/// Calls `body` with the bytes of `text`.
func withBytes<Result>(_ text: String, _ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
    try Array(text.utf8).withUnsafeBytes(body)
}
