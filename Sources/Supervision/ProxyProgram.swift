package import DataPlane
import CLinux
import Glibc
import Observability
import ProxyModel
import Reactor
import SecureTransport

/// `heddle-proxy` from its command line to its end.
package enum ProxyProgram {
    /// Runs the program; ends the process when it cannot, or when it is done.
    /// - Parameters:
    ///   - arguments: without the program's name.
    ///   - registry: the filters that configurations may name.
    ///   - cases: what runs the cases of versions of Lua filters.
    package static func run(
        _ arguments: [String], registry: @escaping @WorkerActor () -> HTTPFilterRegistry, cases: LuaCaseRunner
    ) -> Never {
        let loop = EventLoop.process
        loop.adopt()
        heddle_ignore_signal(SIGPIPE)
        TLSMemory.pool()
        let command: ProxyCommand
        do throws(CommandLineError) {
            command = try CommandLineParser.parse(arguments)
        } catch {
            complain("heddle-proxy: \(error)\nheddle-proxy --help lists the flags.")
            exit(EXIT_FAILURE)
        }
        switch command {
        case .help: say(CommandLineFlag.helpText)
        case .version: say("\(ProductVersion.name) \(ProductVersion.number)\n")
        case .decodeConfig(let options): exit(WorkerActor.enter { ConfigReader.runChild(options, registry: registry) })
        case .runCases: CaseRun.runChild(cases)
        case .worker: WorkerActor.enter { runWorker(loop, registry) }
        case .run(let options) where options.mode == .validate: validate(options, registry, cases)
        case .run(let options): WorkerActor.enter { serve(options, loop) }
        }
        exit(EXIT_SUCCESS)
    }

    private static func validate(
        _ options: ProxyOptions, _ registry: @WorkerActor () -> HTTPFilterRegistry, _ cases: LuaCaseRunner
    ) {
        do {
            let log = Log(levels: LogLevels(.warning), format: options.logFormat)
            let read = try WorkerActor.enter { () throws(ConfigRefusal) in
                try ConfigLoader.load(options, registry: registry, log: log)
            }
            if !read.warnings.isEmpty { complain(read.warnings) }
            let listeners = try Supervisor.decode(read.bytes).staticResources.listeners
            let failures = listeners.enumerated().flatMap { index, listener in
                CaseRun.problems(of: listener, cases).map { $0.within("static_resources.listeners[\(index)]") }
            }
            guard failures.isEmpty else {
                let lines = failures.map { read.marks.error(ConfigPath(parsing: $0.path), $0.message).description }
                throw ConfigRefusal(description: lines.joined(separator: "\n"))
            }
            say("configuration '\(options.configPath ?? "--config-yaml")' OK\n")
        } catch {
            complain("\(error)")
            exit(EXIT_FAILURE)
        }
    }

    @WorkerActor private static func runWorker(_ loop: EventLoop, _ registry: @escaping @WorkerActor () -> HTTPFilterRegistry) {
        // The terminal sends its signals to the whole group; the supervisor decides what they mean.
        for signal in [SIGTERM, SIGINT, SIGHUP, SIGUSR1] { heddle_ignore_signal(signal) }
        let worker = WorkerProcess(loop: loop, registry: registry)
        do throws(SystemError) {
            try worker.start()
        } catch {
            complain("heddle-proxy --worker is for the supervisor only: \(error)")
            exit(EXIT_FAILURE)
        }
        withExtendedLifetime(worker) { loop.run() }
    }

    @WorkerActor private static func serve(_ options: ProxyOptions, _ loop: EventLoop) {
        do {
            let read = try ConfigReader.read(options)
            let supervisor = try Supervisor(options, loop: loop, first: read)
            supervisor.logWarnings(read)
            try supervisor.start(read)
            withExtendedLifetime(supervisor) { loop.run() }
        } catch {
            complain("\(error)")
            exit(EXIT_FAILURE)
        }
    }

    private static func say(_ text: String) { write(text, STDOUT_FILENO) }

    private static func complain(_ text: String) { write(text + "\n", STDERR_FILENO) }

    private static func write(_ text: String, _ descriptor: Int32) {
        var text = text
        // Whether anybody reads it is not our affair.
        text.withUTF8 { _ = Glibc.write(descriptor, $0.baseAddress, $0.count) }
    }
}
