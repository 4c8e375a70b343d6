import Bytes
import HTTPCodec
import HTTPModel
import Observability
import Reactor

/// What the connection manager does to every request head before any filter sees it: what must not pass is answered,
/// the path becomes the one that everybody will see, and the headers that say where the request came from are ours.
@WorkerActor enum RequestHead {
    /// - Returns: false when the request has been answered here.
    static func accept(_ stream: Stream, endStream: Bool) -> Bool {
        let config = stream.config
        note(stream)
        stream.config.stats.requestBegan(stream.info.downstreamProtocol ?? .http11)
        if let explainer = config.explainer { explain(stream, explainer) }
        if let refusal = checkQuarantine(stream) ?? checkTarget(stream) {
            if config.switchedOff & config.explainerBit != 0 { stream.recorder = nil }
            stream.reply(refusal)
            return false
        }
        forwardingHeaders(stream)
        clientCertificate(stream)
        if config.generateRequestID { requestID(stream) }
        if config.hasEarlyMutations { config.earlyMutations.apply(to: stream, .request) }
        stream.isRoutable = true
        if config.switchedOff != 0 || stream.routes.switchesFilters { switchFilters(stream) }
        if stream.requestHeaders.has(.upgrade) || stream.requestHeaders.get(.method, is: "CONNECT"),
            let refusal = checkUpgrade(stream)
        {
            stream.reply(refusal)
            return false
        }
        return true
    }

    /// A recorder for a request that asks for its decisions, before the first of them that is the stream's own.
    private static func explain(_ stream: Stream, _ explainer: any ExplainingFilter) {
        guard explainer.isAsked(stream) else { return }
        let recorder = DecisionRecorder()
        recorder.note(.filterChain, stream.manager.connection.chainExplanation)
        stream.recorder = recorder
    }

    private static func switchFilters(_ stream: Stream) {
        stream.switchFilters()
        // Only the route tells whether the filter that explains is on.
        if stream.switchedOff & stream.config.explainerBit != 0 { stream.recorder = nil }
    }

    private static func note(_ stream: Stream) {
        stream.fingerprint = stream.requestHeaders.fingerprint
        stream.isHead = stream.requestHeaders.get(.method, is: "HEAD")
        if let type = stream.requestHeaders.get(.contentType) { stream.isGRPC = GRPCHeaders.isGRPC(contentType: type) }
    }

    /// A request like those that killed workers is not looked at any further.
    private static func checkQuarantine(_ stream: Stream) -> LocalReply? {
        guard let quarantine = stream.worker.quarantine, !quarantine.isEmpty, quarantine.holds(stream.fingerprint)
        else { return nil }
        stream.config.stats.requestQuarantined()
        // A filter may be what such requests kill, and it would see the answer.
        stream.switchedOff = .max
        stream.recorder?.note(.limit, "quarantine: such a request has killed workers")
        return LocalReply(
            status: 503, body: "request is in quarantine", details: "request_quarantined")
    }

    // MARK: Target

    private static func checkTarget(_ stream: Stream) -> LocalReply? {
        let config = stream.config
        let isConnect = stream.requestHeaders.get(.method, is: "CONNECT")
        guard stream.requestHeaders.has(.authority) || config.defaultHostForHTTP10 == nil else {
            if let host = config.defaultHostForHTTP10 { stream.requestHeaders.set(.authority, host.bytes) }
            return nil
        }
        if config.stripsTrailingDot { stripTrailingDot(stream) }
        switch config.stripsPort {
        case .none: break
        case .any: stripPort(stream, isConnect: isConnect, only: nil)
        case .matching: stripPort(stream, isConnect: isConnect, only: config.listenerPort)
        }
        if stream.requestHeaders.has(.path), !isConnect, let refusal = normalizePath(stream) { return refusal }
        return nil
    }

    /// `example.com.` is the same host as `example.com`; the dot may stand before a port.
    private static func stripTrailingDot(_ stream: Stream) {
        guard let value = stream.requestHeaders.get(.authority), let dot = value.lastIndex(of: UInt8(ascii: "."))
        else { return }
        if dot == value.count - 1 {
            stream.requestHeaders.set(.authority, value.slice(0, dot))
        } else if value[dot + 1] == UInt8(ascii: ":") {
            stream.worker.scratchText.reset()
            stream.worker.scratchText.append(value.slice(0, dot))
            stream.worker.scratchText.append(value.slice(dot + 1, value.count))
            stream.requestHeaders.set(.authority, stream.worker.scratchText.bytes)
        }
    }

    /// A CONNECT request keeps its port: it is where to connect to.
    private static func stripPort(_ stream: Stream, isConnect: Bool, only port: UInt16?) {
        guard !isConnect, let value = stream.requestHeaders.get(.authority), let authority = Authority(value),
            let present = authority.port, port == nil || port == present
        else { return }
        stream.requestHeaders.set(.authority, Authority.withoutPort(value))
    }

    private static func normalizePath(_ stream: Stream) -> LocalReply? {
        let config = stream.config
        guard let rules = config.pathRules else { return nil }
        switch rules.apply(to: &stream.requestHeaders) {
        case .unchanged, .changed: return nil
        case .rejected:
            config.stats.pathNormalizationFailed()
            return LocalReply(status: 400, details: "path_normalization_failed")
        case .redirect:
            config.stats.pathNormalizationRedirected()
            let path = stream.requestHeaders.get(.path)?.text ?? "/"
            return LocalReply(status: 307, details: "path_normalization_failed", headers: [("location", path)])
        }
    }

    /// What the route says of an upgrade counts before the connection manager's word. Without a route there is nothing
    /// to upgrade: the router answers.
    private static func checkUpgrade(_ stream: Stream) -> LocalReply? {
        guard let route = stream.route else { return nil }
        let isConnect = stream.requestHeaders.get(.method, is: "CONNECT")
        let named = isConnect ? nil : stream.requestHeaders.get(.upgrade)
        let token = named ?? UnsafeRawBufferPointer("connect")
        let own = route.upgrades.first { $0.type.bytes.equalsIgnoringCase(token) }
        if let upgrade = own.map({ $0.enabled ? $0 : nil }) ?? stream.config.upgrade(named: token) {
            stream.upgrade = upgrade
            return nil
        }
        stream.config.stats.upgradeRefused()
        return LocalReply(status: 403, details: "upgrade_failed")
    }

    // MARK: Where it came from

    /// x-forwarded-for, x-forwarded-proto, x-envoy-internal and the headers that only the mesh itself may set, by the
    /// rules of Envoy's "HTTP header sanitizing".
    private static func forwardingHeaders(_ stream: Stream) {
        let config = stream.config
        let direct = stream.info.downstreamDirectRemoteAddress
        var remote = direct
        if config.useRemoteAddress {
            if config.trustedHops > 0 {
                remote = ForwardedFor.address(stream.requestHeaders, hops: config.trustedHops - 1) ?? direct
            }
            if !config.skipForwardedForAppend, let direct {
                ForwardedFor.append(direct, to: &stream.requestHeaders, &stream.worker.scratchText)
            }
        } else if let forwarded = ForwardedFor.address(stream.requestHeaders, hops: config.trustedHops) {
            remote = forwarded
        }
        stream.info.downstreamRemoteAddress = remote
        let isSecure = stream.info.downstreamTLS != nil || stream.manager.isSecure
        if config.useRemoteAddress && config.trustedHops == 0 || !stream.requestHeaders.has(.xForwardedProto) {
            stream.requestHeaders.set(.xForwardedProto, isSecure ? "https" : "http")
        }
        if let via = config.via { stream.requestHeaders.append(.via, via.bytes) }
        if let scheme = config.schemeToSet {
            stream.requestHeaders.set(.scheme, scheme.bytes)
            stream.requestHeaders.set(.xForwardedProto, scheme.bytes)
        } else if !stream.requestHeaders.has(.scheme) {
            let forwarded = stream.requestHeaders.get(.xForwardedProto)
            let isHTTPS = isSecure && !(forwarded?.equals("http") ?? false) || forwarded?.equals("https") ?? false
            stream.requestHeaders.append(.scheme, isHTTPS ? "https" : "http")
        }
        if config.userAgent != nil { userAgent(stream) }
        let isInternal = isInternal(stream, remote)
        if isInternal {
            stream.requestHeaders.set(.xEnvoyInternal, "true")
        } else {
            stripInternal(stream, isEdge: config.useRemoteAddress)
            for name in stream.routes.internalOnlyHeaders { stream.requestHeaders.remove(name.bytes) }
            if config.useRemoteAddress, let ip = remote?.ip {
                stream.worker.scratchText.reset()
                ip.append(to: &stream.worker.scratchText)
                stream.requestHeaders.set(.xEnvoyExternalAddress, stream.worker.scratchText.bytes)
            }
        }
    }

    /// `add_user_agent`: which cluster, and which node of it, the request went through.
    private static func userAgent(_ stream: Stream) {
        guard let cluster = stream.config.userAgent else { return }
        stream.requestHeaders.set(.xEnvoyDownstreamServiceCluster, cluster.bytes)
        if stream.requestHeaders.get(.userAgent)?.isEmpty ?? true {
            stream.requestHeaders.set(.userAgent, cluster.bytes)
        }
        if let node = stream.config.serviceNode {
            stream.requestHeaders.set(UnsafeRawBufferPointer("x-envoy-downstream-service-node"), node.bytes)
        }
    }

    /// A request is internal when its client's address is in the ranges that the configuration calls so, none by
    /// default: at the edge the address of the socket's peer, elsewhere the one that x-forwarded-for holds.
    private static func isInternal(_ stream: Stream, _ remote: SocketAddress?) -> Bool {
        guard let ip = remote?.ip else {
            return stream.config.useRemoteAddress && remote != nil && stream.config.unixIsInternal
        }
        if !stream.config.useRemoteAddress {
            guard let value = stream.requestHeaders.get(.xForwardedFor), value.offset(of: UInt8(ascii: ",")) == nil
            else {
                return false
            }
        }
        return stream.config.internalRanges.contains { $0.contains(ip) }
    }

    /// Takes away what only Envoy-like proxies of the same mesh may say.
    private static func stripInternal(_ stream: Stream, isEdge: Bool) {
        let prefix = UnsafeRawBufferPointer("x-envoy-")
        var index = stream.requestHeaders.count - 1
        while index >= 0 {
            let name = stream.requestHeaders.name(at: index)
            if name.count > prefix.count, name[0] == UInt8(ascii: "x"), name.hasPrefix(prefix),
                isInternalName(name, isEdge)
            {
                stream.requestHeaders.remove(at: index)
            }
            index -= 1
        }
    }

    private static let edgeOnly: [StaticString] = [
        "x-envoy-decorator-operation", "x-envoy-downstream-service-cluster", "x-envoy-downstream-service-node",
        "x-envoy-original-path", "x-envoy-original-host",
    ]
    private static let kept: [StaticString] = [
        "x-envoy-peer-metadata", "x-envoy-peer-metadata-id", "x-envoy-attempt-count", "x-envoy-original-dst-host",
    ]

    private static func isInternalName(_ name: UnsafeRawBufferPointer, _ isEdge: Bool) -> Bool {
        if kept.contains(where: { name.equals($0) }) { return false }
        return isEdge || !edgeOnly.contains { name.equals($0) }
    }

    // MARK: Request id

    private static func requestID(_ stream: Stream) {
        if stream.requestHeaders.has(.xRequestID) {
            let isEdge = stream.config.useRemoteAddress && !stream.requestHeaders.has(.xEnvoyInternal)
            guard isEdge, !stream.config.preserveExternalRequestID else { return }
        }
        UUID4.write(stream.worker.random.next(), stream.worker.random.next()) {
            stream.requestHeaders.set(.xRequestID, $0)
        }
    }
}

/// x-forwarded-for as a list of addresses.
enum ForwardedFor {
    /// The address `hops` places before the last one; nil when there is none or it is no IP address.
    static func address(_ fields: borrowing HeaderBlock, hops: Int) -> SocketAddress? {
        guard let value = fields.get(.xForwardedFor) else { return nil }
        var rest = value
        var left = hops
        while true {
            let comma = rest.lastIndex(of: UInt8(ascii: ","))
            let element = comma.map { rest.slice($0 + 1, rest.count) } ?? rest
            if left == 0 {
                // A name or rubbish is no address: the peer of the socket stands for it.
                return SocketAddress.IP(element.trimmingWhitespace.text).map { SocketAddress($0, port: 0) }
            }
            guard let comma else { return nil }
            rest = rest.slice(0, comma)
            left -= 1
        }
    }

    static func append(_ address: SocketAddress, to fields: inout HeaderBlock, _ scratch: inout ByteWriter) {
        guard address.ip != nil else { return }
        scratch.reset()
        if let present = fields.get(.xForwardedFor), !present.isEmpty {
            scratch.append(present)
            scratch.append(UInt8(ascii: ","))
        }
        address.appendHost(to: &scratch)
        fields.set(.xForwardedFor, scratch.bytes)
    }
}

/// A random UUID (RFC 9562 section 5.4) as text.
enum UUID4 {
    static func write(_ high: UInt64, _ low: UInt64, _ body: (UnsafeRawBufferPointer) -> Void) {
        let high = high & 0xFFFF_FFFF_FFFF_0FFF | 0x4000
        let low = low & 0x3FFF_FFFF_FFFF_FFFF | 0x8000_0000_0000_0000
        withUnsafeTemporaryAllocation(byteCount: 40, alignment: 8) { text in
            let start = text.baseAddress.unsafelyUnwrapped
            // Four words of eight digits, cut by dashes into 8-4-4-4-12.
            let first = digits(UInt32(truncatingIfNeeded: high >> 32))
            let second = digits(UInt32(truncatingIfNeeded: high))
            let third = digits(UInt32(truncatingIfNeeded: low >> 32))
            let fourth = digits(UInt32(truncatingIfNeeded: low))
            start.storeBytes(of: first, as: UInt64.self)
            start.storeBytes(of: 0x2D, toByteOffset: 8, as: UInt8.self)
            start.storeBytes(of: UInt32(truncatingIfNeeded: second), toByteOffset: 9, as: UInt32.self)
            start.storeBytes(of: 0x2D, toByteOffset: 13, as: UInt8.self)
            start.storeBytes(of: UInt32(truncatingIfNeeded: second >> 32), toByteOffset: 14, as: UInt32.self)
            start.storeBytes(of: 0x2D, toByteOffset: 18, as: UInt8.self)
            start.storeBytes(of: UInt32(truncatingIfNeeded: third), toByteOffset: 19, as: UInt32.self)
            start.storeBytes(of: 0x2D, toByteOffset: 23, as: UInt8.self)
            start.storeBytes(of: UInt32(truncatingIfNeeded: third >> 32), toByteOffset: 24, as: UInt32.self)
            start.storeBytes(of: fourth, toByteOffset: 28, as: UInt64.self)
            body(UnsafeRawBufferPointer(start: start, count: 36))
        }
    }

    /// The eight hexadecimal digits of a number, the first in the lowest byte: each nibble is spread to a byte of its
    /// own, and those above 9 are moved on to the letters, all at once.
    private static func digits(_ value: UInt32) -> UInt64 {
        var spread = UInt64(value.byteSwapped)
        spread = (spread | spread << 16) & 0x0000_FFFF_0000_FFFF
        spread = (spread | spread << 8) & 0x00FF_00FF_00FF_00FF
        let nibbles = (spread >> 4 | spread << 8) & 0x0F0F_0F0F_0F0F_0F0F
        let letters = ((nibbles &+ 0x0606_0606_0606_0606) >> 4) & 0x0101_0101_0101_0101
        return nibbles &+ 0x3030_3030_3030_3030 &+ letters &* 0x27
    }
}
