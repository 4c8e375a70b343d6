import Observability
import Testing

@testable import Supervision

@Suite("The command line")
struct CommandLineParserTests {
    @Test("Envoy's flags are understood, in both forms")
    func flags() throws {
        let command = try CommandLineParser.parse([
            "-c", "a.yaml", "--concurrency=3", "-l", "warn", "--component-log-level", "upstream:debug,http:trace", "--mode", "serve",
            "--drain-time-s", "7", "--log-format", "json", "--base-id", "4",
        ])
        guard case .run(let options) = command else {
            Issue.record("not run: \(command)")
            return
        }
        #expect(options.configPath == "a.yaml")
        #expect(options.concurrency == 3)
        #expect(options.logLevel == .warning)
        #expect(options.componentLevels == [.upstream: .debug, .http: .trace])
        #expect(options.drainSeconds == 7)
        #expect(options.takeOverPath == "@heddle-proxy-4")
    }

    @Test(
        "what is wrong is named",
        arguments: [
            (["-c", "a", "--concurency", "2"], "there is no flag --concurency; did you mean --concurrency?"),
            (["-c", "a", "--concurrency", "0"], "--concurrency \"0\": expected N (1 to 256)"),
            (["-c", "a", "--concurrency", "257"], "--concurrency \"257\": expected N (1 to 256)"),
            (["-c"], "-c needs a value: FILE"),
            (["a.yaml"], "\"a.yaml\" is no flag; flags begin with - or --"),
            ([], "a configuration is needed: -c FILE or --config-yaml TEXT"),
            (["-c", "a", "--component-log-level", "nothing:debug"], "--component-log-level \"nothing:debug\": expected COMPONENT:LEVEL,..."),
            (
                ["-c", "a", "--restart-epoch", "1"],
                "--restart-epoch needs --base-id or --socket-path, by which the running proxy is found"
            ),
        ])
    func errors(arguments: [String], message: String) {
        #expect(throws: CommandLineError(message)) { try CommandLineParser.parse(arguments) }
    }

    @Test("the help names every flag")
    func help() {
        for name in CommandLineFlag.all.flatMap(\.names) { #expect(CommandLineFlag.helpText.contains(name)) }
    }
}
