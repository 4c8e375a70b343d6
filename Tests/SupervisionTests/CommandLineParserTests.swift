import Observability
import Testing

import ProxyModel
@testable import Supervision

@Suite("The command line")
struct CommandLineParserTests {
    @Test("Envoy's flags are understood, in both forms")
    func flags() throws {
        let command = try CommandLineParser.parse([
            "-c", "a.yaml", "--concurrency=3", "-l", "warn", "--component-log-level", "upstream:debug,http:trace",
            "--mode", "serve",
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

    @Test("what Istio's agent passes is understood")
    func sidecar() throws {
        let command = try CommandLineParser.parse([
            "-c", "etc/istio/proxy/envoy-rev.json", "--drain-time-s", "45", "--drain-strategy", "immediate",
            "--local-address-ip-version", "v4", "--file-flush-interval-msec", "1000", "--disable-hot-restart",
            "--skip-deprecated-logs", "--allow-unknown-static-fields", "-l", "warning", "--component-log-level", "config:error", "--concurrency",
            "2",
            "--log-format", "%Y-%m-%dT%T.%fZ\t%l\tenvoy %n %g:%#\t%v\tthread=%t", "--service-node", "sidecar~1",
            "--service-cluster", "reviews",
        ])
        guard case .run(let options) = command else {
            Issue.record("not run: \(command)")
            return
        }
        #expect(options.unknownStaticFields == .leftAside && options.unknownDynamicFields == .leftAside)
        #expect(options.serviceNode == "sidecar~1" && options.serviceCluster == "reviews")
        #expect(options.drainSeconds == 45 && options.concurrency == 2 && options.logFormat == .text)
    }

    @Test("unknown fields of dynamic resources can be refused")
    func unknownFields() throws {
        guard case .run(let options) = try CommandLineParser.parse(["-c", "a", "--reject-unknown-dynamic-fields"])
        else {
            Issue.record("not run")
            return
        }
        #expect(options.unknownDynamicFields == .refused && options.unknownStaticFields == .refused)
    }

    @Test(
        "what is wrong is named",
        arguments: [
            (["-c", "a", "--concurency", "2"], "there is no flag --concurency; did you mean --concurrency?"),
            (["-c", "a", "--concurrency", "0"], "--concurrency \"0\": expected N (1 to 256)"),
            (["-c", "a", "--concurrency", "257"], "--concurrency \"257\": expected N (1 to 256)"),
            (["-c"], "-c needs a value: FILE"),
            (["-c", "a", "--disable-hot-restart=1"], "--disable-hot-restart takes no value"),
            (["a.yaml"], "\"a.yaml\" is no flag; flags begin with - or --"),
            ([], "a configuration is needed: -c FILE or --config-yaml TEXT"),
            (
                ["-c", "a", "--component-log-level", "nothing:debug"],
                "--component-log-level \"nothing:debug\": expected COMPONENT:LEVEL,..."
            ),
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
