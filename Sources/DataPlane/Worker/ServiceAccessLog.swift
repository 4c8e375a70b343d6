import Bytes
package import HTTPModel
package import Observability
package import ProxyModel
package import Reactor
import TrafficPolicy

/// Access logs of requests that no worker serves, such as those to the admin interface (`Bootstrap.admin.access_log`).
@WorkerActor package final class ServiceAccessLog {
    private let logs: [FileAccessLog]
    private var scratch = ByteWriter(capacity: 1024)

    /// - Parameters:
    ///   - settings: what formats and filters look up in the bootstrap.
    ///   - stats: of this process; nothing is counted there.
    package init(
        _ messages: [Envoy_Config_Accesslog_V3_AccessLog], settings: CompileSettings, loop: EventLoop, stats: StatsSegment,
        writer: LogFileWriter, log: Log, environment: FormatEnvironment
    ) throws(ConfigProblem) {
        // Access logs have neither filters nor clusters: what those would need is not asked for.
        let resources = WorkerResources(
            context: WorkerContext(loop: loop, seed: 1), stats: stats, registry: HTTPFilterRegistry([]), logWriter: writer,
            log: log, environment: environment, limits: { _ in preconditionFailure("an access log without clusters") })
        let compiler = SnapshotCompiler(resources: resources, settings: settings)
        var logs: [FileAccessLog] = []
        for (index, message) in messages.enumerated() {
            do throws(ConfigProblem) {
                logs.append(try compiler.fileAccessLog(message))
            } catch {
                throw error.within("access_log[\(index)]")
            }
        }
        self.logs = logs
    }

    /// Writes the lines of one request that was answered.
    package func write(request: borrowing HeaderBlock, response: borrowing HeaderBlock, info: borrowing StreamInfo) {
        for log in logs { log.write(request: request, response: response, info: info, scratch: &scratch) }
    }
}
