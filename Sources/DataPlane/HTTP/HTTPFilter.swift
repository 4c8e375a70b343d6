public import Reactor

/// Which callbacks a filter wants; the chain never calls the others.
public struct FilterCallbacks: OptionSet, Sendable {
    /// One bit a callback.
    public let rawValue: UInt8

    /// A set by its bits.
    public init(rawValue: UInt8) { self.rawValue = rawValue }

    /// One flag a callback; a filter is called only for those that it names.
    package static let requestHeaders = FilterCallbacks(rawValue: 1 << 0)
    package static let requestData = FilterCallbacks(rawValue: 1 << 1)
    package static let requestTrailers = FilterCallbacks(rawValue: 1 << 2)
    package static let responseHeaders = FilterCallbacks(rawValue: 1 << 3)
    package static let responseData = FilterCallbacks(rawValue: 1 << 4)
    package static let responseTrailers = FilterCallbacks(rawValue: 1 << 5)

    /// All callbacks of one direction.
    package static let request = FilterCallbacks(rawValue: 0b000111)
    package static let response = FilterCallbacks(rawValue: 0b111000)

    /// Whether any of `others` is set.
    package func has(_ others: FilterCallbacks) -> Bool { rawValue & others.rawValue != 0 }
}

/// What a filter says to a head.
public enum HeadersVerdict: Equatable, Sendable {
    /// On to the next filter.
    case proceed
    /// The head stays here; body and trailers still come to this filter's callbacks. Goes on when one of them proceeds
    /// or by ``Stream/continueRequest(from:)`` and its twin. (Envoy: StopIteration.)
    case pause
    /// Head, body and trailers wait in front of this filter; a body over the buffer limit ends the stream with 413 or
    /// 500. (Envoy: StopAllIterationAndBuffer.)
    case pauseAndBuffer
    /// As ``pauseAndBuffer``, but over the limit the sender is slowed down instead. (StopAllIterationAndWatermark.)
    case pauseAndWatermark
}

/// What a filter says to a piece of body, or to trailers (which know only `proceed` and `pause`).
public enum DataVerdict: Equatable, Sendable {
    /// On to the next filter; if the head waits here, it goes first.
    case proceed
    /// Kept in the stream's buffer until this filter lets it go; over the limit the stream ends with 413 or 500.
    case buffer
    /// Kept likewise; over the limit the sender is slowed down.
    case bufferWithWatermark
    /// The filter took the bytes or drops them; nothing goes on.
    case consume
}

/// What a filter says to trailers.
public enum TrailersVerdict: Equatable, Sendable {
    case proceed
    case pause
}

/// One filter of one stream. Override only what ``callbacks`` names.
///
/// An object serves one stream at a time and is used again for others: ``reset()`` brings it back to its first state.
/// The class is open, and what its callbacks name is public, since only such a class can be subclassed by another module;
/// everything that a filter calls stays inside the package.
///
/// The stream's verbs may be called from any callback; a callback that ended the stream (a local reply, a reset) must
/// return at once, with any verdict.
@WorkerActor open class HTTPFilter {
    /// The name in the configuration, by which per-route configuration finds it.
    package let name: String
    package let callbacks: FilterCallbacks
    /// Place in the chain.
    package internal(set) var index = 0
    // Safety: the chain owns its filters.
    /// The chain of a cluster that the filter stands in; nil in that of a connection manager.
    unowned(unsafe) var upstream: UpstreamFilterChain?
    /// Whether it is a filter of a cluster.
    package var isUpstream: Bool { upstream != nil }

    package init(name: String, callbacks: FilterCallbacks) {
        self.name = name
        self.callbacks = callbacks
    }

    /// The head is in ``Stream/requestHeaders``.
    open func onRequestHeaders(_ stream: Stream, endStream: Bool) -> HeadersVerdict { .proceed }
    /// `data` may be pointed at other bytes, which this filter keeps valid until its next callback.
    open func onRequestData(_ stream: Stream, _ data: inout UnsafeRawBufferPointer, endStream: Bool) -> DataVerdict {
        .proceed
    }
    /// The fields are in ``Stream/requestTrailers``.
    open func onRequestTrailers(_ stream: Stream) -> TrailersVerdict { .proceed }
    /// The head is in ``Stream/responseHeaders``.
    open func onResponseHeaders(_ stream: Stream, endStream: Bool) -> HeadersVerdict { .proceed }
    open func onResponseData(_ stream: Stream, _ data: inout UnsafeRawBufferPointer, endStream: Bool) -> DataVerdict {
        .proceed
    }
    /// The fields are in ``Stream/responseTrailers``.
    open func onResponseTrailers(_ stream: Stream) -> TrailersVerdict { .proceed }
    /// The stream has ended, whoever ended it. What the filter began for it must end now.
    open func onStreamEnd(_ stream: Stream) {}
    /// Back to the first state, for the next stream.
    open func reset() {}
    /// Of a filter that runs scripts: where the one that it runs is configured. Asked for when the process crashes, so
    /// that it must not allocate.
    open var scriptInHand: String? { nil }
}

/// Makes the instances of one configured filter; shared by all streams of a filter chain.
@WorkerActor package protocol HTTPFilterFactory: AnyObject {
    /// The name in the configuration.
    var name: String { get }
    func makeFilter() -> HTTPFilter
}

/// Per-route configuration of a filter in its checked form, as its own module made it.
package protocol FilterRouteConfig: AnyObject {
    /// What holds where a wider scope (virtual host, route configuration) says something too.
    func merged(over outer: any FilterRouteConfig) -> any FilterRouteConfig
}

extension FilterRouteConfig {
    /// For most filters the most specific configuration alone holds.
    package func merged(over outer: any FilterRouteConfig) -> any FilterRouteConfig { self }
}

/// Says that the route switches a filter on that is off by default (`HttpFilter.disabled`), and nothing else of it.
package final class EnabledFilter: FilterRouteConfig {
    package init() {}
}

/// Says that the route switches the filter off (`FilterConfig.disabled`).
package final class DisabledFilter: FilterRouteConfig {
    package init() {}
}
