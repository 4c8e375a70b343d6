import Bytes
import DataPlane
import HTTPModel
import Observability
import ProxyModel
import Reactor
import ServiceKit

/// Writes down who asked the admin interface for what (`Bootstrap.admin.access_log`).
@WorkerActor final class AdminAccessLog {
    private let log: ServiceAccessLog
    private let writer: LogFileWriter
    private let loop: EventLoop
    private var lastID: UInt64 = 0

    /// - Returns: nil where the bootstrap asks for none.
    init?(_ bootstrap: Envoy_Config_Bootstrap_V3_Bootstrap, loop: EventLoop, stats: StatsSegment, log: Log) throws(ConfigProblem) {
        guard !bootstrap.admin.accessLog.isEmpty else { return nil }
        self.loop = loop
        do throws(LogFileError) {
            writer = try LogFileWriter(stats: stats.filesystem())
        } catch {
            throw ConfigProblem("\(error)", path: "admin.access_log")
        }
        do throws(ConfigProblem) {
            self.log = try ServiceAccessLog(
                bootstrap.admin.accessLog, settings: try CompileSettings(bootstrap), loop: loop, stats: stats, writer: writer,
                log: log, environment: ProcessEnvironment.format(instanceID: 0))
        } catch {
            throw error.within("admin")
        }
    }

    /// Answers a request and writes its line.
    func note(
        _ request: ServiceRequest, at address: SocketAddress?, _ answer: @WorkerActor (ServiceRequest) -> ServiceResponse
    ) -> ServiceResponse {
        var info = StreamInfo()
        info.times.begin(monotonic: loop.now, wall: Int64(loop.wallNow))
        info.times.lastDownstreamReceive = loop.now
        let response = answer(request)
        // A page may take longer than a turn otherwise does.
        loop.updateTime()
        info.times.firstDownstreamSend = loop.now
        info.times.lastDownstreamSend = loop.now
        info.times.end = loop.now
        lastID += 1
        info.streamID = lastID
        info.downstreamProtocol = .http11
        info.downstreamDirectRemoteAddress = request.remote
        info.downstreamRemoteAddress = request.remote
        info.downstreamLocalAddress = address
        info.responseCode = UInt16(clamping: response.status)
        info.bytesReceived = UInt64(request.body.count)
        info.bytesSent = request.method == "HEAD" ? 0 : UInt64(response.body.count)
        var fields = HeaderBlock()
        for field in request.fields { fields.append(field.name, field.value) }
        // As in Envoy, where the admin listener is the edge.
        if let ip = request.remote.ip {
            var text = ByteWriter(capacity: 64)
            ip.append(to: &text)
            fields.append("x-forwarded-for", text.text)
        }
        var answered = HeaderBlock()
        answered.append(":status", "\(response.status)")
        answered.append("content-type", response.contentType)
        log.write(request: fields, response: answered, info: info)
        return response
    }

    /// Opens the files anew.
    func reopen() { writer.reopen() }

    /// Waits until all lines are written.
    func flush() { writer.flush() }
}
