import Bytes
import HTTPModel
import Observability
import TrafficPolicy

/// What the router answers without asking a host. Its state has no part in it.
extension Router {
    func answer(_ stream: Stream, _ status: Int, _ body: [UInt8], _ format: BodyFormat?) {
        guard let format else {
            stream.reply(LocalReply(status: status, bytes: body, details: "direct_response"))
            return
        }
        stream.reply(
            LocalReply(
                status: status, bytes: format.apply(to: stream, body), details: "direct_response",
                headers: [("content-type", format.contentType.text)]))
    }

    func answer(_ stream: Stream, _ choice: RouteChoice, _ redirect: Redirect) {
        stream.config.stats.redirected()
        let path = stream.requestHeaders.get(.path) ?? .empty
        let matched = stream.routes.table.matchedLength(choice.match, path: path)
        stream.worker.scratchText.reset()
        redirect.appendLocation(for: stream.requestHeaders, matchedLength: matched, into: &stream.worker.scratchText)
        let location = stream.worker.scratchText.text
        stream.reply(LocalReply(status: redirect.code, details: "direct_response", headers: [("location", location)]))
    }

    /// A filter may have removed what no request can be sent without.
    func refusalOfHead(_ stream: Stream) -> LocalReply? {
        let isConnect = stream.requestHeaders.get(.method, is: "CONNECT")
        if isConnect ? stream.requestHeaders.has(.authority) : stream.requestHeaders.has(.path) && stream.requestHeaders.has(.method) {
            return nil
        }
        let (name, details): (StaticString, StaticString) =
            if isConnect {
                (":authority", "filter_removed_required_request_headers{missing_required_header:_:authority}")
            } else if stream.requestHeaders.has(.method) {
                (":path", "filter_removed_required_request_headers{missing_required_header:_:path}")
            } else {
                (":method", "filter_removed_required_request_headers{missing_required_header:_:method}")
            }
        return LocalReply(status: 503, body: "missing required header: \(name)", details: details, flags: .downstreamProtocolError)
    }
}
