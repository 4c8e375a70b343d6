import CLinux
import Glibc

/// Ctrl-C and SIGTERM as something to wait for.
final class Interrupt {
    let descriptor: Int32
    private(set) var isRaised = false

    init() {
        descriptor = heddle_signal_descriptor([SIGINT, SIGTERM, SIGHUP], 3)
        heddle_ignore_signal(SIGPIPE)
    }

    deinit { close(descriptor) }

    /// Whether someone wants an end.
    func check() -> Bool {
        while heddle_next_signal(descriptor) != 0 { isRaised = true }
        return isRaised
    }
}
