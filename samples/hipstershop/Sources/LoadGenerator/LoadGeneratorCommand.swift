import ArgumentParser
import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import ServiceLifecycle

/// `hipstershop loadgenerator`
struct LoadGeneratorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "loadgenerator", abstract: "Visits the shop as people do, and says what they met with.",
        discussion: "Reads FRONTEND_ADDR (host:port), USERS (10) and RATE (users that come a second, 1) where no option is given.")

    @Option(help: "Where the frontend is, as host:port.")
    var frontend: String?

    @Option(help: "How many users at most.")
    var users: Int?

    @Option(help: "How many come a second; 0 for all at once.")
    var rate: Double?

    @Option(name: .customLong("for"), help: "How long, such as 60s; without it, until the process is told to end.")
    var duration: String?

    @Option(help: "Shortest and longest pause between two steps of a user.")
    var wait = "1s..10s"

    @Option(help: "What users do: \(ShopUser.Behaviour.allCases.map(\.rawValue).joined(separator: ", ")).")
    var behaviour = "people"

    @Option(help: "The page that users who behave as `home` ask for.")
    var path = "/"

    @Option(help: "The Host that users ask for; without it, the address.")
    var host: String?

    @Option(help: "How long a user waits for an answer.")
    var timeout = "30s"

    @Option(help: "How long the first page is waited for before there are users; 0s where it is known to be there.")
    var patience = "120s"

    @Flag(help: "Write lines of JSON: one now and then, and one at the end.")
    var json = false

    @Option(help: "How long each line of JSON but the last covers.")
    var every = "1s"

    func run() async throws {
        let settings = Settings()
        let text = try frontend ?? settings.required("FRONTEND_ADDR")
        guard let address = Address(text) else { throw ValidationError("\(text) is not host:port") }
        guard let behaviour = ShopUser.Behaviour(rawValue: behaviour) else { throw ValidationError("no behaviour \(behaviour)") }
        let load = Load(
            base: "http://\(address.host):\(address.port)",
            users: try users ?? settings.number("USERS", default: 10, in: 1...10_000),
            rate: try rate ?? Double(settings.number("RATE", default: 1, in: 0...10_000)),
            host: host, patience: .seconds(try seconds(patience)), duration: try duration.map(seconds), wait: try pauses(),
            timeout: .milliseconds(Int64(try seconds(timeout) * 1000)), behaviour: behaviour, page: path, json: json,
            every: try lineLength())
        try await ServiceHost.run([load], log: ServiceLog(service: "loadgenerator"))
        let report = load.recorder.all()
        if report.requests == 0 || report.failures > 0 { throw ExitCode(1) }
    }

    private func seconds(_ text: String) throws -> Double {
        guard let duration = GoDuration.parse(text) else { throw ValidationError("\(text) is no duration such as 60s") }
        return duration / .seconds(1)
    }

    /// The time between two lines.
    private func lineLength() throws -> Double {
        let length = try seconds(every)
        guard length > 0 else { throw ValidationError("--every \(every): a line covers more than no time") }
        return length
    }

    private func pauses() throws -> ClosedRange<Double> {
        let parts = wait.split(separator: "..").map(String.init)
        guard let first = parts.first, let last = parts.last, parts.count <= 2 else { throw ValidationError("--wait \(wait)") }
        let (low, high) = (try seconds(first), try seconds(last))
        guard low <= high else { throw ValidationError("--wait \(wait): the first is the shorter one") }
        return low...high
    }
}

/// A number of users, a time, and a report.
private struct Load: Service {
    let base: String
    let users: Int
    let rate: Double
    let host: String?
    /// How long the shop is waited for at first.
    let patience: Duration
    let duration: Double?
    let wait: ClosedRange<Double>
    let timeout: TimeAmount
    let behaviour: ShopUser.Behaviour
    let page: String
    let json: Bool
    let every: Double
    let recorder = LoadRecorder()

    func run() async throws {
        var configuration = HTTPClient.Configuration()
        configuration.redirectConfiguration = .disallow
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = users
        let client = HTTPClient(configuration: configuration)
        let seconds = await cancelWhenGracefulShutdown { () -> Double in
            await waitForShop(client)
            let start = ContinuousClock.now
            await generate(client, start: start)
            return (ContinuousClock.now - start) / .seconds(1)
        }
        try await client.shutdown()
        finish(seconds)
    }

    private func waitForShop(_ client: HTTPClient) async {
        let start = ContinuousClock.now
        while !Task.isCancelled, ContinuousClock.now - start < patience {
            let response = try? await client.execute(HTTPClientRequest(url: base + page), timeout: timeout)
            if let response {
                _ = try? await response.body.collect(upTo: 4 * 1024 * 1024)
                if response.status.code < 400 { return }
            }
            // Rule zero: the shop comes up in its own time.
            try? await Task.sleep(for: .milliseconds(100))
        }
    }

    private func generate(_ client: HTTPClient, start: ContinuousClock.Instant) async {
        let end = duration.map { start + .seconds($0) }
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await report(end: end) }
            for number in 0..<users {
                group.addTask {
                    if rate > 0, number > 0 {
                        // Rule zero: users come one after the other.
                        do { try await Task.sleep(for: .seconds(Double(number) / rate)) } catch { return }
                    }
                    var user = ShopUser(
                        client: client, base: base, host: host, recorder: recorder, timeout: timeout, end: end, home: page)
                    await user.visit(as: behaviour, wait: wait)
                }
            }
            await group.waitForAll()
        }
    }

    private func report(end: ContinuousClock.Instant?) async {
        while !Task.isCancelled, end.map({ ContinuousClock.now < $0 }) ?? true {
            let start = ContinuousClock.now
            let next = start + .seconds(every)
            // Rule zero: a line now and then; the last one may be of less time.
            do { try await Task.sleep(until: end.map { min($0, next) } ?? next) } catch { return }
            let recent = recorder.takeRecent()
            let seconds = (ContinuousClock.now - start) / .seconds(1)
            if json { write(LoadReportJSON(kind: "recent", recent, seconds: seconds, withPages: false)) }
        }
    }

    private func finish(_ seconds: Double) {
        let all = recorder.all()
        if json {
            write(LoadReportJSON(kind: "report", all, seconds: seconds, withPages: true))
        } else {
            print(all.table(seconds: seconds))
        }
    }

    private func write(_ line: LoadReportJSON) {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        do {
            try FileHandle.standardOutput.write(contentsOf: encoder.encode(line) + Data("\n".utf8))
        } catch {
            // Nobody reads any more.
            return
        }
    }
}
