import Bytes
import HTTPCodec
package import HTTPModel
import Observability
import Reactor

/// A response that the proxy makes itself.
package struct LocalReply {
    package var status: Int
    package var body: String
    /// `%RESPONSE_CODE_DETAILS%`, in Envoy's words.
    package var details: StaticString
    package var flags: ResponseFlags
    /// Further header fields, lower-case names.
    package var headers: [(name: String, value: String)]
    package var contentType: StaticString
    /// Instead of the status' usual gRPC code, for a gRPC request.
    package var grpcStatus: UInt32?

    package init(
        status: Int, body: String = "", details: StaticString, flags: ResponseFlags = [],
        headers: [(name: String, value: String)] = [], contentType: StaticString = "text/plain", grpcStatus: UInt32? = nil
    ) {
        self.status = status
        self.body = body
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
        info.responseFlags.formUnion(reply.flags)
        guard responsePath.delivered == .head else {
            setDetails(reply.details)
            breakOffResponse([])
            return
        }
        info.responseCodeDetails = .literal(reply.details)
        isLocalReply = true
        requestPath.isStopped = true
        requestPath.buffer.removeAll()
        router.abandon()
        let bypassesFilters = responsePath.iteration != FilterIteration()
        responsePath.reset()
        let hasBody = writeHead(of: reply)
        if !reply.body.isEmpty { info.localReplyBody = .init(copying: reply.body) }
        responsePath.iteration.endSeen = !hasBody
        if bypassesFilters {
            deliverResponseHeaders(endStream: !hasBody)
        } else {
            runHeaders(.response, from: 0)
        }
        guard hasBody, state == .active, !responsePath.isStopped else { return }
        responsePath.iteration.endSeen = true
        var body = reply.body
        body.withUTF8 { bytes in
            if bypassesFilters {
                deliverResponseData(UnsafeRawBufferPointer(bytes), endStream: true)
            } else {
                runData(.response, UnsafeRawBufferPointer(bytes), endStream: true, from: 0)
            }
        }
    }

    /// - Returns: whether a body follows.
    private func writeHead(of reply: LocalReply) -> Bool {
        responseHeaders.reset()
        if isGRPC {
            responseHeaders.append(.status, "200")
            responseHeaders.append(.contentType, "application/grpc")
            let code = reply.grpcStatus ?? UInt32(GRPCStatus(httpStatus: reply.status).rawValue)
            responseHeaders.set(.grpcStatus, decimal: Int(code))
            info.grpcStatus = code
            if !reply.body.isEmpty {
                worker.scratchText.reset()
                var body = reply.body
                body.withUTF8 { GRPCHeaders.writeMessage(UnsafeRawBufferPointer($0), to: &worker.scratchText) }
                responseHeaders.append(.grpcMessage, worker.scratchText.bytes)
            }
            for header in reply.headers { responseHeaders.set(header.name, header.value) }
            return false
        }
        responseHeaders.set(.status, decimal: reply.status)
        if !reply.body.isEmpty {
            responseHeaders.set(.contentLength, decimal: reply.body.utf8.count)
            responseHeaders.append(.contentType, reply.contentType)
        }
        for header in reply.headers { responseHeaders.set(header.name, header.value) }
        return !reply.body.isEmpty && !isHead
    }
}
