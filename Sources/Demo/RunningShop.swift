import Foundation
import Glibc

/// A shop with its mesh, running: all processes of a plan.
final class RunningShop {
    /// How long all processes may take to become ready, and then the first page, which is slow where services are slow on
    /// purpose.
    private static let patience = 60.0
    /// How long one of them may take for an answer about itself.
    private static let probePatience = 1.0
    /// How long all may take to end before they are killed.
    private static let endPatience = 5.0

    let plan: ShopPlan
    let folder: RunFolder
    private var children: [(process: ShopPlan.Process, child: ChildProcess)] = []
    private let keeper: KeeperProcess

    /// Starts the processes.
    ///
    /// - Parameter tools: where `heddle` is, which ends them if this process cannot.
    init(plan: ShopPlan, folder: RunFolder, tools: DemoTools) throws(DemoError) {
        self.plan = plan
        self.folder = folder
        keeper = try KeeperProcess(program: tools.own, folder: folder)
        for process in plan.processes {
            let child = try ChildProcess(
                name: process.name, program: process.program, arguments: process.arguments, environment: process.environment,
                log: folder.log(of: process.name))
            children.append((process, child))
        }
        try note()
    }

    /// Writes down who runs.
    ///
    /// - Parameter others: further processes, such as the load generator.
    func note(_ others: [ChildProcess] = []) throws(DemoError) {
        var entries = children.map { process, child in
            RunFolder.Entry(
                name: process.name, workload: process.workload, admin: Self.admin(of: process), process: ProcessIdentity(of: child.id))
        }
        for child in [keeper.child] + others {
            entries.append(RunFolder.Entry(name: child.name, workload: child.name, admin: nil, process: ProcessIdentity(of: child.id)))
        }
        try folder.note(entries, mesh: plan.mesh)
    }

    /// How far the start has come.
    struct Progress: Equatable {
        let ready: Int
        let all: Int
        let missing: [String]
    }

    /// Waits until every process says that it is ready and the shop has a page; returns the seconds that it took, nil where
    /// someone wants the demo to end.
    ///
    /// - Parameter progress: is told now and then what is waited for.
    func waitUntilReady(_ interrupt: Interrupt, progress: (Progress) -> Void) throws(DemoError) -> Double? {
        let watch = Stopwatch()
        var missing = plan.processes
        var limit = Self.patience
        while true {
            let before = missing.count
            missing.removeAll { $0.health.isGood(seconds: Self.probePatience) }
            if before > 0, missing.isEmpty { limit = watch.seconds + Self.patience }
            try checkAllRun()
            let names = missing.isEmpty ? [plan.pageName] : missing.map(\.name)
            progress(Progress(ready: plan.processes.count - missing.count, all: plan.processes.count, missing: names))
            let hasPage = missing.isEmpty && hasPage(seconds: limit - watch.seconds, interrupt)
            try checkAllRun()
            if hasPage { return watch.seconds }
            if interrupt.check() { return nil }
            guard watch.seconds < limit else { throw .notReady(seconds: watch.seconds, waitingFor: names) }
            _ = Stopwatch.wait(for: [interrupt.descriptor], seconds: 0.05)
        }
    }

    /// Whether there is a first page. Where services fail on purpose an answer is enough.
    private func hasPage(seconds: Double, _ interrupt: Interrupt) -> Bool {
        let answer = LoopbackHTTP.get(
            host: plan.door.host, port: plan.door.port, path: plan.page, seconds: max(Self.probePatience, seconds),
            interrupt: interrupt.descriptor)
        return answer.map { $0.status < 400 || plan.failsOnPurpose } ?? false
    }

    /// Fails when a process has ended by itself, with the end of its log.
    func checkAllRun() throws(DemoError) {
        for child in children.map(\.child) + [keeper.child] where !child.isRunning { throw folder.ended(child) }
    }

    /// A proxy that runs.
    struct Proxy {
        let workload: String
        let id: Int32
        /// Where its admin interface is.
        let admin: ProxyAdmin
    }

    /// All of them.
    var proxies: [Proxy] {
        children.compactMap { process, child in
            Self.admin(of: process).map { Proxy(workload: process.workload, id: child.id, admin: $0) }
        }
    }

    /// A proxy is asked for its health at its admin interface.
    private static func admin(of process: ShopPlan.Process) -> ProxyAdmin? {
        process.isProxy ? ProxyAdmin(host: process.health.host, port: process.health.port) : nil
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

    /// Requests that each proxy has taken for its workload since it started; nothing of one that does not answer.
    func requestCounts() -> [String: Int] {
        var counts: [String: Int] = [:]
        for proxy in proxies {
            counts[proxy.workload] = proxy.admin.counter("http.\(proxy.workload == ShopPlan.edge ? "edge" : "inbound").downstream_rq_total")
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
        keeper.release()
        folder.forget()
    }

    private func wait(_ which: (ShopPlan.Process) -> Bool) {
        let watch = Stopwatch()
        for (process, child) in children where which(process) {
            _ = child.waitForEnd(seconds: max(0, Self.endPatience - watch.seconds))
        }
    }
}
