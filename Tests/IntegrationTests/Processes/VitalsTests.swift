import Foundation
import TestKit
import Testing

/// What tells an operator that a proxy is at its limits.
@Suite("How busy the proxy is", .serialized, .enabled(if: SupervisedProxy.program != nil, "no heddle-proxy is built"))
struct VitalsTests {
    private let upstream = RecordingUpstream { _ in .reply(200, body: "hello") }

    private static let gauges = ["memory_physical_size", "open_descriptors", "descriptor_limit", "timers_active"]
    private static let counters = ["loop_iterations", "loop_busy_us"]
    private static let distributions = ["dispatcher.loop_duration_us", "dispatcher.poll_delay_us"]

    /// Samples of Prometheus' text by name and labels, and the type of each name.
    private static func samples(_ text: String) -> (values: [String: Double], types: [String: String]) {
        var values: [String: Double] = [:]
        var types: [String: String] = [:]
        for line in text.split(separator: "\n") {
            let parts = line.split(separator: " ").map(String.init)
            if parts.count == 4, parts[0] == "#", parts[1] == "TYPE" { types[parts[2]] = parts[3] }
            if parts.count == 2, parts[0] != "#" { values[parts[0]] = Double(parts[1]) }
        }
        return (values, types)
    }

    @Test("lag, processor time, memory and descriptors of every worker are there under load, and the same for Prometheus")
    func underLoad() throws {
        let proxy = try SupervisedProxy(workers: 2, upstream: upstream.port)
        let load = SteadyLoad(port: proxy.port, clients: 4)
        #expect(load.waits(forMore: 200))
        var numbers: [String: Int] = [:]
        let isThere = try Deadline(seconds: 20).polls(every: 100) {
            numbers = [:]
            for line in try proxy.get("/stats").split(separator: "\n") {
                let parts = line.components(separatedBy: ": ")
                if parts.count == 2, let value = Int(parts[1]) { numbers[parts[0]] = value }
            }
            return (0..<2).allSatisfy { worker in
                let prefix = "worker.\(worker)."
                let time = (numbers[prefix + "cpu_user_us"] ?? 0) + (numbers[prefix + "cpu_system_us"] ?? 0)
                return time > 0 && (Self.gauges + Self.counters).allSatisfy { (numbers[prefix + $0] ?? 0) > 0 }
            }
        }
        #expect(isThere, "\(numbers.filter { $0.key.hasPrefix("worker.") })")
        for worker in 0..<2 {
            let prefix = "worker.\(worker)."
            #expect(numbers[prefix + "memory_physical_size"] ?? 0 > 1 << 20)
            #expect(numbers[prefix + "open_descriptors"] ?? 0 < numbers[prefix + "descriptor_limit"] ?? 0)
        }
        for name in ["server.memory_allocated", "server.memory_physical_size", "server.memory_heap_size"] {
            #expect(numbers[name] ?? 0 > 1 << 18, "\(name)")
        }
        // A release build counts references as if there were no other thread.
        for process in [proxy.id] + proxy.workerIDs {
            #expect(try FileManager.default.contentsOfDirectory(atPath: "/proc/\(process)/task").count == 1, "threads of \(process)")
        }
        load.stop()
        let (values, types) = Self.samples(try proxy.get("/stats/prometheus"))
        for worker in 0..<2 {
            let label = "{envoy_worker_id=\"\(worker)\"}"
            for name in Self.gauges {
                #expect(types["envoy_worker_\(name)"] == "gauge")
                #expect(values["envoy_worker_\(name)\(label)"] ?? 0 > 0, "\(name)")
            }
            #expect(values["envoy_worker_descriptor_limit\(label)"] == numbers["worker.\(worker).descriptor_limit"].map(Double.init))
            for name in Self.counters {
                #expect(types["envoy_worker_\(name)"] == "counter")
                // It only grows, and was read later.
                #expect(values["envoy_worker_\(name)\(label)"] ?? 0 >= Double(numbers["worker.\(worker).\(name)"] ?? 1), "\(name)")
            }
            for name in Self.distributions {
                let exposed = "envoy_worker_" + name.replacingOccurrences(of: ".", with: "_")
                #expect(types[exposed] == "histogram")
                #expect(values["\(exposed)_count\(label)"] ?? 0 > 0, "\(name)")
                #expect(values["\(exposed)_sum\(label)"] ?? 0 > 0, "\(name)")
            }
        }
    }
}
