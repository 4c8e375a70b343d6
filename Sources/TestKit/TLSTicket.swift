import COpenSSLSystem

/// A TLS session of a client that another connection may resume.
package final class TLSTicket: Sendable {
    // Safety: a reference of our own, given up in `deinit`; OpenSSL counts references atomically and we change nothing.
    nonisolated(unsafe) let pointer: OpaquePointer

    /// - Parameter pointer: a reference that becomes this object's.
    init(_ pointer: OpaquePointer) { self.pointer = pointer }

    deinit { SSL_SESSION_free(pointer) }

    /// Whether the server gave a ticket with it.
    package var isResumable: Bool { SSL_SESSION_is_resumable(pointer) == 1 && SSL_SESSION_has_ticket(pointer) == 1 }
}
