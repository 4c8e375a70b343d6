/// How a process of the demo is asked whether it is ready.
package struct HealthProbe: Sendable, Equatable {
    /// What is asked, and what is a good answer.
    package enum Question: Sendable, Equatable {
        /// A GET that is answered by a status below 400.
        case http(path: String)
        /// gRPC's health check.
        case grpc
        /// Whether it takes a connection.
        case tcp
    }

    /// Where it is asked.
    package let host: String
    /// The port there.
    package let port: Int
    /// What it is asked.
    package let question: Question

    /// Whether it is.
    func isGood(seconds: Double) -> Bool {
        switch question {
        case .http(let path):
            LoopbackHTTP.get(host: host, port: port, path: path, seconds: seconds).map { $0.status < 400 } ?? false
        case .grpc: GRPCHealth.isServing(host: host, port: port, seconds: seconds)
        case .tcp: LoopbackConnection(host: host, port: port, seconds: seconds) != nil
        }
    }
}
