import Bytes
import Observability
import ProxyModel

extension CommandLineFlag {
    /// Most worker processes.
    static let maximumConcurrency = 256
    /// One week.
    private static let maximumSeconds = 7 * 24 * 3600

    /// All flags that take a value, in the order of the help.
    static let all: [CommandLineFlag] = [
        text(["-c", "--config-path"], "FILE", "bootstrap in Envoy's v3 YAML or JSON") { $0.configPath = $1 },
        text(["--config-yaml"], "TEXT", "YAML that is merged over the file") { $0.configText = $1 },
        CommandLineFlag(names: ["--mode"], value: "serve|validate", help: "validate: check the configuration and end") {
            options, text in
            guard let mode = ProxyOptions.Mode(rawValue: text) else { return false }
            options.mode = mode
            return true
        },
        number(["--concurrency"], "N", 1...maximumConcurrency, "worker processes; default: one a core") {
            $0.concurrency = $1
        },
        CommandLineFlag(
            names: ["-l", "--log-level"], value: "trace|debug|info|warning|error|critical|off", help: "default: info"
        ) {
            options, text in
            guard let level = LogLevel(text) else { return false }
            options.logLevel = level
            return true
        },
        CommandLineFlag(
            names: ["--component-log-level"], value: "COMPONENT:LEVEL,...",
            help: "of " + LogComponent.allCases.map(\.rawValue).joined(separator: ", ")
        ) { options, text in
            for pair in text.split(separator: ",") {
                let parts = pair.split(separator: ":").map(String.init)
                guard parts.count == 2, let component = LogComponent(rawValue: parts[0]), let level = LogLevel(parts[1])
                else { return false }
                options.componentLevels[component] = level
            }
            return true
        },
        CommandLineFlag(names: ["--log-format"], value: "text|json", help: "of the proxy's own log") { options, text in
            switch text {
            case "text": options.logFormat = .text
            case "json": options.logFormat = .json
            // A pattern of Envoy's; lines keep their own form.
            default: return text.contains("%")
            }
            return true
        },
        number(
            ["--drain-time-s"], "SECONDS", 0...maximumSeconds, "how long requests may take after SIGTERM, and connections of listeners that are gone; default: 600"
        ) {
            $0.drainSeconds = $1
        },
        text(["--service-node"], "ID", "node.id") { $0.serviceNode = $1 },
        text(["--service-cluster"], "NAME", "node.cluster") { $0.serviceCluster = $1 },
        text(["--admin-address-path"], "FILE", "where the admin listener's address is written to") {
            $0.adminAddressPath = $1
        },
        CommandLineFlag(
            names: ["--metrics-address"], value: "ADDRESS:PORT",
            help: "a listener with only /stats/prometheus and /ready"
        ) { options, text in
            guard SocketAddress(text) != nil else { return false }
            options.metricsAddress = text
            return true
        },
        text(["--socket-path"], "PATH", "unix socket (or @name) by which a new program takes the sockets over") {
            $0.takeOverPath = $1
        },
        number(["--base-id"], "N", 0...65535, "the same as --socket-path @heddle-proxy-N") {
            $0.takeOverPath = "@heddle-proxy-\($1)"
        },
        number(
            ["--restart-epoch"], "N", 0...Int(Int32.max), "more than 0: take the sockets over from the running proxy"
        ) {
            $0.restartEpoch = $1
        },
        number(
            ["--watchdog-s"], "SECONDS", 0...3600, "a worker without a sign of life for so long is killed; default: 10"
        ) {
            $0.watchdogSeconds = $1
        },
        number(
            ["--ticket-key-s"], "SECONDS", 1...maximumSeconds,
            "after so long TLS session tickets are sealed with a new key; default: 7200"
        ) { $0.ticketKeySeconds = $1 },
        text(
            ["--last-good-path"], "FILE",
            "keep the last good dynamic configuration here, and start with it while the control plane is away"
        ) { $0.lastGoodPath = $1 },
        toggle(["--allow-unknown-static-fields"], "leave fields of the bootstrap aside that are not known here") {
            $0.unknownStaticFields = .leftAside
        },
        toggle(["--reject-unknown-dynamic-fields"], "refuse resources with fields that are not known here") {
            $0.unknownDynamicFields = .refused
        },
        toggle(["--ignore-unknown-dynamic-fields"], "leave such fields aside; the default") {
            $0.unknownDynamicFields = .leftAside
        },
        withoutEffect("--disable-hot-restart", "", "without --base-id and --socket-path nothing is handed over"),
        withoutEffect("--drain-strategy", "gradual|immediate", "connections end with their requests"),
        withoutEffect("--parent-shutdown-time-s", "SECONDS", "the old program ends when it has drained"),
        withoutEffect("--local-address-ip-version", "v4|v6", "only addresses of the configuration are used"),
        withoutEffect("--file-flush-interval-msec", "MILLISECONDS", "log files are written at once"),
        withoutEffect("--skip-deprecated-logs", "", "a field that is left aside is told in any case"),
    ]

    /// The text of `--help`.
    static var helpText: String {
        var text = """
            heddle-proxy: an HTTP and TCP proxy that reads Envoy's configuration

            Usage: heddle-proxy -c FILE [flags]

            Flags:

            """
        for flag in all {
            text +=
                "  \(flag.names.joined(separator: ", "))\(flag.isSwitch ? "" : " " + flag.value)\n      \(flag.help)\n"
        }
        text += """
              -h, --help
              --version

            Signals:
              SIGTERM  drain and end    SIGINT   end at once
              SIGHUP   read the configuration anew    SIGUSR1  open log files anew

            Examples:
              heddle-proxy -c envoy.yaml
              heddle-proxy -c envoy.yaml --mode validate
              heddle-proxy -c envoy.yaml --concurrency 4 -l warning --component-log-level upstream:debug
              heddle-proxy -c envoy.yaml --base-id 1                     then, with no connection refused:
              heddle-proxy -c envoy.yaml --base-id 1 --restart-epoch 1

            """
        return text
    }
}
