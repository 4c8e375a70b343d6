import Foundation
import Glibc

/// Kills one worker of one proxy after the other, to show that it costs no more than what that worker had in hand.
package struct WorkerKiller {
    /// A worker that was killed.
    package struct Kill: Codable, Sendable, Equatable {
        /// The workload whose proxy it was of.
        package let workload: String
        /// Requests that its proxy had in hand, and those that had arrived and were not read yet.
        package let in_flight: Int
    }

    /// How often the connections of a worker that is dying are looked at, at most.
    private static let mostReadings = 100

    private let seconds: Double
    private var next: Double
    private var turn = 0
    /// What was killed, in order.
    private(set) var kills: [Kill] = []

    init(every seconds: Double) {
        self.seconds = seconds
        next = seconds
    }

    /// Kills when it is time.
    mutating func act(now: Double, proxies: [RunningShop.Proxy]) -> Kill? {
        guard now >= next, !proxies.isEmpty else { return nil }
        next += seconds
        let victim = proxies[turn % proxies.count]
        turn += 1
        guard let worker = MemoryReading.children(of: victim.id).first, let inFlight = Self.kill(worker, of: victim) else { return nil }
        let kill = Kill(workload: victim.workload, in_flight: inFlight)
        kills.append(kill)
        return kill
    }

    /// Kills a worker and says what its proxy had in hand. The worker is stopped before it is asked, so that nothing comes
    /// and goes meanwhile; the proxy answers for it. Where it does not, the worker lives on.
    private static func kill(_ worker: Int32, of proxy: RunningShop.Proxy) -> Int? {
        Glibc.kill(worker, SIGSTOP)
        guard let statistics = proxy.admin.statistics("downstream_rq_active") else {
            Glibc.kill(worker, SIGCONT)
            return nil
        }
        let active = statistics.filter { isRequests($0.name) }.reduce(0) { $0 + $1.value }
        let parts = proxy.admin.host.split(separator: ".").compactMap { Int($0) }
        func unread() -> Int {
            guard parts.count == 4 else { return 0 }
            let sockets = FileManager.default.contents(atPath: "/proc/net/tcp") ?? Data()
            return SocketTable(text: String(decoding: sockets, as: UTF8.self))
                .unread(second: parts[1], third: parts[2], without: proxy.admin.port)
        }
        var waiting = unread()
        Glibc.kill(worker, SIGKILL)
        // Its connections take requests until the kernel has closed them, which takes a while on a busy machine.
        for _ in 0..<mostReadings where MemoryReading.children(of: proxy.id).contains(worker) {
            waiting = max(waiting, unread())
        }
        return active + waiting
    }

    /// Gauges of requests, but not those of the admin interface itself.
    private static func isRequests(_ name: String) -> Bool {
        name.hasPrefix("http.") && !name.hasPrefix("http.admin.") && name.hasSuffix(".downstream_rq_active")
    }
}
