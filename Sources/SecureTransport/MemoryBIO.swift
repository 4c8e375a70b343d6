import COpenSSL

/// OpenSSL's memory stream: the way into its PEM readers and out of its printers.
struct MemoryBIO: ~Copyable {
    let pointer: OpaquePointer

    /// An empty stream to print into; nil when memory is short.
    init?() {
        guard let made = BIO_new(BIO_s_mem()) else { return nil }
        pointer = made
    }

    /// Reads these bytes.
    // Safety: the stream does not copy, so it must not outlive `bytes`; every caller uses it inside the closure that
    // lends them.
    init?(reading bytes: UnsafeRawBufferPointer) {
        guard let count = Int32(exactly: bytes.count) else { return nil }
        // OpenSSL takes a missing pointer for an error, and an empty array may have none.
        guard let made = bytes.baseAddress.map({ BIO_new_mem_buf($0, count) }) ?? BIO_new(BIO_s_mem()) else { return nil }
        pointer = made
    }

    deinit { BIO_free(pointer) }

    /// What was printed.
    // Safety: the bytes belong to the stream and are copied before it can change.
    var text: String {
        var start: UnsafePointer<UInt8>?
        let count = heddle_bio_contents(pointer, &start)
        return String(decoding: UnsafeBufferPointer(start: start, count: count), as: UTF8.self)
    }
}
