import ArgumentParser
import FilterTool
import Foundation

/// The request that `heddle filter run` and `bench` make up.
struct RequestOptions: ParsableArguments {
    @Argument(help: "The script.")
    var script: String

    @Option(help: "Method and path, such as 'GET /' or 'POST /login'. (default: GET /)")
    var request: String?

    @Option(help: "A recorded request: a file with its request line, header fields, an empty line and the body.")
    var requestFile: String?

    @Option(name: [.customShort("H"), .long], help: "A header field, 'name: value'; may be given several times.")
    var header: [String] = []

    @Option(name: [.customShort("d"), .long], help: "The request's body.")
    var body: String?

    @Option(help: "The filter's filter_context, as YAML or JSON.")
    var settings = ""

    @Option(help: "More of the filter's configuration, as YAML or JSON, such as '{trust: TRUSTED, limits: {cpu_time: 0.01s}}'.")
    var config = ""

    @Option(help: "Status of the service's answer.")
    var status = 200

    @Option(help: "Header field of the service's answer; may be given several times.")
    var answerHeader: [String] = []

    @Option(help: "Body of the service's answer.")
    var answerBody = ""

    // What is asked here is answered with the usage of the command that was given.
    func validate() throws { _ = try make() }

    func make() throws -> RunRequest {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: script, isDirectory: &isFolder) else { throw ValidationError("there is no file \(script)") }
        guard !isFolder.boolValue else { throw ValidationError("\(script) is a folder; a script is expected") }
        guard (200...599).contains(status) else { throw ValidationError("--status is from 200 to 599") }
        var message = WireMessage()
        if let requestFile {
            guard request == nil else { throw ValidationError("--request and --request-file cannot be given together") }
            guard let bytes = FileManager.default.contents(atPath: requestFile) else { throw ValidationError("\(requestFile) cannot be read") }
            do throws(WireError) {
                message = try WireMessage(recorded: Array(bytes))
            } catch {
                throw ValidationError("\(requestFile): \(error)")
            }
        } else {
            let parts = (request ?? "GET /").split(separator: " ")
            guard parts.count == 2 else { throw ValidationError("--request is a method and a path, such as 'GET /'") }
            message.fields = [WireMessage.Field(":method", String(parts[0])), WireMessage.Field(":path", String(parts[1]))]
        }
        for text in header {
            let field = try Self.field(text)
            message.fields.append(field.name == "host" ? WireMessage.Field(":authority", field.value) : field)
        }
        if let body { message.body = Array(body.utf8) }
        var run = RunRequest(script: script, request: message)
        run.settings = settings
        run.config = config
        run.answer = WireMessage(fields: [WireMessage.Field(":status", String(status))], body: Array(answerBody.utf8))
        for text in answerHeader { run.answer.fields.append(try Self.field(text)) }
        return run
    }

    private static func field(_ text: String) throws -> WireMessage.Field {
        guard let colon = text.firstIndex(of: ":") else { throw ValidationError("\"\(text)\" is no header field: 'name: value'") }
        return WireMessage.Field(
            text[..<colon].lowercased(), text[text.index(after: colon)...].trimmingCharacters(in: .whitespaces))
    }
}

/// `heddle filter run FILE`
struct FilterRunCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "Send one request through a filter and show what it did: header fields, body, log, cost.",
        discussion: """
            Ends with 1 when the script does not load or fails. A script that requires others finds them in its own folder.

            Examples:
              heddle filter run filters/maintenance/maintenance.lua --request 'GET /'
              heddle filter run my.lua --request 'POST /pay' -H 'x-user: ada' -d '{"a": 1}' --settings '{limit: 5}'
            """)

    @OptionGroup var options: RequestOptions

    @Option(name: .shortAndLong, help: "text or json")
    var output = OutputFormat.text

    func run() throws {
        let request = try options.make()
        let report: RunReport = LoopRun.wait { loop, done in
            let run = FilterRun(request, loop: loop)
            run.once(done)
            return run
        }
        print(output == .json ? report.json : report.text(isColored: OutputFormat.isColored))
        if !report.problem.isEmpty || report.scriptErrors > 0 { throw ExitCode.failure }
    }
}

/// `heddle filter bench FILE`
struct FilterBenchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench", abstract: "Send a request many times and show how long the filter's hooks take.",
        discussion: "Ends with 1 when the script does not load or fails, or has no hook.")

    @OptionGroup var options: RequestOptions

    @Option(name: .shortAndLong, help: "How many requests count.")
    var number = 1000

    @Option(name: .shortAndLong, help: "text or json")
    var output = OutputFormat.text

    func validate() throws {
        guard number > 0 else { throw ValidationError("--number is at least 1") }
    }

    func run() throws {
        let request = try options.make()
        let report: BenchReport = LoopRun.wait { loop, done in
            let run = FilterRun(request, loop: loop)
            run.measure(number, done)
            return run
        }
        print(output == .json ? report.json : report.text)
        // Nothing that was measured is no measurement.
        if !report.problem.isEmpty || report.scriptErrors > 0 || report.hooks.isEmpty { throw ExitCode.failure }
    }
}

/// `heddle filter lint PATH`
struct FilterLintCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "lint", abstract: "Look for mistakes in scripts without running them; ends with 1 when there is an error or a warning.",
        discussion: """
            Finds globals that nothing defines, globals written by accident, libraries that a sandbox does not have, methods that
            do not exist, values that may be nil where they are used, and patterns that hostile input makes slow. A comment
            on the line or above it takes a finding back: -- lint: allow slow-pattern
            """)

    @Argument(help: "Scripts, or folders with scripts in them.")
    var paths: [String]

    @Flag(help: "The scripts are run with trust: TRUSTED, so that what a sandbox lacks is no mistake.")
    var trusted = false

    @Option(name: .shortAndLong, help: "text or json")
    var output = OutputFormat.text

    func run() throws {
        let (findings, scripts): ([LintFinding], Int) = LoopRun.wait { loop, done in
            FilterLint.start(paths, isTrusted: trusted, loop: loop) { done(($0, $1)) }
            return loop
        }
        switch output {
        case .json: print("{\"scripts\": \(scripts), \"findings\": [\(findings.map(\.json).joined(separator: ", "))]}")
        case .text:
            for finding in findings { print(finding) }
            print("\(scripts) \(scripts == 1 ? "script" : "scripts"), \(findings.count) \(findings.count == 1 ? "finding" : "findings")")
        }
        if findings.contains(where: { $0.severity != .note }) { throw ExitCode.failure }
    }
}
