import HTTPModel
import Observability
import ProxyModel
import Reactor
import SwiftProtobuf

/// What the proxy answers itself, as the configuration wants it.
extension SnapshotCompiler {
    /// `local_reply_config`; nil when it changes nothing.
    func localReplies(
        _ message: Envoy_Extensions_Filters_Network_HttpConnectionManager_V3_LocalReplyConfig
    ) throws(ConfigProblem) -> LocalReplyRules? {
        var mappers: [LocalReplyRules.Mapper] = []
        for (index, mapper) in message.mappers.enumerated() {
            do throws(ConfigProblem) {
                mappers.append(try self.mapper(mapper))
            } catch {
                throw error.within("local_reply_config.mappers[\(index)]")
            }
        }
        let format =
            message.hasBodyFormat ? try bodyFormat(message.bodyFormat, "local_reply_config.body_format") : nil
        return mappers.isEmpty && format == nil ? nil : LocalReplyRules(mappers: mappers, format: format)
    }

    private func mapper(
        _ message: Envoy_Extensions_Filters_Network_HttpConnectionManager_V3_ResponseMapper
    ) throws(ConfigProblem) -> LocalReplyRules.Mapper {
        var mapper = LocalReplyRules.Mapper()
        guard message.hasFilter else { throw ConfigProblem("is required", path: "filter") }
        do throws(ConfigProblem) {
            mapper.filter = try AccessLogFilter(message.filter, runtime, customMatcher(""))
        } catch {
            throw error.within("filter")
        }
        if message.hasStatusCode { mapper.status = Int(message.statusCode.value) }
        if message.hasBody { mapper.body = try DataSources.bytes(message.body, "body") }
        if message.hasBodyFormatOverride {
            mapper.format = try bodyFormat(message.bodyFormatOverride, "body_format_override")
        }
        mapper.additions.responseAdditions = try additions(message.headersToAdd, "headers_to_add")
        return mapper
    }

    /// A body by format; without one it is the body as it comes.
    func bodyFormat(
        _ message: Envoy_Config_Core_V3_SubstitutionFormatString, _ path: String
    ) throws(ConfigProblem) -> BodyFormat {
        do throws(ConfigProblem) {
            return BodyFormat(
                try layout(message, for: .body, otherwise: "%LOCAL_REPLY_BODY%"), contentType: message.contentType)
        } catch {
            throw error.within(path)
        }
    }
}
