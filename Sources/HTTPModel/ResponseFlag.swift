/// Why a stream ended as it did, in Envoy's short words (`%RESPONSE_FLAGS%`).
///
/// The flag alone drives local reply, retry, log and metric. A stream may collect several.
package struct ResponseFlags: OptionSet, Hashable, Sendable {
    package let rawValue: UInt32

    package init(rawValue: UInt32) { self.rawValue = rawValue }

    /// No flag. (An empty literal is the same, but is put together at run time.)
    package static var none: ResponseFlags { ResponseFlags(rawValue: 0) }

    /// One flag a reason; ``names`` has the words for each.
    package static let failedLocalHealthCheck = ResponseFlags(rawValue: 1 << 0)
    package static let noHealthyUpstream = ResponseFlags(rawValue: 1 << 1)
    package static let upstreamRequestTimeout = ResponseFlags(rawValue: 1 << 2)
    package static let localReset = ResponseFlags(rawValue: 1 << 3)
    package static let upstreamRemoteReset = ResponseFlags(rawValue: 1 << 4)
    package static let upstreamConnectionFailure = ResponseFlags(rawValue: 1 << 5)
    package static let upstreamConnectionTermination = ResponseFlags(rawValue: 1 << 6)
    package static let upstreamOverflow = ResponseFlags(rawValue: 1 << 7)
    package static let noRouteFound = ResponseFlags(rawValue: 1 << 8)
    package static let delayInjected = ResponseFlags(rawValue: 1 << 9)
    package static let faultInjected = ResponseFlags(rawValue: 1 << 10)
    package static let rateLimited = ResponseFlags(rawValue: 1 << 11)
    package static let unauthorizedExternalService = ResponseFlags(rawValue: 1 << 12)
    package static let rateLimitServiceError = ResponseFlags(rawValue: 1 << 13)
    package static let downstreamConnectionTermination = ResponseFlags(rawValue: 1 << 14)
    package static let upstreamRetryLimitExceeded = ResponseFlags(rawValue: 1 << 15)
    package static let streamIdleTimeout = ResponseFlags(rawValue: 1 << 16)
    package static let invalidEnvoyRequestHeaders = ResponseFlags(rawValue: 1 << 17)
    package static let downstreamProtocolError = ResponseFlags(rawValue: 1 << 18)
    package static let upstreamMaxStreamDurationReached = ResponseFlags(rawValue: 1 << 19)
    package static let responseFromCacheFilter = ResponseFlags(rawValue: 1 << 20)
    package static let noFilterConfigFound = ResponseFlags(rawValue: 1 << 21)
    package static let durationTimeout = ResponseFlags(rawValue: 1 << 22)
    package static let upstreamProtocolError = ResponseFlags(rawValue: 1 << 23)
    package static let noClusterFound = ResponseFlags(rawValue: 1 << 24)
    package static let overloadManager = ResponseFlags(rawValue: 1 << 25)
    package static let dnsResolutionFailed = ResponseFlags(rawValue: 1 << 26)
    package static let dropOverload = ResponseFlags(rawValue: 1 << 27)
    package static let downstreamRemoteReset = ResponseFlags(rawValue: 1 << 28)

    /// Short and long name of each flag, in the order Envoy prints them.
    package static let names: [(flag: ResponseFlags, short: StaticString, long: StaticString)] = [
        (.failedLocalHealthCheck, "LH", "FailedLocalHealthCheck"),
        (.noHealthyUpstream, "UH", "NoHealthyUpstream"),
        (.upstreamRequestTimeout, "UT", "UpstreamRequestTimeout"),
        (.localReset, "LR", "LocalReset"),
        (.upstreamRemoteReset, "UR", "UpstreamRemoteReset"),
        (.upstreamConnectionFailure, "UF", "UpstreamConnectionFailure"),
        (.upstreamConnectionTermination, "UC", "UpstreamConnectionTermination"),
        (.upstreamOverflow, "UO", "UpstreamOverflow"),
        (.noRouteFound, "NR", "NoRouteFound"),
        (.delayInjected, "DI", "DelayInjected"),
        (.faultInjected, "FI", "FaultInjected"),
        (.rateLimited, "RL", "RateLimited"),
        (.unauthorizedExternalService, "UAEX", "UnauthorizedExternalService"),
        (.rateLimitServiceError, "RLSE", "RateLimitServiceError"),
        (.downstreamConnectionTermination, "DC", "DownstreamConnectionTermination"),
        (.upstreamRetryLimitExceeded, "URX", "UpstreamRetryLimitExceeded"),
        (.streamIdleTimeout, "SI", "StreamIdleTimeout"),
        (.invalidEnvoyRequestHeaders, "IH", "InvalidEnvoyRequestHeaders"),
        (.downstreamProtocolError, "DPE", "DownstreamProtocolError"),
        (.upstreamMaxStreamDurationReached, "UMSDR", "UpstreamMaxStreamDurationReached"),
        (.responseFromCacheFilter, "RFCF", "ResponseFromCacheFilter"),
        (.noFilterConfigFound, "NFCF", "NoFilterConfigFound"),
        (.durationTimeout, "DT", "DurationTimeout"),
        (.upstreamProtocolError, "UPE", "UpstreamProtocolError"),
        (.noClusterFound, "NC", "NoClusterFound"),
        (.overloadManager, "OM", "OverloadManagerTerminated"),
        (.dnsResolutionFailed, "DF", "DnsResolutionFailed"),
        (.dropOverload, "DO", "DropOverload"),
        (.downstreamRemoteReset, "DR", "DownstreamRemoteReset"),
    ]
}
