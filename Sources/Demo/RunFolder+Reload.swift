import Glibc

/// Telling the proxies of a demo that runs that their files have changed.
extension RunFolder {
    private static let reloadPatience = 20.0
    private static let pause = 0.01

    /// How many readings of its file a proxy has begun, ended well and refused.
    private struct Readings {
        let begun: Int
        let taken: Int
        let refused: Int

        init?(_ admin: ProxyAdmin) {
            guard let statistics = admin.statistics("bootstrap.update_") else { return nil }
            func value(_ name: String) -> Int { statistics.first { $0.name == "bootstrap.update_" + name }?.value ?? 0 }
            begun = value("attempt")
            taken = value("success")
            refused = value("rejected")
        }
    }

    /// Makes proxies read their files anew, and returns when what they hold is in force at all of their workers.
    func reload(_ workloads: [String], of running: Record) throws(DemoError) {
        var waiting: [(workload: String, name: String, admin: ProxyAdmin, before: Readings)] = []
        for entry in running.processes where workloads.contains(entry.workload) {
            guard let admin = entry.admin else { continue }
            guard let process = entry.process, process.isRunning, let before = Readings(admin) else {
                throw .noAnswer(proxy: entry.workload, log: log(of: entry.name))
            }
            waiting.append((entry.workload, entry.name, admin, before))
            kill(process.id, SIGHUP)
        }
        let watch = Stopwatch()
        while let next = waiting.last {
            let now = Readings(next.admin)
            // One that was on its way already is among those that had begun, so that this one is after it.
            if let now, now.taken + now.refused > next.before.begun {
                guard now.refused == next.before.refused else {
                    throw .refusedFile(proxy: next.workload, log: log(of: next.name))
                }
                waiting.removeLast()
                continue
            }
            guard watch.seconds < Self.reloadPatience else {
                throw .noAnswer(proxy: next.workload, log: log(of: next.name))
            }
            _ = Stopwatch.wait(for: [], seconds: Self.pause)
        }
    }
}
