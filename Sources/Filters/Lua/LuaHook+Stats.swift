import Bytes
import DataPlane
import HTTPModel
import LuaRuntime
import Observability
import Reactor
import TrafficPolicy

/// `stats()`: counters, gauges and distributions that scripts make, below the filter's own.
extension LuaHook {
    static let statsType = LuaClass<LuaHook>(
        "StatsScope",
        methods: [
            .worker("counter") { hook, call in
                hook.give(call, counterType, isOther: { LuaStats.Gauges(rawValue: $0) != nil }) { hook.factory.scriptStats.counter($0) }
            },
            .worker("gauge") { hook, call in
                hook.give(call, gaugeType, isOther: { LuaStats.Counters(rawValue: $0) != nil }) { hook.factory.scriptStats.gauge($0) }
            },
            .worker("histogram") { hook, call in
                if !call.isNil(2) {
                    guard let unit = call.text(2) else { return call.badArgument(2, expected: "string") }
                    guard units.contains(unit) else { return call.fail(
                        "invalid histogram unit '\(unit)', expected 'ms', 'milliseconds', 'microseconds', 'nanoseconds', 'bytes', or 'unspecified'") }
                }
                return hook.give(
                    call, histogramType, isOther: { LuaStats.Counters(rawValue: $0) != nil || LuaStats.Gauges(rawValue: $0) != nil }
                ) { hook.factory.scriptStats.histogram($0) }
            },
        ] + logMethods)

    private static let units = ["ms", "milliseconds", "microseconds", "nanoseconds", "bytes", "unspecified"]

    static let counterType = LuaClass<ScriptStats>(
        "Counter",
        methods: [
            .worker("inc") { stats, call in
                stats.counters[call.tag].add()
                return .results
            },
            .worker("add") { stats, call in
                guard let amount = call.number(1) else { return call.badArgument(1, expected: "number") }
                guard isAmount(amount) else { return call.fail("counter add amount must be non-negative") }
                stats.counters[call.tag].add(whole(amount))
                return .results
            },
            .worker("value") { stats, call in call.returning(Double(stats.counters[call.tag].value)) },
        ] + LuaMethod.logMethods { $0.log })

    static let gaugeType = LuaClass<ScriptStats>(
        "Gauge",
        methods: [
            .worker("inc") { stats, call in
                stats.gauges[call.tag].add()
                return .results
            },
            .worker("dec") { stats, call in
                stats.gauges[call.tag].subtract()
                return .results
            },
            .worker("add") { stats, call in change(stats, call, "add amount") { $0.add($1) } },
            .worker("sub") { stats, call in change(stats, call, "sub amount") { $0.subtract($1) } },
            .worker("set") { stats, call in change(stats, call, "set value") { $0.set($1) } },
            .worker("value") { stats, call in call.returning(stats.gauges[call.tag].value) },
        ] + LuaMethod.logMethods { $0.log })

    static let histogramType = LuaClass<ScriptStats>(
        "Histogram",
        methods: [
            .worker("recordValue") { stats, call in
                guard let value = call.number(1) else { return call.badArgument(1, expected: "number") }
                guard isAmount(value) else { return call.fail("histogram value must be non-negative") }
                stats.histograms[call.tag].record(whole(value))
                return .results
            }
        ] + LuaMethod.logMethods { $0.log })

    /// - Parameter isOther: whether the filter has a statistic of this name and another kind.
    private func give(
        _ call: borrowing LuaCall, _ type: LuaClass<ScriptStats>, isOther: (String) -> Bool, _ index: (String) -> Int?
    ) -> LuaReply {
        guard let name = call.text(1) else { return call.badArgument(1, expected: "string") }
        guard name.utf8.count <= ScriptStats.longestName else {
            return call.fail("a statistic's name has at most \(ScriptStats.longestName) bytes")
        }
        guard !isOther(name) else { return call.fail("'\(name)' is a statistic of the filter's own, and of another kind") }
        guard let index = index(name) else {
            return call.fail("a filter can have \(ScriptStats.maximumNames) statistics of its own")
        }
        // A script may keep it from request to request, as in Envoy.
        state?.keep(factory.scriptStats)
        call.results.add(type, factory.scriptStats, scope: .state, tag: index)
        return .results
    }

    private static func change(
        _ stats: ScriptStats, _ call: borrowing LuaCall, _ what: String, _ body: (Gauge, Int) -> Void
    ) -> LuaReply {
        guard let amount = call.number(1) else { return call.badArgument(1, expected: "number") }
        guard isAmount(amount) else { return call.fail("gauge \(what) must be non-negative") }
        body(stats.gauges[call.tag], Int(clamping: whole(amount)))
        return .results
    }

    /// Whether a statistic can take this: a number from 0 on that has 63 bits at most when it is cut.
    private static func isAmount(_ amount: Double) -> Bool { amount >= 0 && amount < 0x1p63 }

    /// What `isAmount` has let in.
    private static func whole(_ amount: Double) -> UInt64 { UInt64(amount) }
}

/// The statistics that the scripts of one filter have made: the host of counters, gauges and distributions, whose tags are
/// their places. They live as long as the worker: their number is bounded.
@WorkerActor final class ScriptStats {
    /// Names that one filter's scripts may use.
    static let maximumNames = 256
    /// Bytes of one of them.
    static let longestName = 256

    private(set) var counters: [Counter] = []
    private(set) var gauges: [Gauge] = []
    private(set) var histograms: [Histogram] = []
    private var indices: [String: Int] = [:]
    private let segment: StatsSegment
    private let prefix: String
    private let statPrefix: String
    private let isUpstream: Bool
    let log: Log

    init(_ segment: StatsSegment, prefix: String, statPrefix: String, isUpstream: Bool, log: Log) {
        self.log = log
        self.isUpstream = isUpstream
        self.segment = segment
        self.prefix = prefix
        self.statPrefix = statPrefix
    }

    /// The index of a statistic, nil when there are too many. One of the filter's own stays that one, as in Envoy.
    func counter(_ name: String) -> Int? {
        index("c" + name, counters.count) {
            if let own = LuaStats.Counters(rawValue: name) {
                counters.append(segment.lua(prefix: prefix, statPrefix: statPrefix, isUpstream: isUpstream)[own])
            } else {
                counters.append(segment.luaCounter(prefix: prefix, statPrefix: statPrefix, name: name, isUpstream: isUpstream))
            }
        }
    }

    func gauge(_ name: String) -> Int? {
        index("g" + name, gauges.count) {
            if let own = LuaStats.Gauges(rawValue: name) {
                gauges.append(segment.lua(prefix: prefix, statPrefix: statPrefix, isUpstream: isUpstream)[own])
            } else {
                gauges.append(segment.luaGauge(prefix: prefix, statPrefix: statPrefix, name: name, isUpstream: isUpstream))
            }
        }
    }

    func histogram(_ name: String) -> Int? {
        index("h" + name, histograms.count) { histograms.append(segment.luaHistogram(prefix: prefix, statPrefix: statPrefix, name: name, isUpstream: isUpstream)) }
    }

    private func index(_ key: String, _ next: Int, make: () -> Void) -> Int? {
        if let index = indices[key] { return index }
        guard indices.count < Self.maximumNames else { return nil }
        make()
        indices[key] = next
        return next
    }
}
