import Bytes
import Glibc
import Observability
import Reactor
import ServiceKit
import TrafficPolicy

/// Answers the requests to the admin interface, in Envoy's shape.
@WorkerActor final class AdminPages {
    private struct Page {
        let path: String
        let changes: Bool
        let help: String
        let answer: @WorkerActor (AdminPages, ServiceRequest) -> ServiceResponse
    }

    unowned let supervisor: Supervisor

    init(_ supervisor: Supervisor) { self.supervisor = supervisor }

    private static let pages: [Page] = [
        Page(path: "/certs", changes: false, help: "certificates of the configuration") { $0.certificates($1) },
        Page(path: "/clusters", changes: false, help: "clusters and their hosts (format=json)") { $0.clusters($1) },
        Page(path: "/config_dump", changes: false, help: "the configuration in force, secrets redacted") { $0.configDump($1) },
        Page(path: "/drain_listeners", changes: true, help: "stop accepting connections (graceful: and end when they have; inboundonly: of inbound listeners)") { $0.drainListeners($1) },
        Page(path: "/healthcheck/fail", changes: true, help: "answer health checks with 503, and tell clients to go elsewhere") { $0.setHealth($1, fails: true) },
        Page(path: "/healthcheck/ok", changes: true, help: "answer health checks again") { $0.setHealth($1, fails: false) },
        Page(path: "/help", changes: false, help: "this list") { pages, _ in pages.help() },
        Page(path: "/init_dump", changes: false, help: "what is accepted and not in force yet") { $0.initDump($1) },
        Page(path: "/listeners", changes: false, help: "listening addresses (format=json)") { $0.listeners($1) },
        Page(path: "/logging", changes: true, help: "levels: level=debug, paths=upstream:debug,http:info, or COMPONENT=LEVEL") { $0.logging($1) },
        Page(path: "/lua", changes: false, help: "Lua filters and their versions, side by side (format=json)") { $0.lua($1) },
        Page(path: "/memory", changes: false, help: "memory of all processes") { $0.memory($1) },
        Page(path: "/quarantine", changes: false, help: "requests that killed workers and are refused, and suspects") { $0.quarantine($1) },
        Page(path: "/quarantine/clear", changes: true, help: "refuse none of them any longer") { $0.clearQuarantine($1) },
        Page(path: "/quitquitquit", changes: true, help: "drain and end") { $0.quit($1) },
        Page(path: "/ready", changes: false, help: "200 LIVE, or 503 with the state") { $0.ready($1) },
        Page(path: "/reopen_logs", changes: true, help: "open log files anew") { $0.reopenLogs($1) },
        Page(path: "/server_info", changes: false, help: "version, state, uptime, command line") { $0.serverInfo($1) },
        Page(path: "/stats", changes: false, help: "statistics (filter=REGEX, usedonly, type, format=json|prometheus)") { $0.stats($1) },
        Page(path: "/stats/prometheus", changes: false, help: "statistics for Prometheus") { $0.prometheus($1) },
    ]

    /// - Parameter only: the paths that this listener has; nil for all.
    func answer(_ request: ServiceRequest, only: Set<String>? = nil) -> ServiceResponse {
        let path = request.path == "/" ? "/help" : request.path
        guard only?.contains(path) ?? true, let page = Self.pages.first(where: { $0.path == path }) else {
            return ServiceResponse(404, text: "invalid path. /help lists what is there\n")
        }
        let allowed = page.changes ? ["POST"] : ["GET", "HEAD"]
        guard allowed.contains(request.method) else {
            var refusal = ServiceResponse(405, text: "method \(request.method) not allowed, use \(allowed[0])\n")
            refusal.allow = allowed.joined(separator: ", ")
            return refusal
        }
        return page.answer(self, request)
    }

    private func help() -> ServiceResponse {
        var text = "admin commands are:\n"
        for page in Self.pages { text += "  \(page.path)\(page.changes ? " (POST)" : ""): \(page.help)\n" }
        return ServiceResponse(text: text)
    }

    // MARK: State

    private func ready(_ request: ServiceRequest) -> ServiceResponse {
        if supervisor.failsHealthCheck { return ServiceResponse(503, text: "HEALTHCHECK_FAILED\n") }
        var text = supervisor.state.rawValue + "\n"
        let unconfirmed = supervisor.ledger.store.lastGoodCount
        if unconfirmed > 0 { text += "last good configuration: \(unconfirmed) resources wait for their control plane\n" }
        return ServiceResponse(supervisor.state == .live ? 200 : 503, text: text)
    }

    private func serverInfo(_ request: ServiceRequest) -> ServiceResponse {
        let uptime = (supervisor.loop.now - supervisor.startedAt) / 1_000_000_000
        let options = supervisor.options
        var json = JSONText()
        json.object { json in
            json.field("version", "\(ProductVersion.name)/\(ProductVersion.number)")
            json.field("state", supervisor.state.rawValue)
            json.field("uptime_current_epoch", "\(uptime)s")
            json.field("uptime_all_epochs", "\(uptime)s")
            json.field("hot_restart_version", options.takeOverPath == nil ? "disabled" : "1")
            json.object("command_line_options") { json in
                json.field("concurrency", supervisor.fleet.slots.count)
                json.field("mode", options.mode == .serve ? "Serve" : "Validate")
                json.field("config_path", options.configPath ?? "")
                json.field("config_yaml", options.configText == nil ? "" : "[redacted]")
                json.field("log_level", options.logLevel.name.description)
                json.field("drain_time", "\(options.drainSeconds)s")
                json.field("service_node", options.serviceNode ?? "")
                json.field("service_cluster", options.serviceCluster ?? "")
                json.field("restart_epoch", options.restartEpoch)
                json.field("admin_address_path", options.adminAddressPath ?? "")
            }
        }
        return .json(json.bytes)
    }

    private func memory(_ request: ServiceRequest) -> ServiceResponse {
        let heap = HeapSize.current
        var json = JSONText()
        let processes = [("supervisor", getpid())] + supervisor.fleet.slots.map { ("worker \($0.index)", $0.process) }
        var total = 0
        json.object { json in
            json.field("allocated", "\(heap.allocated)")
            json.field("heap_size", "\(heap.held)")
            json.array("processes") { json in
                for (name, process) in processes where process != 0 {
                    let memory = ProcessFiles.memory(process)
                    total += memory?.proportional ?? 0
                    json.object { json in
                        json.field("name", name)
                        json.field("pid", Int(process))
                        json.field("rss", "\(memory?.resident ?? 0)")
                        json.field("pss", "\(memory?.proportional ?? 0)")
                    }
                }
            }
            json.field("total_pss", "\(total)")
        }
        return .json(json.bytes)
    }

    // MARK: Statistics

    private func stats(_ request: ServiceRequest) -> ServiceResponse {
        withStatsFilter(request) { stats(request, $0) }
    }

    private func stats(_ request: ServiceRequest, _ named: StatsFilter) -> ServiceResponse {
        var filter = named
        if let type = request.query("type") {
            guard let selection = StatsFilter.Selection(rawValue: type) else {
                return ServiceResponse(400, text: "invalid type; use All, Counters, Gauges, Histograms or TextReadouts\n")
            }
            filter.selection = selection
        }
        var writer = ByteWriter(capacity: 64 * 1024)
        switch request.query("format") {
        case nil, "text", "":
            supervisor.statistics().appendText(to: &writer, filter: filter)
            return ServiceResponse(body: Array(writer.bytes))
        case "json":
            supervisor.statistics().appendJSON(to: &writer, filter: filter)
            return .json(Array(writer.bytes))
        case "prometheus": return prometheus(request, filter)
        default: return ServiceResponse(400, text: "usage: /stats?format=json or /stats?format=prometheus\n")
        }
    }

    private func prometheus(_ request: ServiceRequest) -> ServiceResponse {
        withStatsFilter(request) { prometheus(request, $0) }
    }

    /// `filter` is a regular expression that matches a part of a name, as in Envoy.
    private func withStatsFilter(_ request: ServiceRequest, _ answer: (StatsFilter) -> ServiceResponse) -> ServiceResponse {
        var filter = StatsFilter(usedOnly: request.query("usedonly") != nil)
        if let pattern = request.query("filter"), !pattern.isEmpty {
            do throws(PolicyError) {
                let program = try RegexProgram(pattern)
                filter.admitsName = { program.matchesPart(of: $0) }
            } catch {
                return ServiceResponse(400, text: "filter: \(error)\n")
            }
        }
        return answer(filter)
    }

    private func prometheus(_ request: ServiceRequest, _ filter: StatsFilter) -> ServiceResponse {
        var writer = ByteWriter(capacity: 64 * 1024)
        supervisor.statistics().appendPrometheus(to: &writer, filter: filter, tags: supervisor.statTags)
        return ServiceResponse(contentType: "text/plain; version=0.0.4; charset=utf-8", body: Array(writer.bytes))
    }

    // MARK: Changes

    private func drainListeners(_ request: ServiceRequest) -> ServiceResponse {
        let inboundOnly = request.query("inboundonly") != nil
        if request.query("graceful") != nil, !inboundOnly {
            supervisor.drain()
        } else {
            supervisor.stopAccepting(inboundOnly: inboundOnly)
        }
        return ServiceResponse(text: "OK\n")
    }

    private func quit(_ request: ServiceRequest) -> ServiceResponse {
        supervisor.drain()
        return ServiceResponse(text: "OK\n")
    }

    private func reopenLogs(_ request: ServiceRequest) -> ServiceResponse {
        supervisor.reopenLogs()
        return ServiceResponse(text: "OK\n")
    }

    private func setHealth(_ request: ServiceRequest, fails: Bool) -> ServiceResponse {
        supervisor.setHealth(fails: fails)
        return ServiceResponse(text: "OK\n")
    }

    private func logging(_ request: ServiceRequest) -> ServiceResponse {
        let levels = supervisor.levels
        for (name, value) in request.query {
            switch name {
            case "level":
                guard let level = LogLevel(value) else { return unknownLevel(value) }
                levels.setAll(level)
            case "paths":
                for pair in value.split(separator: ",") {
                    let parts = pair.split(separator: ":").map(String.init)
                    guard parts.count == 2, let component = LogComponent(rawValue: parts[0]) else {
                        return ServiceResponse(400, text: "expected COMPONENT:LEVEL, found \(pair)\n")
                    }
                    guard let level = LogLevel(parts[1]) else { return unknownLevel(parts[1]) }
                    levels[component] = level
                }
            default:
                guard let component = LogComponent(rawValue: name) else {
                    return ServiceResponse(400, text: "there is no log component \(name)\n")
                }
                guard let level = LogLevel(value) else { return unknownLevel(value) }
                levels[component] = level
            }
        }
        var text = "active loggers:\n"
        for component in LogComponent.allCases { text += "  \(component.rawValue): \(levels[component].name)\n" }
        return ServiceResponse(text: text)
    }

    private func unknownLevel(_ name: String) -> ServiceResponse {
        ServiceResponse(400, text: "unknown level \(name); use trace, debug, info, warning, error, critical or off\n")
    }
}
