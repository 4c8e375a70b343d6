import Foundation
import Glibc
import Synchronization

/// A proxy that runs as a program of its own, with a configuration made for the test.
package final class ProxyProcess: Sendable {
    /// Which program it is.
    package enum Kind: String, Sendable {
        case heddle, envoy

        /// Where the program is: `HEDDLE_PROXY` or next to the test bundle, `HEDDLE_ENVOY` or else in the virtual
        /// environment.
        package var program: String? {
            let environment = ProcessInfo.processInfo.environment
            let candidates: [String?]
            switch self {
            case .heddle: candidates = [environment["HEDDLE_PROXY"], ProxyProcess.buildFolder + "/heddle-proxy"]
            case .envoy: candidates = [environment["HEDDLE_ENVOY"] ?? ProxyProcess.root + "/.venv/bin/envoy"]
            }
            return candidates.compactMap { $0 }.first { FileManager.default.isExecutableFile(atPath: $0) }
        }

        /// Said where a test is skipped for want of the program.
        package var whyMissing: String {
            switch self {
            case .heddle: "no heddle-proxy: build it, or name one in HEDDLE_PROXY"
            case .envoy: "no Envoy to compare with: make setup installs one, or name one in HEDDLE_ENVOY"
            }
        }

        func arguments(config: String, workers: Int) -> [String] {
            switch self {
            case .heddle: ["-c", config, "--concurrency", "\(workers)", "-l", "warning", "--drain-time-s", "1"]
            case .envoy:
                [
                    "-c", config, "--concurrency", "\(workers)", "-l", "warning", "--disable-hot-restart",
                    "--file-flush-interval-msec", "10", "--drain-time-s", "1",
                ]
            }
        }
    }

    /// It did not come up, and what it said.
    package struct NotReady: Error, CustomStringConvertible {
        package let description: String

        /// - Parameter description: what is missing, and what the program said.
        package init(description: String) {
            self.description = description
        }
    }

    /// Which proxy it is.
    package let kind: Kind
    /// Its process id.
    package let id: Int32
    /// What it writes to its outputs.
    package let outputPath: String
    /// The file of its bootstrap.
    package let configPath: String
    private let folder: String
    private let isRunning = Mutex(true)

    /// Starts a proxy and waits until it listens.
    /// - Parameters:
    ///   - config: the whole bootstrap, YAML.
    ///   - ports: those it must listen on before it counts as ready.
    ///   - flags: more words of its command line.
    ///   - descriptors: how many descriptors each of its processes may have; nil for as many as this one.
    package init(
        _ kind: Kind, config: String, ports: [UInt16], workers: Int = 1, flags: [String] = [], descriptors: Int? = nil
    ) throws {
        guard let program = kind.program else { throw NotReady(description: kind.whyMissing) }
        self.kind = kind
        folder = NSTemporaryDirectory() + "heddle-\(kind.rawValue)-\(getpid())-\(ports.first ?? 0)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        configPath = folder + "/bootstrap.yaml"
        try config.write(toFile: configPath, atomically: true, encoding: .utf8)
        outputPath = folder + "/output"
        let limit = descriptors.map { ["/bin/sh", "-c", "ulimit -n \($0); exec \"$0\" \"$@\""] } ?? []
        id = try Self.spawn(limit + [program] + kind.arguments(config: configPath, workers: workers) + flags, output: outputPath)
        RunningProxies.insert(id)
        try waitUntilReady(ports)
    }

    /// What it has written so far.
    package var output: String { (try? String(contentsOfFile: outputPath, encoding: .utf8)) ?? "" }

    /// Whether the process has not ended.
    package var isAlive: Bool {
        isRunning.withLock { running in
            if running, waitpid(id, nil, Int32(WNOHANG)) == id { running = false }
            return running
        }
    }

    /// Gives it another bootstrap and has it read that (SIGHUP).
    package func reload(config: String) throws {
        try config.write(toFile: configPath, atomically: true, encoding: .utf8)
        Glibc.kill(id, SIGHUP)
    }

    /// Ends it at once, as a crash of the machine would.
    package func kill() {
        for process in [id] + Self.children(of: id) { Glibc.kill(process, SIGKILL) }
        _ = Deadline(seconds: 5).polls { !isAlive }
        stop()
    }

    /// Asks it to end, and makes it end when it does not.
    package func stop() {
        defer { cleanUp() }
        guard isAlive else { return }
        Glibc.kill(id, SIGTERM)
        if !Deadline(seconds: 5).polls(every: 10, { !isAlive }) {
            Glibc.kill(id, SIGKILL)
            _ = Deadline(seconds: 5).polls { !isAlive }
        }
    }

    private func cleanUp() {
        RunningProxies.remove(id)
        do {
            try FileManager.default.removeItem(atPath: folder)
        } catch {
            // The system empties its temporary folder; a test does not fail for what is left there.
        }
    }

    /// The processes below it: the workers of a supervisor. Others than before are there when one of them has crashed.
    package var workers: [Int32] { Self.children(of: id).sorted() }

    /// Resident memory in bytes of the process and all its children.
    package var residentBytes: Int {
        ([id] + Self.children(of: id)).map { process in
            let status = (try? String(contentsOfFile: "/proc/\(process)/status", encoding: .utf8)) ?? ""
            let line = status.split(separator: "\n").first { $0.hasPrefix("VmRSS:") }
            return (line?.split(separator: " ").dropLast().last.flatMap { Int($0) } ?? 0) * 1024
        }.reduce(0, +)
    }

    private static func children(of process: pid_t) -> [pid_t] {
        let list = (try? String(contentsOfFile: "/proc/\(process)/task/\(process)/children", encoding: .utf8)) ?? ""
        let direct = list.split(separator: " ").compactMap { pid_t($0) }
        return direct + direct.flatMap { children(of: $0) }
    }

    private func waitUntilReady(_ ports: [UInt16]) throws {
        let isReady = Deadline(seconds: 30).polls(every: 20) {
            !isAlive || ports.allSatisfy { WireClient(port: $0) != nil }
        }
        guard isReady, isAlive else {
            let said = output
            stop()
            throw NotReady(description: "\(kind.rawValue) is not ready:\n\(said.suffix(4000))")
        }
    }

    private static func spawn(_ arguments: [String], output: String) throws -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, output, O_WRONLY | O_CREAT | O_TRUNC, 0o644)
        posix_spawn_file_actions_adddup2(&actions, 1, 2)
        var words: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
        defer { words.forEach { free($0) } }
        var id: pid_t = 0
        let status = posix_spawn(&id, arguments[0], &actions, nil, &words, environ)
        guard status == 0 else { throw NotReady(description: "\(arguments[0]): \(String(cString: strerror(status)))") }
        return id
    }

    /// The folder of the built programs, where the test bundle is too.
    private static let buildFolder: String = {
        let bundle = CommandLine.arguments.first { $0.hasSuffix(".xctest") } ?? CommandLine.arguments[0]
        return URL(fileURLWithPath: bundle).deletingLastPathComponent().path
    }()

    /// The folder of the package.
    package static let root: String = {
        var folder = URL(fileURLWithPath: #filePath)
        for _ in 0..<3 { folder.deleteLastPathComponent() }
        return folder.path
    }()
}

/// The proxies that still run, so that none outlives the tests.
private enum RunningProxies {
    private static let ids = Mutex<Set<pid_t>>([])
    private static let endsWithUs: Void = {
        atexit { RunningProxies.ids.withLock { ids in ids.forEach { Glibc.kill($0, SIGKILL) } } }
    }()

    static func insert(_ id: pid_t) {
        _ = endsWithUs
        ids.withLock { _ = $0.insert(id) }
    }

    static func remove(_ id: pid_t) {
        ids.withLock { _ = $0.remove(id) }
    }
}
