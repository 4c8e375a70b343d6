import Bytes
import DataPlane
import HTTPModel
import Observability
import ProxyModel
import Reactor
import SwiftProtobuf

/// `heddle.filters.http.explain`: shows in a response header why the request went where it did.
///
/// A request asks by a header, whatever its value. Who is not among `allowed_cidrs` (loopback when it is empty), by the
/// address of the connection itself, is not answered; the header goes no further in either case.
///
/// ```yaml
/// - name: heddle.filters.http.explain
///   typed_config:
///     "@type": type.googleapis.com/heddle.filters.http.explain.v1.Explain
///     request_header: x-heddle-explain
///     allowed_cidrs:
///       - { address_prefix: 10.0.0.0, prefix_len: 8 }
/// ```
struct ExplainType: HTTPFilterType {
    let messageNames = ["heddle.filters.http.explain.v1.Explain"]

    private static let defaultHeader = "x-heddle-explain"

    nonisolated init() {}

    func makeFactory(
        _ config: Google_Protobuf_Any, _ context: FilterBuildContext
    ) throws(ConfigProblem) -> any HTTPFilterFactory {
        let message: Heddle_Filters_Http_Explain_V1_Explain = try config.message()
        var ranges: [AddressRange] = []
        for (index, range) in message.allowedCidrs.enumerated() {
            guard let ip = SocketAddress.IP(range.addressPrefix) else {
                throw ConfigProblem(
                    "\"\(range.addressPrefix)\" is no IP address", path: "allowed_cidrs[\(index)].address_prefix")
            }
            ranges.append(AddressRange(ip, length: Int(range.prefixLen.value)))
        }
        let header = message.requestHeader.isEmpty ? Self.defaultHeader : message.requestHeader.lowercased()
        let name = NamedText(header)
        guard HeaderRules.isValidName(name.bytes) else {
            throw ConfigProblem("\"\(header)\" is no header name", path: "request_header")
        }
        return ExplainFactory(name: context.filterName, header: name, ranges: ranges)
    }
}

@WorkerActor final class ExplainFactory: ExplainingFilter {
    let name: String
    fileprivate let header: NamedText
    private let ranges: [AddressRange]

    init(name: String, header: NamedText, ranges: [AddressRange]) {
        self.name = name
        self.header = header
        self.ranges = ranges
    }

    var headerName: String { header.text }

    func makeFilter() -> HTTPFilter { ExplainFilter(self) }

    func isAsked(_ stream: Stream) -> Bool {
        stream.requestHeaders.firstIndex(of: header.bytes) != nil && allows(stream.info.downstreamDirectRemoteAddress)
    }

    /// Whether a connection from `address` may ask. One from a unix socket is as local as loopback.
    private func allows(_ address: SocketAddress?) -> Bool {
        guard let address else { return false }
        guard let ip = address.ip else { return ranges.isEmpty }
        return ranges.isEmpty ? ip.isLoopback : ranges.contains { $0.contains(ip) }
    }
}

@WorkerActor final class ExplainFilter: HTTPFilter {
    private let factory: ExplainFactory

    init(_ factory: ExplainFactory) {
        self.factory = factory
        super.init(name: factory.name, callbacks: .requestHeaders)
    }

    override func onRequestHeaders(_ stream: Stream, endStream: Bool) -> HeadersVerdict {
        stream.requestHeaders.remove(factory.header.bytes)
        return .proceed
    }
}
