import Bytes
import HTTPModel
import Observability
import ProxyModel
import Reactor
import SwiftProtobuf
import TrafficPolicy

extension SnapshotCompiler {
    func accessLog(_ message: Envoy_Config_Accesslog_V3_AccessLog) throws(ConfigProblem) -> any AccessLogSink {
        try fileAccessLog(message)
    }

    func fileAccessLog(_ message: Envoy_Config_Accesslog_V3_AccessLog) throws(ConfigProblem) -> FileAccessLog {
        var filter: AccessLogFilter?
        if message.hasFilter {
            do throws(ConfigProblem) {
                filter = try AccessLogFilter(message.filter, runtime, customMatcher(""))
            } catch {
                throw error.within("filter")
            }
        }
        do throws(ConfigProblem) {
            let (format, path) = try destination(message.typedConfig)
            do throws(LogFileError) {
                return FileAccessLog(try AccessLog(format, path: path, writer: resources.logWriter), filter: filter)
            } catch {
                throw ConfigProblem("\(error)", path: "path")
            }
        } catch {
            throw error.within("typed_config")
        }
    }

    private func destination(_ config: Google_Protobuf_Any) throws(ConfigProblem) -> (AccessLog.Format, String) {
        switch config.messageName {
        case Envoy_Extensions_AccessLoggers_File_V3_FileAccessLog.protoMessageName:
            let file: Envoy_Extensions_AccessLoggers_File_V3_FileAccessLog = try config.message()
            switch file.accessLogFormat {
            case .format(let text): return (.text(try textFormat(text, "format")), file.path)
            case .jsonFormat(let tree), .typedJsonFormat(let tree): return (.json(try jsonFormat(tree, "json_format")), file.path)
            case .logFormat(let format): return (try layout(format), file.path)
            case nil: return (.text(try textFormat(SubstitutionFormat.defaultText, "")), file.path)
            }
        case Envoy_Extensions_AccessLoggers_Stream_V3_StdoutAccessLog.protoMessageName:
            let log: Envoy_Extensions_AccessLoggers_Stream_V3_StdoutAccessLog = try config.message()
            guard case .logFormat(let format) = log.accessLogFormat else {
                return (.text(try textFormat(SubstitutionFormat.defaultText, "")), "/dev/stdout")
            }
            return (try layout(format), "/dev/stdout")
        case Envoy_Extensions_AccessLoggers_Stream_V3_StderrAccessLog.protoMessageName:
            let log: Envoy_Extensions_AccessLoggers_Stream_V3_StderrAccessLog = try config.message()
            guard case .logFormat(let format) = log.accessLogFormat else {
                return (.text(try textFormat(SubstitutionFormat.defaultText, "")), "/dev/stderr")
            }
            return (try layout(format), "/dev/stderr")
        case let other: throw ConfigProblem("no access log of type \(other)")
        }
    }

    private func layout(_ message: Envoy_Config_Core_V3_SubstitutionFormatString) throws(ConfigProblem) -> AccessLog.Format {
        do throws(ConfigProblem) {
            switch try layout(message, for: .logLine, otherwise: SubstitutionFormat.defaultText) {
            case .text(let format): return .text(format)
            case .json(let format): return .json(format)
            }
        } catch {
            throw error.within("log_format")
        }
    }

    /// A format with its text or JSON compiled; `otherwise` is the text of one that has neither.
    func layout(
        _ message: Envoy_Config_Core_V3_SubstitutionFormatString, for destination: SubstitutionFormat.Destination,
        otherwise: String
    ) throws(ConfigProblem) -> BodyFormat.Layout {
        let omits = message.omitEmptyValues
        switch message.format {
        case .textFormat(let text):
            return .text(try textFormat(text, "text_format", for: destination, omitsEmpty: omits))
        case .textFormatSource(let source):
            let path = "text_format_source"
            return .text(try textFormat(try text(source, path), path, for: destination, omitsEmpty: omits))
        case .jsonFormat(let tree): return .json(try jsonFormat(tree, "json_format", omitsEmpty: omits))
        case nil: return .text(try textFormat(otherwise, "", for: destination, omitsEmpty: omits))
        }
    }

    private func textFormat(
        _ text: String, _ path: String, for destination: SubstitutionFormat.Destination = .logLine,
        omitsEmpty: Bool = false
    ) throws(ConfigProblem) -> SubstitutionFormat {
        do throws(FormatError) {
            return try SubstitutionFormat(
                text, for: destination, environment: resources.environment, omitsEmpty: omitsEmpty)
        } catch {
            throw ConfigProblem("\(error)", path: path)
        }
    }

    private func jsonFormat(
        _ tree: Google_Protobuf_Struct, _ path: String, omitsEmpty: Bool = false
    ) throws(ConfigProblem) -> JSONFormat {
        do throws(FormatError) {
            return try JSONFormat(
                .object(Metadata.object(tree)), environment: resources.environment, omitsEmpty: omitsEmpty)
        } catch {
            throw ConfigProblem("\(error)", path: path)
        }
    }
}

/// An access log of a connection manager: a file, and which requests go into it.
@WorkerActor final class FileAccessLog: AccessLogSink {
    private let log: AccessLog
    private let filter: AccessLogFilter?

    init(_ log: AccessLog, filter: AccessLogFilter?) {
        self.log = log
        self.filter = filter
    }

    func write(_ stream: Stream) {
        if let filter, !filter.accepts(stream) { return }
        log.write(
            scratch: &stream.worker.scratchText, request: stream.requestHeaders, response: stream.responseHeaders,
            trailers: stream.responseTrailers, info: stream.info)
    }

    func write(_ connection: ConnectionRecord, scratch: inout ByteWriter) {
        write(request: HeaderBlock(), response: HeaderBlock(), info: connection.info, scratch: &scratch)
    }

    /// Of what has ended and was no stream.
    func write(
        request: borrowing HeaderBlock, response: borrowing HeaderBlock, info: borrowing StreamInfo, scratch: inout ByteWriter
    ) {
        if let filter, !filter.accepts(request: request, info: info, now: info.times.end) { return }
        log.write(scratch: &scratch, request: request, response: response, trailers: HeaderBlock(), info: info)
    }
}

/// Which requests are logged (`AccessLogFilter`).
@WorkerActor indirect enum AccessLogFilter {
    enum Comparison { case equal, greaterOrEqual, lessOrEqual, notEqual }

    case status(Comparison, UInt32)
    case durationMilliseconds(Comparison, UInt32)
    case header(HeaderMatcher)
    case flags(ResponseFlags)
    case grpcStatus(Set<UInt32>, excludes: Bool)
    case all([AccessLogFilter])
    case any([AccessLogFilter])

    init(
        _ message: Envoy_Config_Accesslog_V3_AccessLogFilter, _ runtime: RuntimeValues, _ custom: RouteMatching.Custom
    ) throws(ConfigProblem) {
        switch message.filterSpecifier {
        case .statusCodeFilter(let filter):
            self = .status(Self.comparison(filter.comparison.op), Self.value(filter.comparison, runtime))
        case .durationFilter(let filter):
            self = .durationMilliseconds(Self.comparison(filter.comparison.op), Self.value(filter.comparison, runtime))
        case .headerFilter(let filter): self = .header(try RouteMatching.headerMatcher(filter.header, custom))
        case .responseFlagFilter(let filter):
            var flags: ResponseFlags = []
            for name in filter.flags {
                guard let known = ResponseFlags.names.first(where: { "\($0.short)" == name }) else {
                    throw ConfigProblem("\"\(name)\" is no response flag", path: "response_flag_filter.flags")
                }
                flags.insert(known.flag)
            }
            self = .flags(flags)
        case .grpcStatusFilter(let filter):
            self = .grpcStatus(Set(filter.statuses.map { UInt32($0.rawValue) }), excludes: filter.exclude)
        case .andFilter(let filter): self = .all(try Self.list(filter.filters, runtime, custom))
        case .orFilter(let filter): self = .any(try Self.list(filter.filters, runtime, custom))
        // Only the health_check filter marks requests as such, and Heddle has none.
        case .notHealthCheckFilter: self = .all([])
        case nil: throw ConfigProblem("one filter is required")
        }
    }

    private static func value(
        _ message: Envoy_Config_Accesslog_V3_ComparisonFilter, _ runtime: RuntimeValues
    ) -> UInt32 {
        runtime.number(message.value.runtimeKey, message.value.defaultValue)
    }

    private static func list(
        _ messages: [Envoy_Config_Accesslog_V3_AccessLogFilter], _ runtime: RuntimeValues, _ custom: RouteMatching.Custom
    ) throws(ConfigProblem) -> [AccessLogFilter] {
        var filters: [AccessLogFilter] = []
        for message in messages { filters.append(try AccessLogFilter(message, runtime, custom)) }
        return filters
    }

    private static func comparison(_ op: Envoy_Config_Accesslog_V3_ComparisonFilter.Op) -> Comparison {
        switch op {
        case .ge: .greaterOrEqual
        case .le: .lessOrEqual
        case .ne: .notEqual
        default: .equal
        }
    }

    /// What is chosen of streams may not have ended: filters choose local replies too.
    func accepts(_ stream: Stream) -> Bool {
        accepts(request: stream.requestHeaders, info: stream.info, now: stream.worker.loop.now)
    }

    /// - Parameter now: the end of what has not ended.
    func accepts(request: borrowing HeaderBlock, info: borrowing StreamInfo, now: UInt64) -> Bool {
        switch self {
        case .status(let comparison, let value): return Self.holds(comparison, UInt64(info.responseCode), UInt64(value))
        case .durationMilliseconds(let comparison, let value):
            let end = info.times.end == 0 ? now : info.times.end
            return Self.holds(comparison, (end - info.times.start) / 1_000_000, UInt64(value))
        case .header(let matcher): return matcher.matches(request)
        case .flags(let flags): return flags.isEmpty ? !info.responseFlags.isEmpty : !info.responseFlags.isDisjoint(with: flags)
        case .grpcStatus(let statuses, let excludes): return statuses.contains(info.grpcStatus ?? 2) != excludes
        case .all(let filters):
            for filter in filters where !filter.accepts(request: request, info: info, now: now) { return false }
            return true
        case .any(let filters):
            for filter in filters where filter.accepts(request: request, info: info, now: now) { return true }
            return false
        }
    }

    private static func holds(_ comparison: Comparison, _ left: UInt64, _ right: UInt64) -> Bool {
        switch comparison {
        case .equal: left == right
        case .greaterOrEqual: left >= right
        case .lessOrEqual: left <= right
        case .notEqual: left != right
        }
    }
}
