import Bytes
import DataPlane
import HTTPModel
import LuaRuntime
import Observability
import Reactor
import SecureTransport

/// What Heddle gives to scripts besides Envoy's API: `crypto`, and `heddle` with its table, metrics, timers and log. One
/// object a state.
@WorkerActor final class LuaLibrary {
    /// Of the filter: keys of two filters are apart.
    private let name: String
    private let worker: WorkerContext
    private let stats: StatsSegment
    private let log: Log
    private let store: KeyValueRegion
    /// Nil when the script has another state by now.
    // Safety: the script owns the timers, and takes them away here before it lets them go.
    unowned(unsafe) var timers: LuaTimers?

    init(_ context: FilterBuildContext, _ timers: LuaTimers) {
        self.timers = timers
        name = context.filterName
        worker = context.worker
        stats = context.stats
        log = context.log
        store = context.store
    }

    /// What a state gets before its script runs.
    var globals: [LuaGlobal] {
        [
            .library("crypto", Self.cryptoType, self), .library("heddle", Self.heddleType, self),
            .library("heddle.kv", Self.storeType, self), .library("heddle.metric", Self.metricType, self),
        ]
    }

    // MARK: crypto

    static let cryptoType = LuaClass<LuaLibrary>(
        "crypto",
        methods: DigestAlgorithm.allCases.map { algorithm in
            LuaMethod.worker(algorithm.rawValue) { _, call in
                guard let bytes = call.bytes(1) else { return call.badArgument(1, expected: "string") }
                guard bytes.count <= longestHashed else { return call.badArgument(1, isTooLong) }
                chargeHash(call, bytes.count)
                return give(call, algorithm.hash(bytes), raw: call.boolean(2) ?? false)
            }
        } + [
            .worker("hmac") { _, call in
                guard let name = call.text(1) else { return call.badArgument(1, expected: "string") }
                guard let key = call.bytes(2) else { return call.badArgument(2, expected: "string") }
                guard let bytes = call.bytes(3) else { return call.badArgument(3, expected: "string") }
                guard let algorithm = DigestAlgorithm(name: name) else { return call.fail("unknown hash '\(name)'") }
                guard key.count <= longestHashed else { return call.badArgument(2, isTooLong) }
                guard bytes.count <= longestHashed else { return call.badArgument(3, isTooLong) }
                chargeHash(call, key.count + bytes.count)
                return give(call, algorithm.authenticate(bytes, key: key), raw: call.boolean(4) ?? false)
            },
            .worker("equal") { _, call in
                guard let left = call.bytes(1) else { return call.badArgument(1, expected: "string") }
                guard let right = call.bytes(2) else { return call.badArgument(2, expected: "string") }
                call.charge(fuel: min(left.count, right.count))
                return call.returning(isEqualInConstantTime(left, right))
            },
        ])

    /// A hash takes two nanoseconds a byte where it is slow, and half a microsecond to begin.
    static func chargeHash(_ call: borrowing LuaCall, _ count: Int) { call.charge(fuel: 500 + count * 2) }

    /// Bytes that are hashed in one go, for nothing else runs meanwhile: two milliseconds where it is slow.
    static let longestHashed = 1 << 20

    private static let isTooLong = "at most \(longestHashed) bytes can be hashed at a time"

    private static func give(_ call: borrowing LuaCall, _ bytes: [UInt8], raw: Bool) -> LuaReply {
        if raw {
            bytes.withUnsafeBytes { call.results.add($0) }
        } else {
            call.results.addString(count: bytes.count * 2) { room in
                for (index, byte) in bytes.enumerated() {
                    room[2 * index] = hexDigit(byte >> 4)
                    room[2 * index + 1] = hexDigit(byte & 15)
                }
            }
        }
        return .results
    }

    private static func hexDigit(_ value: UInt8) -> UInt8 { value < 10 ? 0x30 + value : 0x57 + value }

    // MARK: heddle

    static let heddleType = LuaClass<LuaLibrary>(
        "heddle",
        methods: [
            .worker("uuid") { library, call in call.returning(library.uuid()) },
            .worker("now") { library, call in call.returning(Double(library.worker.loop.wallNow) / 1e9) },
            .worker("log") { library, call in library.write(call) },
            .worker("every") { library, call in library.timers?.add(call, repeats: true) ?? call.fail(isReplaced) },
            .worker("timer") { library, call in library.timers?.add(call, repeats: false) ?? call.fail(isReplaced) },
            .worker("cancel") { library, call in library.timers?.cancel(call) ?? call.returning(false) },
        ])

    /// What a line of the log costs.
    static let lineFuel = 500

    /// As much of a text as the log takes.
    static func line(_ bytes: UnsafeRawBufferPointer) -> String { bytes.slice(0, min(bytes.count, Log.maximumMessage)).text }

    private static let isReplaced = "the script has been loaded anew since"

    /// A random UUID (RFC 9562 version 4), lower-case.
    private func uuid() -> String {
        let high: UInt64 = (worker.random.next() & ~UInt64(0xF000)) | 0x4000
        let low: UInt64 = (worker.random.next() & ~(UInt64(3) << 62)) | (UInt64(1) << 63)
        var bytes: [UInt8] = []
        for (word, dashes) in [(high, [4, 6]), (low, [0, 2])] {
            for index in 0..<8 {
                if dashes.contains(index) { bytes.append(UInt8(ascii: "-")) }
                let byte = UInt8(truncatingIfNeeded: word >> UInt64(56 - 8 * index))
                bytes.append(Self.hexDigit(byte >> 4))
                bytes.append(Self.hexDigit(byte & 15))
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// `heddle.log(level, message[, fields])`
    private func write(_ call: borrowing LuaCall) -> LuaReply {
        guard let word = call.text(1) else { return call.badArgument(1, expected: "string") }
        guard let level = LogLevel(word), level != .off else { return call.badArgument(1, "unknown level '\(word)'") }
        guard let message = call.bytes(2) else { return call.badArgument(2, expected: "string") }
        var fields: [(name: String, value: String)] = []
        if !call.isNil(3) {
            guard let given = Self.fields(call, 3) else { return call.badArgument(3, "a table of names and plain values expected") }
            fields = given
        }
        guard log.isEnabled(level, .lua) else { return .results }
        let tail = fields.map { " \($0.name)=\($0.value.contains(" ") ? "\"\($0.value)\"" : $0.value)" }.joined()
        call.charge(fuel: Self.lineFuel)
        log.write(level, .lua, "\(name): \(Self.line(message))\(tail)")
        return .results
    }

    /// A table of names and plain values, by name.
    private static func fields(_ call: borrowing LuaCall, _ index: Int) -> [(name: String, value: String)]? {
        guard case .map(let entries)? = try? call.value(index, limits: LuaValueLimits(depth: 1, bytes: 16384)) else { return nil }
        var result: [(name: String, value: String)] = []
        for entry in entries {
            guard let value = text(entry.value) else { return nil }
            result.append((String(decoding: entry.key, as: UTF8.self), value))
        }
        return result.sorted { $0.name < $1.name }
    }

    private static func text(_ value: LuaValue) -> String? {
        switch value {
        case .string(let bytes): String(decoding: bytes, as: UTF8.self)
        case .number(let number): Int(exactly: number).map { String($0) } ?? "\(number)"
        case .boolean(let flag): flag ? "true" : "false"
        default: nil
        }
    }

    // MARK: heddle.kv

    static let storeType = LuaClass<LuaLibrary>(
        "kv",
        methods: [
            .worker("get") { library, call in
                guard let key = call.bytes(1) else { return call.badArgument(1, expected: "string") }
                switch library.store.value(library.key(key), now: library.worker.loop.now) {
                case .bytes(let bytes): bytes.withUnsafeBytes { call.results.add($0) }
                case .number(let number): call.results.add(number)
                case nil: call.results.add()
                }
                return .results
            },
            .worker("set") { library, call in
                guard let key = call.bytes(1) else { return call.badArgument(1, expected: "string") }
                let value: KeyValueRegion.Value
                if call.type(2) == .number {
                    value = .number(call.number(2) ?? 0)
                } else {
                    guard let bytes = call.bytes(2) else { return call.badArgument(2, expected: "string") }
                    value = .bytes(Array(bytes.prefix(KeyValueRegion.maximumEntry + 1)))
                }
                guard call.isNil(3) || call.number(3) != nil else { return call.badArgument(3, expected: "number") }
                guard let lifetime = lifetime(call.number(3)) else { return call.badArgument(3, "seconds above 0 expected") }
                return call.returning(library.store.set(library.key(key), value, lifetime: lifetime, now: library.worker.loop.now))
            },
            .worker("incr") { library, call in
                guard let key = call.bytes(1) else { return call.badArgument(1, expected: "string") }
                guard call.isNil(2) || call.number(2) != nil else { return call.badArgument(2, expected: "number") }
                guard call.isNil(3) || call.number(3) != nil else { return call.badArgument(3, expected: "number") }
                guard let lifetime = lifetime(call.number(3)) else { return call.badArgument(3, "seconds above 0 expected") }
                let sum = library.store.add(
                    call.number(2) ?? 1, to: library.key(key), lifetime: lifetime, now: library.worker.loop.now)
                guard let sum else { return call.fail("the value is no number, or the key is too long") }
                return call.returning(sum)
            },
            .worker("delete") { library, call in
                guard let key = call.bytes(1) else { return call.badArgument(1, expected: "string") }
                return call.returning(library.store.remove(library.key(key), now: library.worker.loop.now))
            },
        ])

    /// The key in the table of all, cut to what is too long in any case.
    private func key(_ key: UnsafeRawBufferPointer) -> [UInt8] { Array(name.utf8) + [0] + key.prefix(KeyValueRegion.maximumEntry + 1) }

    /// Seconds as nanoseconds; nothing, or more than decades, is for ever (0). Nil for a time that is over already: what was
    /// reckoned from a moment in the past must not stay for ever.
    private static func lifetime(_ seconds: Double?) -> UInt64? {
        guard let seconds else { return 0 }
        guard seconds > 0 else { return nil }
        return seconds < 1e9 ? max(UInt64(seconds * 1e9), 1) : 0
    }

    // MARK: heddle.metric

    static let metricType = LuaClass<LuaLibrary>(
        "metric",
        methods: [
            .worker("counter") { library, call in
                library.measure(call, .counter) { $0.metricCounter($1, $2).add($3) }
            },
            .worker("gauge") { library, call in
                library.measure(call, .gauge) { $0.metricGauge($1, $2).set(Int(clamping: $3)) }
            },
            .worker("histogram") { library, call in
                library.measure(call, .histogram) { $0.metricHistogram($1, $2).record($3) }
            },
        ])

    /// (name, value, labels)
    private func measure(
        _ call: borrowing LuaCall, _ kind: MetricBook.Kind, _ body: (StatsSegment, String, StatLabels, UInt64) -> Void
    ) -> LuaReply {
        guard let name = call.text(1) else { return call.badArgument(1, expected: "string") }
        guard let value = call.number(2) ?? (call.isNil(2) && kind == .counter ? 1 : nil) else {
            return call.badArgument(2, expected: "number")
        }
        guard value >= 0 else { return call.badArgument(2, "a metric cannot be negative") }
        var labels: [(name: String, value: String)] = []
        if !call.isNil(3) {
            guard let given = Self.fields(call, 3) else { return call.badArgument(3, "a table of names and plain values expected") }
            labels = given
        }
        do throws(MetricBook.Refusal) {
            let bounded = try stats.metrics.labels(name, kind, StatLabels(labels))
            body(stats, name, bounded, value >= 9e18 ? UInt64(9e18) : UInt64(value.rounded()))
        } catch {
            return call.fail("'\(name)' \(error)")
        }
        return .results
    }
}
