import Glibc

/// Small blocking system calls.
enum TestSupport {
    /// The next connection of a listening socket.
    static func accept(_ listener: Int32) -> Int32 { Glibc.accept(listener, nil, nil) }
}
