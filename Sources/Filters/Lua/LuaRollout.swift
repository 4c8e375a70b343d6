package import Observability
package import ProxyModel
import SwiftProtobuf

/// Decides, from what both versions of a Lua filter did, whether the newer one may go on.
///
/// The figures of a window of time are compared: it begins anew after a minute, so that a version that was good for a day
/// is judged by what it does now. A difference counts when it is larger than the configuration permits and larger than
/// chance: by more than four standard deviations of the difference of two shares.
package struct LuaRollout: Equatable, Sendable {
    /// By how much a candidate may be worse.
    package struct Limits: Equatable, Sendable {
        /// Requests of the candidate before its figures are compared.
        package var minRequests: UInt64 = 100
        /// By how much the share of requests that fail may be larger.
        package var maxErrorRatioIncrease = 0.01
        /// Runs that may be ended.
        package var maxKills: UInt64 = 2
        /// How many times as long requests may be held.
        package var maxLatencyRatio = 2.0

        package init() {}
    }

    /// What is to become of the candidate.
    package enum Verdict: Equatable, Sendable {
        /// It has served so few requests that nothing is said of it.
        case hold(requests: UInt64)
        /// It is no worse.
        case goOn
        /// It is worse; the figures in words.
        case rollBack(reason: String)
    }

    /// Nanoseconds after which a window ends, if the candidate has served enough in it.
    package static let window: UInt64 = 60_000_000_000
    /// A delay that is smaller is no reason, however small the hooks are: microseconds.
    package static let leastDelay = 500.0
    /// Standard deviations by which shares must differ: looked at twice a second, chance alone gets there about once in
    /// thirty thousand windows.
    private static let deviations = 4.0
    /// Quantiles of the version in force whose multiple is a slow request, and by how much the candidate's share of those
    /// may be larger: most of them must be slower, or clearly more of them slowest.
    private static let slowness = [(quantile: 0.5, margin: 0.25), (quantile: 0.95, margin: 0.05)]

    /// What the candidate is measured by.
    package let limits: Limits
    private var began: UInt64
    private var inForceBefore: LuaVersionCounts
    private var candidateBefore: LuaVersionCounts
    /// Whether it has served enough requests in some window.
    private var wasJudged = false

    /// - Parameters:
    ///   - now: nanoseconds on a clock that never goes back.
    ///   - inForce: what was counted before the candidate got any request, as for `candidate`.
    package init(_ limits: Limits, now: UInt64, inForce: LuaVersionCounts, candidate: LuaVersionCounts) {
        self.limits = limits
        began = now
        inForceBefore = inForce
        candidateBefore = candidate
    }

    /// Judges by what has been counted by now.
    package mutating func look(now: UInt64, inForce: LuaVersionCounts, candidate: LuaVersionCounts) -> Verdict {
        let base = inForce.since(inForceBefore)
        let trial = candidate.since(candidateBefore)
        if let reason = kills(base, trial) ?? failures(base, trial) ?? delay(base, trial) { return .rollBack(reason: reason) }
        guard trial.requests >= limits.minRequests else { return wasJudged ? .goOn : .hold(requests: trial.requests) }
        wasJudged = true
        if now >= began + Self.window {
            began = now
            inForceBefore = inForce
            candidateBefore = candidate
        }
        return .goOn
    }

    // MARK: Figures

    private func kills(_ base: LuaVersionCounts, _ trial: LuaVersionCounts) -> String? {
        guard trial.kills > limits.maxKills else { return nil }
        let share = Double(trial.kills) / Double(max(trial.requests, trial.kills))
        let other = base.requests > 0 ? Double(base.kills) / Double(base.requests) : 0
        guard share > other else { return nil }
        return "\(trial.kills) of its runs were ended in \(trial.requests) requests, of the version in force \(base.kills) in \(base.requests)"
    }

    /// More failures than it may have among `minRequests` suffice, even if it has not served so many.
    private func failures(_ base: LuaVersionCounts, _ trial: LuaVersionCounts) -> String? {
        guard
            Self.isWorse(
                trial.failed, of: max(trial.requests, limits.minRequests), than: base.failed, of: base.requests,
                margin: limits.maxErrorRatioIncrease)
        else { return nil }
        return "\(Self.share(trial.failed, trial.requests)) of its requests failed, of the version in force \(Self.share(base.failed, base.requests))"
    }

    private func delay(_ base: LuaVersionCounts, _ trial: LuaVersionCounts) -> String? {
        let (known, measured) = (base.holdTime.count, trial.holdTime.count)
        guard known >= limits.minRequests, measured >= limits.minRequests else { return nil }
        for (quantile, margin) in Self.slowness {
            guard let usual = base.holdTime.quantile(quantile) else { continue }
            let bound = usual * limits.maxLatencyRatio + Self.leastDelay
            let (slow, slowBase) = (trial.holdTime.count(above: bound), base.holdTime.count(above: bound))
            guard Self.isWorse(slow, of: measured, than: slowBase, of: known, margin: margin) else { continue }
            return "\(Self.share(slow, measured)) of its requests were held for more than \(UInt64(bound)) µs, of the version in force \(Self.share(slowBase, known))"
        }
        return nil
    }

    /// Whether a share is larger than another by more than `margin` and by more than chance.
    private static func isWorse(_ count: UInt64, of total: UInt64, than other: UInt64, of otherTotal: UInt64, margin: Double) -> Bool {
        guard count > 0, total > 0 else { return false }
        let (n, m) = (Double(total), Double(otherTotal))
        let share = Double(count) / n
        let known = m > 0 ? Double(other) / m : 0
        let pooled = min(Double(count + other) / (n + m), 1)
        let deviation = (pooled * (1 - pooled) * (1 / n + (m > 0 ? 1 / m : 0))).squareRoot()
        return share - known > margin + deviations * deviation
    }

    private static func share(_ count: UInt64, _ total: UInt64) -> String {
        guard total > 0 else { return "0 of 0" }
        let tenths = UInt64((Double(count) * 1000 / Double(total)).rounded())
        return "\(count) of \(total) (\(tenths / 10).\(tenths % 10) %)"
    }
}

extension LuaRollout.Limits {
    /// As a configuration has them; what it does not say has its default.
    package init(_ candidate: Heddle_Filters_Http_Lua_V1_LuaFilter.Candidate) {
        self.init()
        if candidate.minRequests > 0 { minRequests = UInt64(candidate.minRequests) }
        if candidate.hasMaxErrorRatioIncrease { maxErrorRatioIncrease = candidate.maxErrorRatioIncrease.value }
        if candidate.hasMaxKills { maxKills = UInt64(candidate.maxKills.value) }
        if candidate.hasMaxLatencyRatio { maxLatencyRatio = candidate.maxLatencyRatio.value }
    }
}
