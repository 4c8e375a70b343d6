import COpenSSL

/// The memory that OpenSSL allocates from.
package enum TLSMemory {
    /// Lets OpenSSL use again what it has given back, so that records and handshakes allocate nothing once warm. For the
    /// start of a program, before anything else of OpenSSL is used.
    /// - Returns: false when it was too late.
    @discardableResult
    package static func pool() -> Bool { heddle_tls_pool_memory() }
}
