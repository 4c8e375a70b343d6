import DataPlane
import HTTPModel
import LuaRuntime
import ProxyModel
import Reactor
import SwiftProtobuf

/// What Heddle lets a configuration say of a Lua filter besides what Envoy has (`heddle.filters.http.lua.v1.LuaFilter`).
struct LuaSettings {
    var limits = LuaLimits(timeSlice: .microseconds(250))
    var trust = LuaTrust.sandboxed
    /// What a request or response is answered with whose script failed; nil lets the message go on, as Envoy does.
    var answer: LocalReply?
    /// Kills within a minute after which the filter is taken out of the chain.
    var killsBeforeDetach = 3
    /// What scripts can require, by name: the Lua files of the filter's folder.
    var modules: [String: LuaModule] = [:]
    /// Where they are read.
    var places = LuaModules()
    var packages = LuaPackages()
    /// Nil where each script has a machine of its own.
    var sharing: LuaSharing?
    /// Nanoseconds between two looks at the scripts' files; 0 for none.
    var reloadInterval: UInt64 = 0
    /// `stat_prefix` of the filter.
    var statPrefix = ""
    /// Which version of the filter these are the settings of.
    var version = LuaVersionPlan()

    init() {}

    init(_ message: Heddle_Filters_Http_Lua_V1_LuaFilter) throws(ConfigProblem) {
        version = try LuaVersionPlan(message)
        trust = LuaTrust(message.trust)
        try limits.take(message.limits)
        answer = try Self.answer(message)
        if message.killsBeforeDetach > 0 { killsBeforeDetach = Int(message.killsBeforeDetach) }
        places.folder = message.modulePath
        if !places.isEmpty { modules = try places.read() }
        if message.hasReloadInterval {
            let interval = message.reloadInterval
            guard interval.seconds >= 0, interval.seconds < 1 << 31, interval.nanos >= 0, interval.seconds > 0 || interval.nanos > 0 else {
                throw ConfigProblem("must be positive", path: "reload_interval")
            }
            reloadInterval = UInt64(interval.seconds) * 1_000_000_000 + UInt64(interval.nanos)
        }
    }

    private static func answer(_ message: Heddle_Filters_Http_Lua_V1_LuaFilter) throws(ConfigProblem) -> LocalReply? {
        switch message.onError {
        case .answer:
            guard (200...599).contains(message.answer.status) else {
                throw ConfigProblem("must be between 200 and 599", path: "answer.status")
            }
            let headers = message.answer.headers.sorted { $0.key < $1.key }.map { (name: $0.key.lowercased(), value: $0.value) }
            for header in headers {
                var name = header.name, value = header.value
                let isValid = name.withUTF8 { HeaderRules.isValidName(UnsafeRawBufferPointer($0)) } && value.withUTF8 { HeaderRules.isValidValue(UnsafeRawBufferPointer($0)) }
                guard isValid else { throw ConfigProblem("\"\(header.name)\" is no header field", path: "answer.headers") }
            }
            return LocalReply(
                status: Int(message.answer.status), body: message.answer.body, details: "lua_error", headers: headers)
        case .failClosed: return LocalReply(status: 500, body: "the request's filter failed", details: "lua_error")
        default: return nil
        }
    }
}

/// What a configuration lets one function of a script do that is called for its result (``LuaFunctionScript``).
struct LuaFunctionSettings {
    /// Nothing else runs meanwhile, so that a call has no more time than a time slice may have.
    var limits = LuaLimits(fuel: 1_000_000, cpuTime: .milliseconds(1))
    var trust = LuaTrust.sandboxed
    /// Calls that are ended within a minute before there is none any longer.
    var killsBeforeDetach = 3

    init() {}

    init(
        _ given: Heddle_Filters_Http_Lua_V1_LuaFilter.Limits, _ trust: Heddle_Filters_Http_Lua_V1_LuaFilter.TrustLevel, kills: UInt32
    ) throws(ConfigProblem) {
        guard !given.hasTimeSlice else {
            throw ConfigProblem("a call cannot be put aside, and has no time slices", path: "limits.time_slice")
        }
        try limits.take(given)
        self.trust = LuaTrust(trust)
        if kills > 0 { killsBeforeDetach = Int(kills) }
    }
}

extension LuaLimits {
    /// Less does not hold the library and a script.
    private static let leastMemory: UInt64 = 256 * 1024

    /// Takes what a configuration says (`limits`); what it says nothing of stays.
    mutating func take(_ given: Heddle_Filters_Http_Lua_V1_LuaFilter.Limits) throws(ConfigProblem) {
        if given.memoryBytes > 0 {
            guard given.memoryBytes >= Self.leastMemory, given.memoryBytes <= 1 << 40 else {
                throw ConfigProblem("must be between \(Self.leastMemory) and \(1 << 40)", path: "limits.memory_bytes")
            }
            memoryBytes = Int(given.memoryBytes)
        }
        if given.fuel > 0 { fuel = Int64(clamping: given.fuel) }
        if given.hasCpuTime { cpuTime = .seconds(given.cpuTime.seconds) + .nanoseconds(given.cpuTime.nanos) }
        guard cpuTime > .zero else { throw ConfigProblem("must be positive", path: "limits.cpu_time") }
        guard given.hasTimeSlice else { return }
        timeSlice = .seconds(given.timeSlice.seconds) + .nanoseconds(given.timeSlice.nanos)
        guard timeSlice >= .microseconds(10) else { throw ConfigProblem("must be at least 10 µs", path: "limits.time_slice") }
    }
}

extension LuaTrust {
    fileprivate init(_ level: Heddle_Filters_Http_Lua_V1_LuaFilter.TrustLevel) { self = level == .trusted ? .trusted : .sandboxed }
}
