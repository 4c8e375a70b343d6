import BodyFields
import Bytes
import DataPlane
import HTTPModel
import Observability
import ProxyModel
import Reactor
import SwiftProtobuf

/// `heddle.filters.http.body_route`: copies fields of a request's body into headers or dynamic metadata, and has the
/// route computed anew, so that ordinary routes decide by them.
///
/// The body waits until the fields are known, at most as much of it as the scan limit; a longer one goes on then, its
/// first byte before its last has come. See `docs/body-routing.md`.
///
/// ```yaml
/// - name: heddle.filters.http.body_route
///   typed_config:
///     "@type": type.googleapis.com/heddle.filters.http.body_route.v1.BodyRoute
///     fields:
///       - { json_pointer: /order/currency, header: x-currency }
///       - { form_field: currency, header: x-currency }
///       - { grpc_field: "3.1", metadata: { filter: shop, key: currency } }
///     scan_limit_bytes: 65536
///     on_overflow: IGNORE_BODY
///     on_duplicate: BAD_REQUEST
/// ```
///
/// A route may have fields of its own (`BodyRoutePerRoute.config`) or none (`disabled`).
struct BodyRouteType: HTTPFilterType {
    let messageNames = ["heddle.filters.http.body_route.v1.BodyRoute"]
    let routeMessageNames = ["heddle.filters.http.body_route.v1.BodyRoutePerRoute"]

    nonisolated init() {}

    func makeFactory(
        _ config: Google_Protobuf_Any, _ context: FilterBuildContext
    ) throws(ConfigProblem) -> any HTTPFilterFactory {
        let message: Heddle_Filters_Http_BodyRoute_V1_BodyRoute = try config.message()
        return BodyRouteFactory(
            name: context.filterName, plan: try BodyRoutePlan(message, context))
    }

    func makeRouteConfig(
        _ config: Google_Protobuf_Any, _ context: FilterBuildContext
    ) throws(ConfigProblem) -> any FilterRouteConfig {
        let message: Heddle_Filters_Http_BodyRoute_V1_BodyRoutePerRoute = try config.message()
        switch message.override {
        case .disabled(true): return NoBodyRoute()
        case .disabled: throw ConfigProblem("can only be true", path: "disabled")
        case .config(let own):
            do throws(ConfigProblem) {
                return BodyRouteConfig(try BodyRoutePlan(own, context))
            } catch {
                throw error.within("config")
            }
        case nil: throw ConfigProblem("one of disabled, config is required")
        }
    }
}

/// What a route has instead of the filter's own fields.
final class BodyRouteConfig: FilterRouteConfig {
    let plan: BodyRoutePlan

    init(_ plan: BodyRoutePlan) { self.plan = plan }
}

/// A route on which nothing is looked for. The filter still runs there, other than with `FilterConfig.disabled`, so that
/// no header that it alone may set comes from a client.
final class NoBodyRoute: FilterRouteConfig {}

@WorkerActor final class BodyRouteFactory: HTTPFilterFactory {
    let name: String
    let plan: BodyRoutePlan

    init(name: String, plan: BodyRoutePlan) {
        self.name = name
        self.plan = plan
    }

    func makeFilter() -> HTTPFilter { BodyRouteFilter(self) }
}

/// The filter of one stream: reads the body as it comes, decides once.
@WorkerActor final class BodyRouteFilter: HTTPFilter {
    private let factory: BodyRouteFactory
    /// What is looked for in the present request's body; nil when nothing is, or when it has been decided.
    private var plan: BodyRoutePlan?
    private var scan: BodyScan?
    private var limit = 0
    private var scanned = 0

    init(_ factory: BodyRouteFactory) {
        self.factory = factory
        super.init(name: factory.name, callbacks: .request)
    }

    override func reset() {
        plan = nil
        scanned = 0
    }

    override func onRequestHeaders(_ stream: Stream, endStream: Bool) -> HeadersVerdict {
        // Before the route is looked at: a client must not choose, by a header that only this filter may set, a route on
        // which the filter is switched off.
        removeTargets(of: factory.plan, stream)
        let route = stream.routeConfig(of: self)
        guard !(route is NoBodyRoute) else { return .proceed }
        let plan = (route as? BodyRouteConfig)?.plan ?? factory.plan
        if plan !== factory.plan { removeTargets(of: plan, stream) }
        guard stream.upgrade == nil, let format = plan.format(of: stream) else { return .proceed }
        self.plan = plan
        prepareScan(plan, format, bufferLimit: stream.config.bufferLimit)
        if endStream {
            settle(stream, .withoutBody)
            return .proceed
        }
        if plan.skipsLongBodies, let length = stream.requestHeaders.get(.contentLength)?.decimal, length > UInt64(limit) {
            settle(stream, .overflow)
            return .proceed
        }
        return .pause
    }

    override func onRequestData(
        _ stream: Stream, _ data: inout UnsafeRawBufferPointer, endStream: Bool
    ) -> DataVerdict {
        guard plan != nil else { return .proceed }
        let piece = data.slice(0, min(data.count, limit - scanned))
        var progress = scan?.feed(piece) ?? .complete
        scanned += piece.count
        if progress == .incomplete, isDecidedEarly { progress = .complete }
        if progress == .incomplete, piece.count < data.count {
            settle(stream, .overflow)
            return .proceed
        }
        if progress == .incomplete, endStream { progress = scan?.finish() ?? .complete }
        switch progress {
        case .invalid(let problem): settle(stream, .invalid(problem))
        case .complete: settle(stream, .read)
        case .incomplete: return .buffer
        }
        return .proceed
    }

    override func onRequestTrailers(_ stream: Stream) -> TrailersVerdict {
        guard plan != nil else { return .proceed }
        switch scan?.finish() {
        case .invalid(let problem)?: settle(stream, .invalid(problem))
        default: settle(stream, .read)
        }
        return .proceed
    }

    // MARK: Scanning

    private func removeTargets(of plan: BodyRoutePlan, _ stream: Stream) {
        var removed = false
        for field in plan.fields {
            if let header = field.header, stream.requestHeaders.remove(header.bytes) { removed = true }
        }
        if removed { stream.clearRouteCache() }
    }

    private func prepareScan(_ plan: BodyRoutePlan, _ format: BodyFormat, bufferLimit: Int) {
        limit = bufferLimit > 0 ? min(plan.scanLimit, bufferLimit) : plan.scanLimit
        scanned = 0
        if scan?.plan === plan, scan?.format == format { scan?.reset() } else { scan = BodyScan(plan, format) }
    }

    /// With the first of doubles counting, nothing that still comes matters once every field is known.
    private var isDecidedEarly: Bool { plan?.duplicates == .firstValue && scan?.isDecided == true }

    // MARK: Deciding

    /// Why no more of the body is read.
    private enum End {
        /// It was read as far as it counts.
        case read
        case withoutBody
        case overflow
        case invalid(ScanProblem)
    }

    private func settle(_ stream: Stream, _ end: End) {
        guard let plan, let scan else { return }
        self.plan = nil
        switch end {
        case .read, .withoutBody: break
        case .overflow:
            plan.stats[.overflow].add()
            switch plan.overflow {
            case .payloadTooLarge: return refuse(stream, plan, 413, "body too large to route by", "body_route_too_large")
            case .useFound: break
            default: return plan.stats[.missing].add()
            }
        case .invalid(let problem):
            plan.stats[.invalid].add()
            if plan.rejectsInvalid { return refuse(stream, plan, 400, "invalid body: \(problem)", "body_route_invalid_body") }
            // A more lenient reader may well find in it what must be there.
            guard let field = plan.fields.first(where: { $0.format == scan.format && $0.isRequired }) else {
                return plan.stats[.missing].add()
            }
            return refuseMissing(stream, plan, field)
        }
        let isOverflow = if case .overflow = end { true } else { false }
        copy(stream, plan, scan, requires: !isOverflow)
    }

    private func copy(_ stream: Stream, _ plan: BodyRoutePlan, _ scan: BodyScan, requires: Bool) {
        let hasDuplicates = scan.values.hasDuplicates
        if hasDuplicates {
            plan.stats[.duplicate].add()
            if plan.duplicates == .badRequest {
                return refuse(stream, plan, 400, "a field to route by is there more than once", "body_route_duplicate_field")
            }
        }
        var found = false
        for field in plan.fields where field.format == scan.format {
            let isRefused = scan.values.isDuplicate(field.index) && plan.duplicates != .firstValue
            if !isRefused, copy(field, from: scan.values, stream, plan) {
                found = true
            } else if field.isRequired, requires {
                return refuseMissing(stream, plan, field)
            }
        }
        plan.stats[found ? .found : .missing].add()
        if found, plan.clearsRoute { stream.clearRouteCache() }
    }

    /// - Returns: whether the field has a value that can be used.
    private func copy(_ field: BodyRouteField, from values: FieldValues, _ stream: Stream, _ plan: BodyRoutePlan) -> Bool {
        values.withBytes(field.index) { bytes in
            guard bytes.count <= field.longest, field.header == nil || Self.canBeHeader(bytes) else {
                plan.stats[.unusable].add()
                return false
            }
            if let header = field.header {
                stream.requestHeaders.set(header.bytes, bytes)
                stream.recorder?.note(.filter, "\(name): \(header.text)=\(bytes.text) (\(field.place))")
            }
            if let key = field.metadata {
                stream.info.metadataForWriting().set(
                    filter: key.filter, key: key.key, Self.metadata(values.kind(field.index), bytes))
            }
            return true
        } ?? false
    }

    /// A value with white space at its ends is read by the next one without it.
    private static func canBeHeader(_ bytes: UnsafeRawBufferPointer) -> Bool {
        HeaderRules.isValidValue(bytes) && bytes.trimmingWhitespace.count == bytes.count
    }

    private static func metadata(_ kind: FieldValues.Kind, _ bytes: UnsafeRawBufferPointer) -> MetadataValue {
        switch kind {
        case .true: .bool(true)
        case .false: .bool(false)
        case .null: .null
        case .number: Double(bytes.text).flatMap { $0.isFinite ? .number($0) : nil } ?? .string(bytes.text)
        default: .string(bytes.text)
        }
    }

    private func refuseMissing(_ stream: Stream, _ plan: BodyRoutePlan, _ field: BodyRouteField) {
        refuse(stream, plan, 400, "a field to route by is missing: \(field.place)", "body_route_missing_field")
    }

    private func refuse(_ stream: Stream, _ plan: BodyRoutePlan, _ status: Int, _ text: String, _ details: StaticString) {
        plan.stats[.rejected].add()
        stream.reply(LocalReply(status: status, body: text + "\n", details: details))
    }
}
