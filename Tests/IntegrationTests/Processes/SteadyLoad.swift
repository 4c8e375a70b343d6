import Glibc
import Synchronization
import TestKit

/// Clients that ask again and again, each on connections of three requests, and note what goes wrong.
final class SteadyLoad: Sendable {
    private struct State {
        var answered = 0
        var failures: [String] = []
        var isStopping = false
        var threads = 0
    }

    private let state = Mutex(State())
    private let port: UInt16
    private let tls: WireClient.TLS?

    init(port: UInt16, clients: Int, tls: WireClient.TLS? = nil) {
        self.port = port
        self.tls = tls
        state.withLock { $0.threads = clients }
        for _ in 0..<clients {
            var thread = pthread_t()
            pthread_create(
                &thread, nil,
                { context in
                    // Safety: retained below, for this thread alone.
                    Unmanaged<SteadyLoad>.fromOpaque(context!).takeRetainedValue().run()
                    return nil
                }, Unmanaged.passRetained(self).toOpaque())
            pthread_detach(thread)
        }
    }

    var answered: Int { state.withLock { $0.answered } }
    var failures: [String] { state.withLock { $0.failures } }

    /// Waits until so many more requests were answered.
    func waits(forMore count: Int) -> Bool {
        let goal = answered + count
        return Deadline(seconds: 20).polls { answered >= goal }
    }

    func stop() {
        state.withLock { $0.isStopping = true }
        _ = Deadline(seconds: 20).polls { state.withLock { $0.threads } == 0 }
    }

    private func run() {
        while !state.withLock({ $0.isStopping }) {
            guard let client = WireClient(port: port, tls: tls) else {
                fail("a connection was refused")
                continue
            }
            for number in 1...3 {
                client.received = []
                _ = client.send("GET / HTTP/1.1\r\nhost: test\r\n\r\n")
                let arrival = client.receive {
                    let text = String(decoding: $0, as: UTF8.self)
                    return text.hasSuffix("hello") || (text.hasPrefix("HTTP/1.1 500") && text.hasSuffix("failed"))
                }
                let text = String(decoding: client.received, as: UTF8.self)
                guard text.hasPrefix("HTTP/1.1 200"), text.hasSuffix("hello") else {
                    fail("no answer (\(arrival), request \(number) of its connection): \(text)")
                    break
                }
                state.withLock { $0.answered += 1 }
                if text.contains("connection: close") { break }
            }
        }
        state.withLock { $0.threads -= 1 }
    }

    private func fail(_ text: String) { state.withLock { $0.failures.append(text) } }
}
