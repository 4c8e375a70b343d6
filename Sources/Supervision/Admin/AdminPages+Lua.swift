import Filters
import Observability
import ProxyModel
import Reactor
import ServiceKit

extension AdminPages {
    /// `/lua`: each Lua filter, its versions side by side.
    func lua(_ request: ServiceRequest) -> ServiceResponse {
        let statistics = supervisor.fleet.merger.snapshot(StatsSnapshot.isOfLuaFilter).stats
        let keeper = supervisor.luaRollouts
        let filters = keeper.filters.sorted { $0.key < $1.key }.flatMap(\.value).map { filter in
            LuaFilterStatus(filter, filter.candidate.flatMap { keeper.trials[$0.key] }, statistics)
        }
        guard request.query("format") == "json" else { return ServiceResponse(text: Self.text(filters)) }
        var json = JSONText()
        json.object { json in
            json.array("filters") { json in
                for filter in filters { json.object { Self.append(filter, to: &$0) } }
            }
        }
        return .json(json.bytes)
    }

    // MARK: Text

    private static let columns = ["version", "state", "share", "requests", "failed", "errors", "kills", "p50", "p95", "since", "why"]

    private static func text(_ filters: [LuaFilterStatus]) -> String {
        guard !filters.isEmpty else { return "no listener has a Lua filter\n" }
        return filters.map(text).joined(separator: "\n")
    }

    private static func text(_ status: LuaFilterStatus) -> String {
        let filter = status.filter
        var text = "\(filter.name) (listener \(filter.listener), http.\(filter.connectionManager).lua.\(filter.statPrefix))\n"
        if !status.detachedText.isEmpty { text += "  \(status.detachedText) at \(time(UInt64(status.detachedSince) * 1_000_000_000))\n" }
        let rows = [columns] + status.versions.map { version in
            let counts = version.counts
            return [
                version.name.isEmpty ? "-" : version.name, version.state, "\(version.share) %",
                version.name.isEmpty ? "-" : "\(counts.requests)", version.name.isEmpty ? "-" : "\(counts.failed)",
                "\(counts.errors)", "\(counts.kills)", milliseconds(counts, 0.5), milliseconds(counts, 0.95),
                version.since == 0 ? "-" : time(version.since), version.why.isEmpty ? "-" : version.why,
            ]
        }
        let widths = columns.indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
        for row in rows {
            let cells = zip(row, widths).map { $0 + String(repeating: " ", count: $1 - $0.count) }
            text += "  " + cells.joined(separator: "  ").reversed().drop { $0 == " " }.reversed() + "\n"
        }
        return text
    }

    private static func milliseconds(_ counts: LuaVersionCounts, _ quantile: Double) -> String {
        guard let microseconds = counts.holdTime.quantile(quantile) else { return "-" }
        let hundredths = UInt64((microseconds / 10).rounded())
        return "\(hundredths / 100).\(hundredths / 10 % 10)\(hundredths % 10) ms"
    }

    private static func time(_ nanoseconds: UInt64) -> String { ConfigDump.time(nanoseconds) }

    // MARK: JSON

    private static func append(_ status: LuaFilterStatus, to json: inout JSONText) {
        let filter = status.filter
        json.field("name", filter.name)
        json.field("listener", filter.listener)
        json.field("connection_manager_stat_prefix", filter.connectionManager)
        json.field("stat_prefix", filter.statPrefix)
        json.field("executions", status.executions)
        json.field("errors", status.errors)
        json.field("kills", status.kills)
        json.object("taken_out_of_chain") { json in
            json.field("workers", status.detachedWorkers)
            json.field("since", status.detachedWorkers > 0 ? time(UInt64(status.detachedSince) * 1_000_000_000) : "")
            json.field("why", status.detachedText)
        }
        json.array("versions") { json in
            for version in status.versions { json.object { append(version, to: &$0) } }
        }
    }

    private static func append(_ version: LuaFilterStatus.Version, to json: inout JSONText) {
        let counts = version.counts
        json.field("version", version.name)
        json.field("sha256", version.sha256)
        json.field("state", version.state)
        json.raw("share_percent", Array("\(version.share)".utf8))
        json.field("errors", Int(clamping: counts.errors))
        json.field("kills", Int(clamping: counts.kills))
        if !version.name.isEmpty {
            json.field("requests", Int(clamping: counts.requests))
            json.field("failed", Int(clamping: counts.failed))
            json.object("hold_time_us") { json in
                for (name, quantile) in [("p50", 0.5), ("p95", 0.95), ("p99", 0.99)] {
                    json.field(name, Int((counts.holdTime.quantile(quantile) ?? 0).rounded()))
                }
            }
        }
        json.field("since", version.since == 0 ? "" : time(version.since))
        json.field("why", version.why)
    }
}
