import Foundation
import Glibc

/// A shop with its mesh, running: all processes of a plan.
final class RunningShop {
    /// How long all may take to become ready.
    private static let patience = 60.0
    /// How long all may take to end before they are killed.
    private static let endPatience = 5.0
    private static let logLines = 15

    let plan: ShopPlan
    let folder: RunFolder
    private var children: [(process: ShopPlan.Process, child: ChildProcess)] = []

    /// Starts the processes.
    init(plan: ShopPlan, folder: RunFolder) throws(DemoError) {
        self.plan = plan
        self.folder = folder
        for process in plan.processes {
            let child = try ChildProcess(
                name: process.name, program: process.program, arguments: process.arguments, environment: process.environment,
                log: folder.log(of: process.name))
            children.append((process, child))
        }
        var proxies: [String: Int32] = [:]
        for (process, child) in children where process.isProxy { proxies[process.workload] = child.id }
        try folder.note(proxies: proxies)
    }

    /// Waits until every process answers and the shop has a page; returns the seconds that it took.
    ///
    /// - Parameter interrupted: whether someone wants the demo to end.
    func waitUntilReady(_ interrupted: () -> Bool) throws(DemoError) -> Double? {
        let watch = Stopwatch()
        var missing = plan.processes.compactMap { process in process.health.map { (process.name, $0) } }
        let door = plan.door
        missing.append(("http://\(door.host):\(door.port)\(plan.page)", (door.host, door.port, plan.page)))
        while true {
            missing.removeAll { entry in
                LoopbackHTTP.get(host: entry.1.host, port: entry.1.port, path: entry.1.path, seconds: 5).map { $0.status < 400 } ?? false
            }
            if missing.isEmpty { return watch.seconds }
            try checkAllRun()
            guard watch.seconds < Self.patience else {
                throw .notReady(seconds: watch.seconds, waitingFor: missing.map(\.0))
            }
            if interrupted() { return nil }
            _ = Stopwatch.wait(for: [], seconds: 0.05)
        }
    }

    /// Fails when a process has ended by itself, with the end of its log.
    func checkAllRun() throws(DemoError) {
        for (process, child) in children where !child.isRunning {
            let text = (try? String(contentsOfFile: folder.log(of: process.name), encoding: .utf8)) ?? ""
            let last = text.split(separator: "\n").suffix(Self.logLines).joined(separator: "\n")
            throw .ended(process: process.name, status: child.end.map(\.description) ?? "", log: last)
        }
    }

    /// Ids of the proxies' processes, by workload.
    var proxies: [(workload: String, id: Int32)] {
        children.filter(\.process.isProxy).map { ($0.process.workload, $0.child.id) }
    }

    /// Megabytes of all proxies, and of all services.
    func megabytes() -> (proxies: Double, services: Double) {
        var sums = (proxies: 0.0, services: 0.0)
        for (process, child) in children {
            let megabytes = MemoryReading.megabytes(ofTree: child.id)
            if process.isProxy { sums.proxies += megabytes } else { sums.services += megabytes }
        }
        return sums
    }

    /// Requests that each proxy has taken for its workload since it started.
    func requestCounts() -> [String: Int] {
        var counts: [String: Int] = [:]
        for process in plan.processes where process.isProxy {
            guard let health = process.health else { continue }
            let name = process.workload == ShopPlan.edge ? "http.edge" : "http.inbound"
            let path = "/stats?filter=\(name).downstream_rq_total"
            let text = LoopbackHTTP.get(host: health.host, port: health.port, path: path)?.body ?? ""
            let line = text.split(separator: "\n").first { $0.hasPrefix("\(name).downstream_rq_total: ") }
            counts[process.workload] = line.flatMap { $0.split(separator: " ").last }.flatMap { Int($0) }
        }
        return counts
    }

    /// Ends all processes: services first, so that none of them logs what it lost.
    func stop() {
        for (process, child) in children where !process.isProxy { child.signal(SIGTERM) }
        wait { !$0.isProxy }
        for (process, child) in children where process.isProxy { child.signal(SIGINT) }
        wait { _ in true }
        for (_, child) in children where child.isRunning {
            child.signal(SIGKILL)
            _ = child.waitForEnd(seconds: Self.endPatience)
        }
        folder.forget()
    }

    private func wait(_ which: (ShopPlan.Process) -> Bool) {
        let watch = Stopwatch()
        for (process, child) in children where which(process) {
            _ = child.waitForEnd(seconds: max(0, Self.endPatience - watch.seconds))
        }
    }
}
