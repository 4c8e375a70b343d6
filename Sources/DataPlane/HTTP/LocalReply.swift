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
        // As for a host's answer; nothing is done where the request has not been routed.
        if case .known(let choice?) = routeState {
            choice.applyResponseMutations(to: self, attempts: info.upstreamAttemptCount)
        }
        if !reply.body.isEmpty { info.localReplyBody = .init(copying: String(decoding: reply.body, as: UTF8.self)) }
        responsePath.iteration.endSeen = !hasBody
        if bypassesFilters {
            deliverResponseHeaders(endStream: !hasBody)
        } else {
            runHeaders(.response, from: 0)
        }
        guard hasBody, state == .active, !responsePath.isStopped else { return }
        responsePath.iteration.endSeen = true
        reply.body.withUnsafeBytes { bytes in
            if bypassesFilters {
                deliverResponseData(bytes, endStream: true)
            } else {
                runData(.response, bytes, endStream: true, from: 0)
            }
        }
    }

    /// Puts an answer in the place of the response whose head `filter` holds back: the filters behind it see this one.
    package func replaceResponse(_ reply: LocalReply, from filter: HTTPFilter) {
        guard state == .active, responsePath.delivered == .head else { return }
        worker.eventBegan()
        defer { worker.eventEnded() }
        info.responseFlags.formUnion(reply.flags)
        info.responseCodeDetails = .literal(reply.details)
        isLocalReply = true
        requestPath.isStopped = true
        requestPath.buffer.removeAll()
        router.abandon()
        responsePath.reset()
        let hasBody = writeHead(of: reply)
        if case .known(let choice?) = routeState {
            choice.applyResponseMutations(to: self, attempts: info.upstreamAttemptCount)
        }
        if !reply.body.isEmpty { info.localReplyBody = .init(copying: String(decoding: reply.body, as: UTF8.self)) }
        responsePath.iteration.endSeen = !hasBody
        let position = filters.count - 1 - filter.index
        runHeaders(.response, from: position)
        guard hasBody, state == .active, !responsePath.isStopped else { return }
        responsePath.iteration.endSeen = true
        reply.body.withUnsafeBytes { runData(.response, $0, endStream: true, from: position) }
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
                reply.body.withUnsafeBytes { GRPCHeaders.writeMessage($0, to: &worker.scratchText) }
                responseHeaders.append(.grpcMessage, worker.scratchText.bytes)
            }
            write(reply.headers)
            return false
        }
        responseHeaders.set(.status, decimal: reply.status)
        if !reply.body.isEmpty {
            responseHeaders.set(.contentLength, decimal: reply.body.count)
            responseHeaders.append(.contentType, reply.contentType)
        }
        write(reply.headers)
        return !reply.body.isEmpty && !isHead
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
