import CLinux
import Glibc
import Reactor

/// Starts this very program as another process.
enum LaunchedProcess {
    /// - Parameter descriptors: (here, there).
    static func start(_ arguments: [String], descriptors: [(Int32, Int32)]) throws(SystemError) -> Int32 {
        var vector: [UnsafeMutablePointer<CChar>?] = (["heddle-proxy"] + arguments).map { strdup($0) } + [nil]
        defer { for argument in vector { free(argument) } }
        let child = heddle_spawn(
            "/proc/self/exe", &vector, descriptors.map(\.0), descriptors.map(\.1), Int32(descriptors.count))
        guard child > 0 else { throw SystemError("posix_spawn") }
        return child
    }

    /// Waits for a process to end.
    /// - Returns: its status as wait(2) gives it.
    static func wait(_ process: Int32) -> Int32 {
        var status: Int32 = 0
        while waitpid(process, &status, 0) < 0, errno == EINTR {}
        return status
    }

    /// A status of wait(2) in words.
    static func text(_ status: Int32) -> String {
        let signal = status & 0x7F
        if signal == 0 { return "exit code \((status >> 8) & 0xFF)" }
        return "signal \(signal) (\(String(cString: strsignal(signal))))"
    }
}
