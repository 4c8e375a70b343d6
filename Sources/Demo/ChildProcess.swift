import CLinux
import Glibc

/// A process that the demo started. It is ended when this ends.
final class ChildProcess {
    /// What became of it.
    enum End: CustomStringConvertible {
        case code(Int32)
        case signal(Int32)

        init(status: Int32) {
            self = status & 0x7f == 0 ? .code((status >> 8) & 0xff) : .signal(status & 0x7f)
        }

        var description: String {
            switch self {
            case .code(let code): "with code \(code)"
            case .signal(let number): "by signal \(number)"
            }
        }
    }

    let name: String
    let id: pid_t
    private(set) var end: End?

    /// Starts a program in a process group of its own, so that Ctrl-C at the terminal reaches the demo alone.
    ///
    /// - Parameters:
    ///   - input: descriptor of its standard input; nil for none.
    ///   - inOwnSession: away from the terminal altogether.
    ///   - output: descriptor of its standard output; nil for the log.
    ///   - log: a file for what it writes.
    init(
        name: String, program: String, arguments: [String], environment: [String: String], input: Int32? = nil,
        inOwnSession: Bool = false, output: Int32? = nil, log: String
    ) throws(DemoError) {
        self.name = name
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        if let input {
            posix_spawn_file_actions_adddup2(&actions, input, 0)
        } else {
            posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        }
        posix_spawn_file_actions_addopen(&actions, 2, log, O_WRONLY | O_CREAT | O_TRUNC, 0o644)
        posix_spawn_file_actions_adddup2(&actions, output ?? 2, 1)

        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setpgroup(&attributes, 0)
        let apart = inOwnSession ? Self.setSession : Int16(POSIX_SPAWN_SETPGROUP)
        posix_spawnattr_setflags(&attributes, apart | Int16(POSIX_SPAWN_SETSIGMASK))

        var words: [UnsafeMutablePointer<CChar>?] = ([program] + arguments).map { strdup($0) } + [nil]
        var variables: [UnsafeMutablePointer<CChar>?] = Self.variables(environment).map { strdup($0) } + [nil]
        defer { for word in words + variables { free(word) } }
        var child: pid_t = 0
        let failure = posix_spawn(&child, program, &actions, &attributes, &words, &variables)
        guard failure == 0 else { throw .cannotStart(program: program, reason: String(cString: strerror(failure))) }
        id = child
    }

    /// POSIX_SPAWN_SETSID, which glibc shows only to those who ask for GNU's extensions.
    private static let setSession: Int16 = 0x80

    deinit {
        guard isRunning else { return }
        kill(id, SIGKILL)
        waitpid(id, nil, 0)
    }

    /// The demo's own variables and those given. What other shells set for services of the same names stays outside.
    private static func variables(_ more: [String: String]) -> [String] {
        let kept = ["PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "LD_LIBRARY_PATH", "EXTRA_LATENCY", "ERROR_RATE"]
        let own = kept.compactMap { name in getenv(name).map { "\(name)=\(String(cString: $0))" } }
        return own + more.map { "\($0.key)=\($0.value)" }
    }

    /// Whether it runs; one that has ended is taken note of.
    var isRunning: Bool {
        guard end == nil else { return false }
        var status: Int32 = 0
        if waitpid(id, &status, WNOHANG) == id { end = End(status: status) }
        return end == nil
    }

    func signal(_ number: Int32) {
        if isRunning { kill(id, number) }
    }

    /// Waits for its end.
    func waitForEnd(seconds: Double) -> Bool {
        let watch = Stopwatch()
        while isRunning, watch.seconds < seconds { _ = Stopwatch.wait(for: [], seconds: 0.01) }
        return !isRunning
    }
}
