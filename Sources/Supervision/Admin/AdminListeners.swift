import Bytes
import CLinux
import Glibc
import Observability
import Reactor
import ServiceKit

/// The two listeners of the supervisor: admin, and one with only metrics and health for scrapers and probes.
@WorkerActor final class AdminListeners {
    /// Making a page takes many times its size; after a larger one than this the memory goes back to the system.
    private static let trimsAbove = 256 * 1024
    /// Nanoseconds until then: by that time the page was sent.
    private static let trimDelay: UInt64 = 1_000_000_000

    private unowned let supervisor: Supervisor
    private var admin: HTTPService?
    /// Who asked the admin interface for what; nil where nobody wants to know.
    var accessLog: AdminAccessLog?
    private var metrics: HTTPService?
    private let trim: LoopTimer

    init(_ supervisor: Supervisor) {
        self.supervisor = supervisor
        trim = LoopTimer(loop: supervisor.loop) { heddle_trim_memory() }
    }

    func open(address: SocketAddress?, metrics metricsAddress: SocketAddress?) throws {
        if let address {
            if let ip = address.ip, !ip.isLoopback {
                supervisor.log.warning(.admin, "the admin interface listens at \(address): whoever reaches it can stop the proxy; use loopback or a unix socket")
            }
            let pages = AdminPages(supervisor)
            let guardian = AdminGuard(bound: address)
            let service = try HTTPService(loop: supervisor.loop, address: address) { [unowned self] request in
                self.logged(request) { guardian.refusal($0) ?? self.trimmed(pages.answer($0)) }
            }
            admin = service
            supervisor.log.info(.admin, "the admin interface listens at \(service.address)")
            try writeAddress(service.address)
        }
        if let metricsAddress {
            let pages = AdminPages(supervisor)
            let service = try HTTPService(loop: supervisor.loop, address: metricsAddress) { [unowned self] request in
                self.trimmed(pages.answer(request, only: ["/stats/prometheus", "/ready"]))
            }
            metrics = service
            supervisor.log.info(.admin, "metrics and health are at \(service.address)")
        }
    }

    private func logged(
        _ request: ServiceRequest, _ answer: @WorkerActor (ServiceRequest) -> ServiceResponse
    ) -> ServiceResponse {
        accessLog?.note(request, at: admin?.address, answer) ?? answer(request)
    }

    private func trimmed(_ response: ServiceResponse) -> ServiceResponse {
        if response.body.count > Self.trimsAbove { trim.schedule(after: Self.trimDelay) }
        return response
    }

    func close() {
        trim.cancel()
        accessLog?.flush()
        admin?.close()
        metrics?.close()
        if let path = admin?.address.unixPath, !path.isEmpty, !path.hasPrefix("@") { unlink(path) }
    }

    private func writeAddress(_ address: SocketAddress) throws {
        guard let path = supervisor.options.adminAddressPath else { return }
        // Whole or not at all: whoever waits for the file must not see half of it.
        let draft = path + ".new"
        let descriptor = Glibc.open(draft, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw SystemError("open") }
        let text = Array(address.description.utf8)
        let written = write(descriptor, text, text.count)
        Glibc.close(descriptor)
        guard written == text.count, rename(draft, path) == 0 else { throw SystemError("rename") }
    }
}

/// Keeps web pages out of the admin interface: a browser that was led here by another site says so in `Host` or `Origin`.
struct AdminGuard: Equatable, Sendable {
    /// Where the listener is bound.
    let bound: SocketAddress

    /// - Returns: the answer to a request that is refused, nil for one that may pass.
    func refusal(_ request: ServiceRequest) -> ServiceResponse? {
        guard bound.unixPath == nil else { return nil }
        // A name other than localhost could be made to point here by whoever owns it (DNS rebinding).
        guard isOwn(request.authority) else {
            return ServiceResponse(403, text: "the Host header must be an IP address or localhost\n")
        }
        if let origin = request.field("origin"), !isSameOrigin(origin, request.authority) {
            return ServiceResponse(403, text: "requests from other sites are refused\n")
        }
        if let site = request.field("sec-fetch-site"), site == "cross-site" || site == "same-site" {
            return ServiceResponse(403, text: "requests from other sites are refused\n")
        }
        return nil
    }

    private func isOwn(_ authority: String) -> Bool {
        let host = Self.host(authority)
        return host == "localhost" || SocketAddress.IP(host) != nil
    }

    private func isSameOrigin(_ origin: String, _ authority: String) -> Bool { origin == "http://\(authority)" }

    /// An authority without its port and brackets.
    static func host(_ authority: String) -> String {
        if authority.hasPrefix("["), let end = authority.firstIndex(of: "]") {
            return String(authority[authority.index(after: authority.startIndex)..<end])
        }
        guard let colon = authority.lastIndex(of: ":") else { return authority.lowercased() }
        return authority[..<colon].lowercased()
    }
}
