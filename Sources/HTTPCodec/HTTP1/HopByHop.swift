import Bytes
public import HTTPModel

/// Fields that speak of one connection and end with it (RFC 9110 section 7.6.1).
public enum HopByHop {
    /// Removes the fields that must not be forwarded, those that `Connection` nominates among them.
    ///
    /// `te: trailers` stays, for gRPC asks for it. With `keepUpgrade`, `Upgrade` stays too (the writer adds the
    /// `Connection` to it). `Transfer-Encoding` goes; the writer frames the message again.
    public static func strip(_ fields: inout HeaderBlock, keepUpgrade: Bool) {
        // One look tells which of them are there: usually none, or a Connection that says keep-alive.
        let raw = fields.raw
        let wanted = all
        var found: UInt64 = 0
        for index in 0..<fields.count { found |= 1 &<< UInt64(raw.entries[index].known) }
        found &= wanted
        guard found != 0 else { return }

        if found & 1 &<< UInt64(NameIndex.connection) != 0 { removeNominated(&fields) }
        let keepsTrailers = found & 1 &<< UInt64(NameIndex.te) != 0 && acceptsTrailers(fields)
        var index = fields.count
        while index > 0 {
            index -= 1
            // Removal leaves the entries before it where they are.
            let known = raw.entries[index].known
            guard wanted &>> UInt64(known) & 1 != 0, !(keepUpgrade && known == NameIndex.upgrade) else { continue }
            fields.remove(at: index)
        }
        if keepsTrailers { fields.append(.te, "trailers") }
    }

    /// The fields that always go.
    private static let all: UInt64 = HeadFacts.bits([
        .connection, .keepAlive, .proxyConnection, .transferEncoding, .http2Settings, .upgrade, .te,
    ])

    /// Names that a peer cannot take away by nominating them: who the sender is, where the message goes, how it is
    /// framed, and what gateways before us said (the "hop-by-hop abuse" of CVE-2024-45806 and its kin).
    private static let protected: UInt64 = HeadFacts.bits([
        .host, .contentLength, .contentType, .contentEncoding, .te, .trailer, .expect, .cookie, .setCookie,
        .authorization, .via, .origin, .location, .xForwardedFor, .xForwardedProto, .xForwardedHost, .xForwardedPort,
        .xForwardedClientCert, .xRequestID, .xEnvoyInternal, .xEnvoyExternalAddress, .xEnvoyOriginalPath,
        .xEnvoyOriginalHost, .xEnvoyAttemptCount, .xEnvoyDownstreamServiceCluster, .xEnvoyExpectedRequestTimeoutMS,
        .xEnvoyDecoratorOperation, .traceparent, .tracestate, .grpcStatus, .grpcMessage, .grpcTimeout, .grpcEncoding,
        .cacheControl, .date,
    ])

    /// Beginnings of names that are protected as a family.
    private static let protectedPrefixes: [StaticString] = [":", "x-forwarded-", "x-envoy-", "x-heddle-", "x-b3-"]

    private static func removeNominated(_ fields: inout HeaderBlock) {
        // Copied first: fields change their places as others are removed. Nothing is allocated for the usual two tokens.
        var tokens: [[UInt8]] = []
        let raw = fields.raw
        for index in 0..<fields.count where raw.entries[index].known == NameIndex.connection {
            let value = fields.value(at: index)
            if HeadFacts.isKeepAlive(value) { continue }
            value.forEachListElement { token in
                if token.equalsIgnoringCase("close") || token.equalsIgnoringCase("keep-alive") { return }
                if token.equalsIgnoringCase("upgrade") || !HeaderRules.isValidName(token) { return }
                if tokens.count < maximumNominated { tokens.append(token.map { ASCII.lower($0) }) }
            }
        }
        for token in tokens {
            token.withUnsafeBytes { if !isProtected($0) { fields.remove($0) } }
        }
    }

    /// Names that are taken from `Connection` at most; the head's size bounds them anyway.
    private static let maximumNominated = 64

    private static func isProtected(_ name: UnsafeRawBufferPointer) -> Bool {
        if let known = KnownHeader.lookup(name) {
            if known == .upgrade || known.isPseudo || protected &>> UInt64(known.rawValue) & 1 != 0 { return true }
        }
        for prefix in protectedPrefixes where name.hasPrefix(UnsafeRawBufferPointer(prefix)) { return true }
        return false
    }

    private static func acceptsTrailers(_ fields: borrowing HeaderBlock) -> Bool {
        var index = fields.firstIndex(of: .te)
        var found = false
        while let current = index, !found {
            fields.value(at: current).forEachListElement { if $0.equalsIgnoringCase("trailers") { found = true } }
            index = fields.firstIndex(of: .te, from: current + 1)
        }
        return found
    }
}
