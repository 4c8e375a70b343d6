import BodyFields
import Bytes
import DataPlane
import HTTPModel
import Observability
import ProxyModel
import Reactor
import SwiftProtobuf

/// The forms of body that fields are found in.
enum BodyFormat: Int, CaseIterable {
    case json, form, grpc
}

/// One configured field.
struct BodyRouteField {
    let format: BodyFormat
    /// Among the fields of its format that a scan looks for.
    let index: Int
    /// As it is configured, for messages.
    let place: String
    let header: NamedText?
    let metadata: (filter: String, key: String)?
    let isRequired: Bool
    /// Bytes that its value may have.
    let longest: Int
}

/// A configuration of ``BodyRouteFilter`` in its checked form.
@WorkerActor final class BodyRoutePlan {
    typealias Message = Heddle_Filters_Http_BodyRoute_V1_BodyRoute

    static let defaultScanLimit = 64 * 1024
    static let defaultLongest = 256
    /// Bytes that a value may have at most: what a header field can carry in front of any service.
    static let mostLongest = 8192
    static let maximumFields = 64

    let fields: [BodyRouteField]
    let json: JSONFields
    let form: FormFields
    let grpc: GRPCFields
    let scanLimit: Int
    let overflow: Message.Overflow
    let duplicates: Message.Duplicate
    let rejectsInvalid: Bool
    let clearsRoute: Bool
    let stats: BodyRouteStats
    /// Set when every body is taken for this format.
    private let onlyFormat: BodyFormat?

    init(_ message: Message, _ context: FilterBuildContext) throws(ConfigProblem) {
        guard !message.fields.isEmpty else { throw ConfigProblem("at least one field is required", path: "fields") }
        guard message.fields.count <= Self.maximumFields else {
            throw ConfigProblem("at most \(Self.maximumFields) fields", path: "fields")
        }
        var places = BodyPlaces()
        var fields: [BodyRouteField] = []
        for (index, field) in message.fields.enumerated() {
            do throws(ConfigProblem) {
                fields.append(try places.add(field, context.filterName))
            } catch {
                throw error.within("fields[\(index)]")
            }
        }
        self.fields = fields
        let longest = fields.map(\.longest).max() ?? Self.defaultLongest
        json = JSONFields(places.pointers, longestValue: longest)
        do throws(FieldPathError) {
            form = try FormFields(places.names, longestValue: longest)
            grpc = try GRPCFields(places.paths, longestValue: longest)
        } catch {
            throw ConfigProblem("\(error)", path: "fields")
        }
        scanLimit = message.hasScanLimitBytes ? Int(message.scanLimitBytes.value) : Self.defaultScanLimit
        guard scanLimit > 0 else { throw ConfigProblem("must be greater than 0", path: "scan_limit_bytes") }
        overflow = message.onOverflow
        duplicates = message.onDuplicate
        rejectsInvalid = message.rejectInvalid
        clearsRoute = !message.keepRoute
        let formats = Set(fields.map(\.format))
        if message.ignoreContentType, formats.count > 1 {
            throw ConfigProblem("fields of one format are required, and there are several", path: "ignore_content_type")
        }
        onlyFormat = message.ignoreContentType ? formats.first : nil
        stats = context.stats.bodyRoute(prefix: context.statPrefix, statPrefix: message.statPrefix)
    }

    /// Whether a body that says itself that it is over the limit need not be read.
    var skipsLongBodies: Bool { overflow != .useFound && duplicates != .firstValue }

    /// What the request's body is to be read as; nil when no field can be in it.
    func format(of stream: Stream) -> BodyFormat? {
        if let onlyFormat { return onlyFormat }
        // Of several content types a service may take any: the first that a field is for counts.
        var index = stream.requestHeaders.firstIndex(of: .contentType)
        while let current = index {
            if let format = Self.format(stream.requestHeaders.value(at: current)), fields.contains(where: { $0.format == format }) {
                return format
            }
            index = stream.requestHeaders.firstIndex(of: .contentType, from: current + 1)
        }
        return nil
    }

    /// The format of a media type, its parameters left away.
    static func format(_ contentType: UnsafeRawBufferPointer) -> BodyFormat? {
        let end = contentType.offset(of: UInt8(ascii: ";")) ?? contentType.count
        let type = contentType.slice(0, end).trimmingWhitespace
        if type.equalsIgnoringCase("application/json") || type.equalsIgnoringCase("text/json") { return .json }
        if type.equalsIgnoringCase("application/x-www-form-urlencoded") { return .form }
        if type.count >= 16, type.slice(0, 16).equalsIgnoringCase("application/grpc") {
            return type.count == 16 || type[16] == UInt8(ascii: "+") ? .grpc : nil
        }
        return type.count > 5 && type.slice(type.count - 5, type.count).equalsIgnoringCase("+json") ? .json : nil
    }
}

/// The places of a configuration's fields, each once.
private struct BodyPlaces {
    private(set) var pointers: [JSONPointer] = []
    private(set) var names: [String] = []
    private(set) var paths: [GRPCFieldPath] = []

    @WorkerActor mutating func add(
        _ message: Heddle_Filters_Http_BodyRoute_V1_Field, _ filterName: String
    ) throws(ConfigProblem) -> BodyRouteField {
        let (format, index, place) = try place(message)
        let longest = message.hasMaxBytes ? Int(message.maxBytes.value) : BodyRoutePlan.defaultLongest
        guard (1...BodyRoutePlan.mostLongest).contains(longest) else {
            throw ConfigProblem("must be from 1 to \(BodyRoutePlan.mostLongest)", path: "max_bytes")
        }
        var metadata: (filter: String, key: String)?
        if message.hasMetadata {
            guard !message.metadata.key.isEmpty else { throw ConfigProblem("is required", path: "metadata.key") }
            metadata = (message.metadata.filter.isEmpty ? filterName : message.metadata.filter, message.metadata.key)
        }
        let header = message.header.isEmpty ? nil : try Self.header(message.header)
        guard header != nil || metadata != nil else { throw ConfigProblem("one of header, metadata is required") }
        return BodyRouteField(
            format: format, index: index, place: place, header: header, metadata: metadata, isRequired: message.required,
            longest: longest)
    }

    private mutating func place(
        _ message: Heddle_Filters_Http_BodyRoute_V1_Field
    ) throws(ConfigProblem) -> (BodyFormat, Int, String) {
        do throws(FieldPathError) {
            switch message.place {
            case .jsonPointer(let text): return (.json, Self.index(of: try JSONPointer(text), in: &pointers), text)
            case .formField(let name):
                guard !name.isEmpty else { throw .emptyName }
                return (.form, Self.index(of: name, in: &names), name)
            case .grpcField(let text): return (.grpc, Self.index(of: try GRPCFieldPath(text), in: &paths), text)
            case nil: break
            }
        } catch {
            throw ConfigProblem("\(error)")
        }
        throw ConfigProblem("one of json_pointer, form_field, grpc_field is required")
    }

    private static func index<Place: Equatable>(of place: Place, in places: inout [Place]) -> Int {
        if let known = places.firstIndex(of: place) { return known }
        places.append(place)
        return places.count - 1
    }

    /// Fields by which a message is framed or sent on; a body must not decide them.
    private static let reserved: Set<String> = [
        "host", "connection", "content-length", "expect", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding",
        "upgrade",
    ]

    private static func header(_ text: String) throws(ConfigProblem) -> NamedText {
        let header = NamedText(text.lowercased())
        guard HeaderRules.isValidName(header.bytes) else { throw ConfigProblem("\"\(text)\" is no header name", path: "header") }
        guard !reserved.contains(header.text) else {
            throw ConfigProblem("\"\(text)\" belongs to the connection and cannot be set by a body", path: "header")
        }
        return header
    }
}

/// A scan for the fields of one format.
@WorkerActor struct BodyScan {
    let plan: BodyRoutePlan
    let format: BodyFormat
    private var json: JSONScanner?
    private var form: FormScanner?
    private var grpc: GRPCScanner?

    init(_ plan: BodyRoutePlan, _ format: BodyFormat) {
        self.plan = plan
        self.format = format
        switch format {
        case .json: json = JSONScanner(plan.json)
        case .form: form = FormScanner(plan.form)
        case .grpc: grpc = GRPCScanner(plan.grpc)
        }
    }

    mutating func reset() {
        json?.reset()
        form?.reset()
        grpc?.reset()
    }

    mutating func feed(_ bytes: UnsafeRawBufferPointer) -> ScanProgress {
        json?.feed(bytes) ?? form?.feed(bytes) ?? grpc?.feed(bytes) ?? .complete
    }

    mutating func finish() -> ScanProgress {
        json?.finish() ?? form?.finish() ?? grpc?.finish() ?? .complete
    }

    var isDecided: Bool { json?.isDecided ?? form?.isDecided ?? grpc?.isDecided ?? true }

    var values: FieldValues { json?.values ?? form?.values ?? grpc?.values ?? FieldValues() }
}
