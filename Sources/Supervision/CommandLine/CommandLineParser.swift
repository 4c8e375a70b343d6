import Observability
import ProxyModel

/// Reads the command line of `heddle-proxy`, which is Envoy's where both have a flag.
package enum CommandLineParser {
    /// - Parameter arguments: without the program's name.
    package static func parse(_ arguments: [String]) throws(CommandLineError) -> ProxyCommand {
        var options = ProxyOptions()
        var rest = arguments[...]
        var decodes = false
        while let argument = rest.popFirst() {
            let (name, inline) = split(argument)
            switch name {
            case "-h", "--help": return .help
            case "--version": return .version
            case "--worker": return .worker
            case "--run-cases": return .runCases
            case "--decode-config":
                decodes = true
                continue
            default: break
            }
            guard let flag = CommandLineFlag.all.first(where: { $0.names.contains(name) }) else {
                throw unknown(argument, name)
            }
            if flag.isSwitch {
                // As with Envoy's own parser, a switch takes no value.
                guard inline == nil else { throw CommandLineError("\(name) takes no value") }
                try flag.apply(&options, "", name)
                continue
            }
            guard let value = inline ?? rest.popFirst() else {
                throw CommandLineError("\(name) needs a value: \(flag.value)")
            }
            try flag.apply(&options, value, name)
        }
        if options.configPath == nil, options.configText == nil {
            throw CommandLineError("a configuration is needed: -c FILE or --config-yaml TEXT")
        }
        if options.restartEpoch > 0, options.takeOverPath == nil {
            throw CommandLineError(
                "--restart-epoch needs --base-id or --socket-path, by which the running proxy is found")
        }
        return decodes ? .decodeConfig(options) : .run(options)
    }

    /// `--name=value` in its two parts.
    private static func split(_ argument: String) -> (name: String, value: String?) {
        guard argument.hasPrefix("--"), let equals = argument.firstIndex(of: "=") else { return (argument, nil) }
        return (String(argument[..<equals]), String(argument[argument.index(after: equals)...]))
    }

    private static func unknown(_ argument: String, _ name: String) -> CommandLineError {
        guard name.hasPrefix("-") else {
            return CommandLineError("\"\(argument)\" is no flag; flags begin with - or --")
        }
        let known = CommandLineFlag.all.flatMap(\.names) + ["--help", "--version"]
        let nearest = NearestName.find(name, among: known)
        return CommandLineError("there is no flag \(name)" + (nearest.map { "; did you mean \($0)?" } ?? ""))
    }
}

/// One flag, with a value or without.
struct CommandLineFlag: Sendable {
    let names: [String]
    /// What stands for the value in the help; empty for a switch.
    let value: String
    let help: String
    let set: @Sendable (inout ProxyOptions, String) -> Bool

    /// Whether it has no value.
    var isSwitch: Bool { value.isEmpty }

    func apply(_ options: inout ProxyOptions, _ text: String, _ name: String) throws(CommandLineError) {
        guard set(&options, text) else { throw CommandLineError("\(name) \"\(text)\": expected \(value)") }
    }

    /// A flag whose value is a number in a range.
    static func number(
        _ names: [String], _ value: String, _ range: ClosedRange<Int>, _ help: String,
        _ store: @escaping @Sendable (inout ProxyOptions, Int) -> Void
    ) -> CommandLineFlag {
        CommandLineFlag(names: names, value: "\(value) (\(range.lowerBound) to \(range.upperBound))", help: help) {
            options, text in
            guard let number = Int(text), range.contains(number) else { return false }
            store(&options, number)
            return true
        }
    }

    /// A flag without a value.
    static func toggle(
        _ names: [String], _ help: String, _ store: @escaping @Sendable (inout ProxyOptions) -> Void
    ) -> CommandLineFlag {
        CommandLineFlag(names: names, value: "", help: help) { options, _ in
            store(&options)
            return true
        }
    }

    /// A flag of Envoy's that others pass and that means nothing here.
    static func withoutEffect(_ name: String, _ value: String, _ why: String) -> CommandLineFlag {
        CommandLineFlag(names: [name], value: value, help: "accepted, without effect: \(why)") { _, _ in true }
    }

    /// A flag whose value is any text that is not empty.
    static func text(
        _ names: [String], _ value: String, _ help: String,
        _ store: @escaping @Sendable (inout ProxyOptions, String) -> Void
    ) -> CommandLineFlag {
        CommandLineFlag(names: names, value: value, help: help) { options, text in
            guard !text.isEmpty else { return false }
            store(&options, text)
            return true
        }
    }
}
