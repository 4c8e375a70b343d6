import Bytes
import CLinux
import DataPlane
package import Filters
import Glibc
import HTTPCodec
import HTTPModel
import Observability
import ProxyModel
package import Reactor
import TrafficPolicy

/// A worker in this process with one listener, the filters of a case and scripted services behind it: the code that a
/// proxy runs, without the proxy.
@WorkerActor package final class FilterHarness {
    /// What came of one request.
    package struct Exchange: Sendable {
        /// Nil when the connection ended, or nothing came in time.
        package var response: WireMessage?
        /// What the services were asked, by cluster.
        package var upstream: [(cluster: String, request: WireMessage)] = []
        /// Lines of the proxy's log.
        package var log: [String] = []
        /// Errors of scripts.
        package var scriptErrors = 0
        /// By how much counters of scripts rose, those that were asked for.
        package var counters: [String: UInt64] = [:]
        /// What the hooks cost, in the order in which they ran.
        package var hooks: [LuaProbe.Record] = []
    }

    /// How long a request may take.
    private static let patience: UInt64 = 30_000_000_000
    private static let statPrefix = "test"
    /// Turns of the loop, at least, in which timers may run before a request.
    private static let waitingTurns = 20

    private let loop: EventLoop
    private let worker: Worker
    private let stats: StatsSegment
    private let limits: LimitMemory
    /// The proxy's own log, in a file without a name.
    private let logFile: Int32
    private var logRead = 0
    /// What the last configuration was warned of.
    private(set) var warnings: [String] = []
    private let probe = LuaProbe()
    private var listening: Descriptor?
    private let port: UInt16
    private var upstreams: [ScriptedUpstream] = []
    private var errorsBefore: UInt64 = 0
    private var countersBefore: [(name: String, value: UInt64)] = []
    private var timer: LoopTimer?
    private var client: WirePeer?

    /// - Parameter clusters: names that filters and routes may use.
    package init(clusters: [String], loop: EventLoop) throws(HarnessError) {
        self.loop = loop
        limits = LimitMemory(groups: clusters.count)
        let region = limits.region
        do {
            // A proxy that runs cases may have no folder that it can write to.
            logFile = heddle_memory_file_open("heddle-filter-log")
            guard logFile >= 0 else { throw SystemError("memfd_create") }
            stats = try StatsSegment(named: "heddle-filter-test", capacity: 8 << 20)
            upstreams = try clusters.map { try ScriptedUpstream($0, loop) }
            guard let loopback = SocketAddress(host: "127.0.0.1", port: 0) else { preconditionFailure("loopback is an address") }
            let socket = try Socket.listen(loopback)
            port = Socket.localAddress(socket.raw)?.port ?? 0
            listening = consume socket
            worker = Worker(
                WorkerResources(
                    context: WorkerContext(loop: loop, seed: 1), stats: stats, registry: BuiltInFilters.registry(probe: probe),
                    logWriter: try LogFileWriter(), log: Log(levels: LogLevels(.debug), output: .descriptor(logFile)),
                    environment: FormatEnvironment(),
                    limits: { region.counters(group: clusters.firstIndex(of: $0) ?? 0, slot: 0) }))
        } catch {
            throw HarnessError("\(error)")
        }
    }

    /// Ends everything; nothing of it is called any more.
    package func close() {
        client?.close()
        timer?.cancel()
        worker.stopAccepting()
        worker.closeAll()
        for upstream in upstreams { upstream.close() }
        Glibc.close(logFile)
    }

    /// Ports of the scripted services by cluster.
    package var ports: [(cluster: String, port: UInt16)] { upstreams.map { ($0.cluster, $0.port) } }

    /// Puts a configuration in force, with new states for all scripts.
    /// - Parameter bootstrap: YAML with one listener, `main`, whose address is not looked at.
    package func configure(_ bootstrap: String, file: String) throws(HarnessError) {
        let decoded: DecodedBootstrap
        do throws(ConfigErrors) {
            decoded = try ConfigDecoder.decodeBootstrap(bootstrap, file: file)
        } catch {
            throw HarnessError(error.errors.map { Self.ownWords("\($0.path): \($0.message)") }.joined(separator: "\n"))
        }
        do {
            let snapshot = try worker.prepare(decoded.bootstrap, anew: true)
            var sockets: [String: [Int32]] = [:]
            if let socket = listening.take() { sockets["main"] = [socket.release()] }
            try worker.commit(snapshot, sockets: sockets)
        } catch {
            throw HarnessError(Self.ownWords("\(error)"))
        }
        warnings = takeLog().filter { $0.contains("[warning]") }
        errorsBefore = scriptErrors
    }

    /// A message without the path to what the author of a filter did not write.
    private nonisolated static func ownWords(_ message: String) -> String {
        let manager = "static_resources.listeners[0].filter_chains[0].filters[0].typed_config."
        return message.replacing(manager + "http_filters[0].typed_config.lua.", with: "").replacing(manager + "http_filters[0].typed_config.", with: "")
            .replacing(manager + "http_filters", with: "filters").replacing(manager + "route_config.virtual_hosts[0].", with: "")
    }

    /// Loads a script and returns what it printed.
    package func load(_ script: String) throws(HarnessError) -> [String] {
        let filter = """
            {"name": "envoy.filters.http.lua", "typed_config": {"@type": "type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua", \
            "default_source_code": {"inline_string": \(CaseValue.quoted(script))}}}
            """
        let cases = CaseSet(
            file: "", script: nil, config: nil, filters: try Self.list(filter), routes: nil, clusters: ["main"], cases: [])
        let filterCase = FilterCase(name: "", line: 0, settings: nil, exchanges: [])
        let start = logRead
        try configure(cases.bootstrap(filterCase, ports: ports), file: "script")
        logRead = start
        return takeLog()
    }

    private static func list(_ item: String) throws(HarnessError) -> CaseValue {
        do throws(CaseError) {
            return .list([try CaseReader.value(item, of: "script")])
        } catch {
            throw HarnessError(error.description)
        }
    }

    /// Errors of all Lua filters, whatever their `stat_prefix` is.
    private var scriptErrors: UInt64 { counters { $0.hasPrefix(Self.luaPrefix) && $0.hasSuffix(".errors") && $1 == "errors" } }

    /// A counter that a script made, of any filter, or one of the business (`heddle.metric`) with its labels as `/stats` has
    /// them: `orders_total{currency=EUR}`.
    private func counter(_ name: String) -> UInt64 {
        counters { full, _ in full == name || (full.hasPrefix(Self.luaPrefix) && full.hasSuffix("." + name)) }
    }

    private static let luaPrefix = "http.\(statPrefix).lua."

    /// The sum of the counters that are wanted, by whole name and by name within their kind.
    private func counters(where isWanted: (String, String) -> Bool) -> UInt64 {
        let descriptor = dup(stats.region.descriptor)
        guard descriptor >= 0, let snapshot = try? StatsReader(mapping: descriptor).read() else { return 0 }
        var sum: UInt64 = 0
        snapshot.forEachCounter { full, name, value in
            if isWanted(full, name) { sum += value }
        }
        return sum
    }

    /// Sends one request and calls `done` with what came of it.
    /// - Parameters:
    ///   - after: how long timers may run before it, in nanoseconds; what they call and count is the exchange's, too.
    ///   - answers: of the services, by cluster.
    ///   - counters: names of counters that scripts made, which are looked at.
    package func send(
        _ request: WireMessage, after: UInt64 = 0, answers: [String: [WireMessage]], counters: [String] = [],
        _ done: @escaping @WorkerActor (Exchange) -> Void
    ) {
        countersBefore = counters.map { ($0, counter($0)) }
        for upstream in upstreams {
            _ = upstream.take()
            upstream.answers = answers[upstream.cluster] ?? []
        }
        probe.records = []
        wait(turns: after > 0 ? Self.waitingTurns : 0, of: after / UInt64(Self.waitingTurns)) { [unowned self] in self.send(request, done) }
    }

    /// Waits in pieces: however long the loop is held up, what timers began has some of its turns to end in.
    private func wait(turns: Int, of piece: UInt64, _ done: @escaping @WorkerActor () -> Void) {
        guard turns > 0 else { return done() }
        let timer = LoopTimer(loop: loop) { [unowned self] in self.wait(turns: turns - 1, of: piece, done) }
        timer.schedule(after: piece)
        self.timer = timer
    }

    private func send(_ request: WireMessage, _ done: @escaping @WorkerActor (Exchange) -> Void) {
        do throws(SystemError) {
            guard let address = SocketAddress(host: "127.0.0.1", port: port) else { preconditionFailure("loopback is an address") }
            let client = try WirePeer(
                try Socket.connect(to: address), .response, loop, received: { [unowned self] in self.ended($0, $1, done) },
                ended: { [unowned self] in self.ended($0, nil, done) })
            self.client = client
            client.expectResponse(toHead: request[":method"] == "HEAD")
            client.send(request.requestBytes())
            let timer = LoopTimer(loop: loop) { [unowned self] in self.ended(client, nil, done) }
            timer.schedule(after: Self.patience)
            self.timer = timer
        } catch {
            done(Exchange(log: ["\(error)"]))
        }
    }

    private func ended(_ peer: WirePeer, _ response: WireMessage?, _ done: @WorkerActor (Exchange) -> Void) {
        guard client === peer else { return }
        client = nil
        timer?.cancel()
        peer.close()
        var exchange = Exchange(response: response)
        for upstream in upstreams { exchange.upstream += upstream.take().map { (upstream.cluster, $0) } }
        exchange.log = takeLog()
        exchange.scriptErrors = Int(scriptErrors - errorsBefore)
        errorsBefore = scriptErrors
        for (name, value) in countersBefore { exchange.counters[name] = counter(name) - value }
        exchange.hooks = probe.records
        done(exchange)
    }

    private func takeLog() -> [String] {
        var lines: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = pread(logFile, &buffer, buffer.count, logRead)
            guard count > 0 else { break }
            lines += buffer[..<count]
            logRead += count
        }
        return String(decoding: lines, as: UTF8.self).split(separator: "\n").map(String.init)
    }
}

/// Why filters cannot be tried out.
package struct HarnessError: Error, Equatable, CustomStringConvertible {
    package let description: String

    package init(_ description: String) { self.description = description }
}
