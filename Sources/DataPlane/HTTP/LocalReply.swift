import Bytes
import HTTPCodec
package import HTTPModel
import Observability
import Reactor

/// A response that the proxy makes itself.
package struct LocalReply {
    package var status: Int
    package var body: [UInt8]
    /// `%RESPONSE_CODE_DETAILS%`, in Envoy's words.
    package var details: StaticString
    package var flags: ResponseFlags
    /// Further header fields, lower-case names; a name that comes twice has two fields.
    package var headers: [(name: String, value: String)]
    package var contentType: StaticString
    /// Instead of the status' usual gRPC code, for a gRPC request.
    package var grpcStatus: UInt32?

    /// With a body of text, which may be empty.
    package init(
        status: Int, body: String = "", details: StaticString, flags: ResponseFlags = [],
        headers: [(name: String, value: String)] = [], contentType: StaticString = "text/plain",
        grpcStatus: UInt32? = nil
    ) {
        self.init(
            status: status, bytes: Array(body.utf8), details: details, flags: flags, headers: headers,
            contentType: contentType,
            grpcStatus: grpcStatus)
    }

    /// With a body that need not be text.
    package init(
        status: Int, bytes: [UInt8], details: StaticString, flags: ResponseFlags = [],
        headers: [(name: String, value: String)] = [], contentType: StaticString = "text/plain",
        grpcStatus: UInt32? = nil
    ) {
        self.status = status
        body = bytes
        self.details = details
        self.flags = flags
        self.headers = headers
        self.contentType = contentType
        self.grpcStatus = grpcStatus
    }
}

extension Stream {
    /// Answers in the host's place. The rest of the request is not looked at; what the router began ends. The answer
    /// passes the response filters, unless a response is already among them.
    package func reply(_ reply: LocalReply) {
        guard state == .active else { return }
        worker.eventBegan()
        defer { worker.eventEnded() }
        guard responsePath.delivered == .head else {
            setDetails(reply.details)
            breakOffResponse(reply.flags)
            return
        }
        let bypassesFilters = responsePath.iteration != FilterIteration()
        let body = take(reply, attempts: 0)
        guard bypassesFilters else {
            run(body, from: 0)
            return
        }
        deliverResponseHeaders(endStream: body.isEmpty)
        guard !body.isEmpty, state == .active, !responsePath.isStopped else { return }
        responsePath.iteration.endSeen = true
        body.withUnsafeBytes { deliverResponseData($0, endStream: true) }
    }

    /// Puts an answer in the place of the response whose head `filter` holds back: the filters behind it see this one. Of a
    /// cluster's filter, those of the connection manager do.
    package func replaceResponse(_ reply: LocalReply, from filter: HTTPFilter) {
        guard state == .active, responsePath.delivered == .head else { return }
        worker.eventBegan()
        defer { worker.eventEnded() }
        let position = filter.isUpstream ? 0 : responsePath.position(of: filter) + 1
        run(take(reply, attempts: info.upstreamAttemptCount), from: position)
    }

    /// Makes `reply` the stream's answer: its head stands in ``Stream/responseHeaders``, whatever was under way ends.
    /// - Parameter attempts: how often a host was asked, where the answer says so.
    /// - Returns: the body to send, empty for none.
    private func take(_ reply: LocalReply, attempts: UInt32) -> [UInt8] {
        info.responseFlags.formUnion(reply.flags)
        info.responseCodeDetails = .literal(reply.details)
        if let recorder { recorder.note(.reply, "\(reply.status) \(reply.details)") }
        isLocalReply = true
        if reply.status == 400 { isMalformed = true }
        requestPath.isStopped = true
        requestPath.buffer.removeAll()
        router.abandon()
        responsePath.reset()
        let body = writeHead(of: reply, attempts: attempts)
        responsePath.iteration.endSeen = body.isEmpty
        return body
    }

    /// Sends the answer through the response filters, beginning with the one at `position`.
    private func run(_ body: [UInt8], from position: Int) {
        runHeaders(responsePath, from: position)
        guard !body.isEmpty, state == .active, !responsePath.isStopped else { return }
        responsePath.iteration.endSeen = true
        body.withUnsafeBytes { runData(responsePath, $0, endStream: true, from: position) }
    }

    /// Puts the head together in Envoy's order: what the route says of responses, the answer's own fields, and then the
    /// configured rules for local replies, which see both.
    /// - Returns: the body to send, empty for none.
    private func writeHead(of reply: LocalReply, attempts: UInt32) -> [UInt8] {
        responseHeaders.reset()
        responseHeaders.set(.status, decimal: reply.status)
        info.responseCode = UInt16(clamping: reply.status)
        // As for a host's answer. A request whose head was refused has no route.
        if isRoutable, let choice = routeChoice {
            if info.clusterName == nil { info.clusterName = choice.clusterName }
            choice.applyResponseMutations(to: self, attempts: attempts)
        }
        write(reply.headers)
        if !reply.body.isEmpty { info.localReplyBody = .init(copying: String(decoding: reply.body, as: UTF8.self)) }
        var status = reply.status
        var body = reply.body
        let typeBefore = responseHeaders.get(.contentType)?.text
        let formatType = config.localReplies?.rewrite(self, status: &status, body: &body)
        if isGRPC {
            writeGRPC(reply, status: status, message: body)
            return []
        }
        guard !body.isEmpty else {
            responseHeaders.remove(.contentLength)
            responseHeaders.remove(.contentType)
            return []
        }
        responseHeaders.set(.contentLength, decimal: body.count)
        // A mapper that named a type has the last word; else the type goes with the body that it describes.
        let typeIsMapped = responseHeaders.get(.contentType)?.text != typeBefore
        if !typeIsMapped, typeBefore == nil || body != reply.body {
            if let formatType {
                responseHeaders.set(.contentType, formatType.bytes)
            } else {
                responseHeaders.set(.contentType, reply.contentType)
            }
        }
        return isHead ? [] : body
    }

    /// The answer as one head with the status in its fields; the body becomes the message.
    private func writeGRPC(_ reply: LocalReply, status: Int, message: [UInt8]) {
        responseHeaders.set(.status, decimal: 200)
        responseHeaders.set(.contentType, "application/grpc")
        responseHeaders.remove(.contentLength)
        let code = reply.grpcStatus ?? UInt32(GRPCStatus(httpStatus: status).rawValue)
        if responseHeaders.has(.grpcStatus) {
            info.grpcStatus = responseHeaders.get(.grpcStatus)?.decimal.map { UInt32(clamping: $0) }
        } else {
            responseHeaders.set(.grpcStatus, decimal: Int(code))
            info.grpcStatus = code
        }
        guard !message.isEmpty, !isHead else { return }
        worker.scratchText.reset()
        message.withUnsafeBytes { GRPCHeaders.writeMessage($0, to: &worker.scratchText) }
        responseHeaders.set(.grpcMessage, worker.scratchText.bytes)
    }

    private func write(_ headers: [(name: String, value: String)]) {
        for (index, header) in headers.enumerated() {
            if headers[..<index].contains(where: { $0.name == header.name }) {
                responseHeaders.append(header.name, header.value)
            } else {
                responseHeaders.set(header.name, header.value)
            }
        }
    }
}
