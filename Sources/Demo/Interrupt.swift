import CLinux
import Glibc

/// Ctrl-C, SIGTERM and their like as something to wait for.
final class Interrupt {
    let descriptor: Int32
    private(set) var isRaised = false

    init() {
        descriptor = heddle_signal_descriptor([SIGINT, SIGTERM, SIGHUP, SIGQUIT], 4)
        heddle_ignore_signal(SIGPIPE)
    }

    deinit { close(descriptor) }

    /// Wants an end for another reason.
    func raise() { isRaised = true }

    /// Whether someone wants an end.
    func check() -> Bool {
        while heddle_next_signal(descriptor) != 0 { isRaised = true }
        return isRaised
    }
}
