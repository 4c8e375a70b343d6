import DataPlane
import LuaRuntime
import Observability
import ProxyModel
import Reactor

/// One version of a filter's own script, and what it counts.
@WorkerActor final class LuaVersion {
    let script: LuaScript
    /// The filter's `filter_context`, unless a route has its own.
    let context: [String: MetadataValue]
    let isCandidate: Bool
    let requests: Counter
    let failed: Counter
    let errors: Counter
    let kills: Counter
    let holdTime: Histogram

    init(_ script: LuaScript, context: [String: MetadataValue], isCandidate: Bool, _ stats: LuaVersionStats) {
        self.script = script
        self.context = context
        self.isCandidate = isCandidate
        requests = stats[.requests]
        failed = stats[.failed]
        errors = stats[.errors]
        kills = stats[.kills]
        holdTime = stats[.holdTime]
    }
}

/// The versions of a filter's own script on one worker: the one in force, and perhaps a candidate that takes a part of the
/// requests until it is rolled back.
@WorkerActor final class LuaVersions: RolledBackListener {
    private let inForce: LuaVersion
    private var candidate: LuaVersion?
    /// Numbers of 53 bits below this are the candidate's.
    private let threshold: UInt64
    private let worker: WorkerContext

    /// - Parameters:
    ///   - key: what the candidate is known by to all processes.
    ///   - percent: of the requests, which the candidate takes.
    init(_ inForce: LuaVersion, candidate: LuaVersion?, key: String, percent: Double, _ worker: WorkerContext) {
        self.inForce = inForce
        self.worker = worker
        self.candidate = candidate
        threshold = UInt64(percent / 100 * 0x1p53)
        if candidate != nil, worker.rolledBack.tell(self, of: key) { self.candidate = nil }
    }

    /// The version for a stream; both of its hooks run it.
    func choose() -> LuaVersion {
        guard let candidate, worker.random.next() >> 11 < threshold else { return inForce }
        return candidate
    }

    /// Streams under way keep it to their end; then it goes, with its timers.
    func rolledBack() { candidate = nil }
}

/// The version that a stream runs, and what came of it so far.
struct LuaVersionUse {
    private(set) var version: LuaVersion?
    /// Nanoseconds.
    private var held: UInt64 = 0
    /// Since when the hooks of a request and of a response hold it; 0 when they do not.
    private var requestHeldSince: UInt64 = 0
    private var responseHeldSince: UInt64 = 0
    private var hasFailed = false

    init() {}

    init(_ version: LuaVersion) { self.version = version }

    mutating func holdBegins(_ direction: Direction, now: UInt64) {
        if direction == .request { requestHeldSince = now } else { responseHeldSince = now }
    }

    mutating func holdEnds(_ direction: Direction, now: UInt64) {
        let since = direction == .request ? requestHeldSince : responseHeldSince
        guard since != 0 else { return }
        held += now - since
        holdBegins(direction, now: 0)
    }

    @WorkerActor mutating func failed() {
        guard let version else { return }
        version.errors.add()
        hasFailed = true
    }

    /// Returns whether it was the candidate, which is not the filter's fault.
    @WorkerActor func killed() -> Bool {
        version?.kills.add()
        return version?.isCandidate ?? false
    }

    /// The stream has ended with this status, 0 for none.
    @WorkerActor func ended(status: UInt16) {
        guard let version else { return }
        version.requests.add()
        if hasFailed || status >= 500 { version.failed.add() }
        version.holdTime.record(nanoseconds: held)
    }
}

extension LuaHook {
    /// The hook begins to hold the message.
    func measureBegins() {
        if filter.use.version != nil { filter.use.holdBegins(direction, now: factory.worker.loop.readClock()) }
    }

    /// It does so no longer.
    func measureEnds() {
        if filter.use.version != nil { filter.use.holdEnds(direction, now: factory.worker.loop.readClock()) }
    }
}
