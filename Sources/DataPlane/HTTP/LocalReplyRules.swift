import Bytes
import HTTPModel
import Observability
package import Reactor

/// A body that the configuration describes by a format (`SubstitutionFormatString`).
@WorkerActor package struct BodyFormat {
    enum Layout {
        case text(SubstitutionFormat)
        case json(JSONFormat)
    }

    let layout: Layout
    let contentType: NamedText

    /// Envoy's default where the configuration names no content type.
    init(_ layout: Layout, contentType: String) {
        self.layout = layout
        guard contentType.isEmpty else {
            self.contentType = NamedText(contentType)
            return
        }
        switch layout {
        case .text: self.contentType = NamedText("text/plain")
        case .json: self.contentType = NamedText("application/json")
        }
    }

    /// What the format makes of `body`, which it names `%LOCAL_REPLY_BODY%`.
    func apply(to stream: Stream, _ body: [UInt8]) -> [UInt8] {
        stream.info.localReplyBody = .init(copying: String(decoding: body, as: UTF8.self))
        let worker = stream.worker
        worker.scratchText.reset()
        switch layout {
        case .text(let format): stream.format(format, into: &worker.scratchText)
        case .json(let format):
            format.append(
                to: &worker.scratchText, request: stream.requestHeaders, response: stream.responseHeaders,
                trailers: stream.responseTrailers, info: stream.info)
        }
        return Array(worker.scratchText.bytes)
    }
}

/// `local_reply_config`: what becomes of the answers that the proxy makes itself. The first mapper whose filter accepts
/// the stream changes status, body, fields and format; the format of the whole applies where it sets none.
@WorkerActor package final class LocalReplyRules {
    struct Mapper {
        var filter: AccessLogFilter?
        var status: Int?
        var body: [UInt8]?
        var format: BodyFormat?
        var additions = HeaderMutations()
    }

    private let mappers: [Mapper]
    private let format: BodyFormat?

    init(mappers: [Mapper], format: BodyFormat?) {
        self.mappers = mappers
        self.format = format
    }

    /// Changes status and body of an answer whose head is in ``Stream/responseHeaders``.
    /// - Returns: the content type that the body has by its format; nil where no format applies.
    func rewrite(_ stream: Stream, status: inout Int, body: inout [UInt8]) -> NamedText? {
        var chosen = format
        if let mapper = mappers.first(where: { $0.filter?.accepts(stream) ?? true }) {
            if let own = mapper.body { body = own }
            mapper.additions.apply(to: stream, .response)
            if let own = mapper.status {
                status = own
                stream.responseHeaders.set(.status, decimal: own)
                stream.info.responseCode = UInt16(clamping: own)
            }
            if let own = mapper.format { chosen = own }
        }
        guard let chosen else { return nil }
        body = chosen.apply(to: stream, body)
        return chosen.contentType
    }
}
