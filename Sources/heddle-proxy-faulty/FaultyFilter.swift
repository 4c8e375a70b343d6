import Bytes
import DataPlane
import Glibc
import HTTPModel
import Reactor
import SwiftProtobuf

/// A filter that does what a filter must not: `/trap` breaks a promise of the language, `/abort` calls abort(3) and
/// `/hang` never returns, `/late` breaks a promise when the response comes. Other requests pass.
///
/// ```yaml
/// - name: faulty
///   typed_config: { "@type": type.googleapis.com/google.protobuf.Struct, value: {} }
/// ```
struct FaultyType: HTTPFilterType {
    let messageNames = ["google.protobuf.Struct"]

    nonisolated init() {}

    func makeFactory(
        _ config: Google_Protobuf_Any, _ context: FilterBuildContext
    ) throws(ConfigProblem) -> any HTTPFilterFactory {
        FaultyFactory(name: context.filterName)
    }
}

@WorkerActor final class FaultyFactory: HTTPFilterFactory {
    let name: String

    init(name: String) { self.name = name }

    func makeFilter() -> HTTPFilter { FaultyFilter(name: name, callbacks: [.requestHeaders, .responseHeaders]) }
}

@WorkerActor final class FaultyFilter: HTTPFilter {
    override func onRequestHeaders(_ stream: Stream, endStream: Bool) -> HeadersVerdict {
        guard let path = stream.requestHeaders.get(.path) else { return .proceed }
        if path.hasPrefix(UnsafeRawBufferPointer("/trap")) { preconditionFailure("a request asked for it") }
        if path.hasPrefix(UnsafeRawBufferPointer("/abort")) { abort() }
        if path.hasPrefix(UnsafeRawBufferPointer("/hang")) { while getpid() != 0 {} }
        return .proceed
    }

    override func onResponseHeaders(_ stream: Stream, endStream: Bool) -> HeadersVerdict {
        guard let path = stream.requestHeaders.get(.path) else { return .proceed }
        if path.hasPrefix(UnsafeRawBufferPointer("/late")) { preconditionFailure("a request asked for it") }
        return .proceed
    }
}
