import Bytes
import CLinux
import Glibc
import Reactor

/// The system calls of the take-over: a unix socket of messages, which only the same user may use.
enum TakeOverSocket {
    static func listen(_ path: String) throws(SystemError) -> Descriptor {
        let raw = heddle_message_socket(1)
        guard raw >= 0 else { throw SystemError("socket") }
        let descriptor = Descriptor(raw)
        // A file that a proxy left behind that did not end in order.
        if !path.hasPrefix("@"), !isAnswered(path) { unlink(path) }
        let bound = Socket.withSockaddr(SocketAddress(unixPath: path)) { bind(raw, $0, $1) }
        guard bound == 0 else { throw SystemError("bind") }
        if !path.hasPrefix("@") { chmod(path, S_IRUSR | S_IWUSR) }
        guard Glibc.listen(raw, 4) == 0 else { throw SystemError("listen") }
        return descriptor
    }

    static func connect(_ path: String) throws(SystemError) -> Descriptor {
        let raw = heddle_message_socket(0)
        guard raw >= 0 else { throw SystemError("socket") }
        let descriptor = Descriptor(raw)
        let result = Socket.withSockaddr(SocketAddress(unixPath: path)) { Glibc.connect(raw, $0, $1) }
        guard result == 0 else { throw SystemError("connect") }
        return descriptor
    }

    /// Frees the name for the next program while the descriptor lives on.
    static func shutDown(_ descriptor: Int32, _ path: String) {
        if path.hasPrefix("@") {
            // An abstract name is free only when its socket is closed; `dup2` closes it under the same number.
            let unnamed = heddle_message_socket(0)
            if unnamed >= 0 {
                _ = heddle_replace_descriptor(unnamed, descriptor)
                close(unnamed)
            }
        } else {
            unlink(path)
        }
    }

    private static func isAnswered(_ path: String) -> Bool {
        do throws(SystemError) {
            _ = try connect(path)
            return true
        } catch {
            return error.code != ECONNREFUSED
        }
    }
}
