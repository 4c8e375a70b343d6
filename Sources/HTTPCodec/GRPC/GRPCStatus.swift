import Bytes

/// The codes of `grpc-status`.
public enum GRPCStatus: UInt8, CaseIterable, Sendable {
    case ok, cancelled, unknown, invalidArgument, deadlineExceeded, notFound, alreadyExists, permissionDenied
    case resourceExhausted, failedPrecondition, aborted, outOfRange, unimplemented, `internal`, unavailable, dataLoss
    case unauthenticated

    /// The name in capitals, as logs print it.
    public var name: StaticString {
        switch self {
        case .ok: "OK"
        case .cancelled: "CANCELLED"
        case .unknown: "UNKNOWN"
        case .invalidArgument: "INVALID_ARGUMENT"
        case .deadlineExceeded: "DEADLINE_EXCEEDED"
        case .notFound: "NOT_FOUND"
        case .alreadyExists: "ALREADY_EXISTS"
        case .permissionDenied: "PERMISSION_DENIED"
        case .resourceExhausted: "RESOURCE_EXHAUSTED"
        case .failedPrecondition: "FAILED_PRECONDITION"
        case .aborted: "ABORTED"
        case .outOfRange: "OUT_OF_RANGE"
        case .unimplemented: "UNIMPLEMENTED"
        case .internal: "INTERNAL"
        case .unavailable: "UNAVAILABLE"
        case .dataLoss: "DATA_LOSS"
        case .unauthenticated: "UNAUTHENTICATED"
        }
    }

    /// The value of `grpc-status`.
    public init?(headerValue: UnsafeRawBufferPointer) {
        guard headerValue.count <= 2, let number = headerValue.decimal, let code = GRPCStatus(rawValue: UInt8(number))
        else {
            return nil
        }
        self = code
    }

    /// The code for an HTTP status that came without `grpc-status`, and for local replies (the gRPC page
    /// "HTTP to gRPC Status Code Mapping", as Envoy has it).
    /// - Parameter rateLimitedAsResourceExhausted: Envoy's option of the rate limit filters for 429.
    public init(httpStatus: Int, rateLimitedAsResourceExhausted: Bool = false) {
        switch httpStatus {
        case 200: self = .ok
        case 400: self = .internal
        case 401: self = .unauthenticated
        case 403: self = .permissionDenied
        case 404: self = .unimplemented
        case 429: self = rateLimitedAsResourceExhausted ? .resourceExhausted : .unavailable
        case 502, 503, 504: self = .unavailable
        default: self = .unknown
        }
    }

    /// The HTTP status that says the same (google.rpc.Code), for statistics and transcoding.
    public var httpStatus: Int {
        switch self {
        case .ok: 200
        case .cancelled: 499
        case .invalidArgument, .failedPrecondition, .outOfRange: 400
        case .deadlineExceeded: 504
        case .notFound: 404
        case .alreadyExists, .aborted: 409
        case .permissionDenied: 403
        case .resourceExhausted: 429
        case .unimplemented: 501
        case .unavailable: 503
        case .unauthenticated: 401
        case .unknown, .internal, .dataLoss: 500
        }
    }
}
