/// How a peer broke HTTP/1.
public enum HTTP1Error: UInt8, Error, Equatable, Sendable, CaseIterable {
    /// The start line is none.
    case invalidStartLine
    case invalidMethod
    case invalidTarget
    /// A version other than 1.0 and 1.1.
    case unsupportedVersion
    /// HTTP/1.0 where it is not accepted.
    case lowVersion
    /// A lone CR, or a lone LF where it is not allowed.
    case invalidLineEnd
    case invalidFieldName
    /// A control character in a field value or reason phrase.
    case invalidFieldValue
    /// A line that continues the one before (obs-fold).
    case foldedField
    case underscoreInFieldName
    case headTooLarge
    case tooManyFields
    case trailersTooLarge
    case missingHost
    /// More than one Host, or one that is no authority.
    case invalidHost
    case invalidContentLength
    /// A second Content-Length.
    case duplicateContentLength
    case contentLengthAndChunked
    case invalidTransferEncoding
    /// A well-formed transfer coding other than chunked.
    case unsupportedTransferEncoding
    /// Transfer-Encoding where there can be none: HTTP/1.0, CONNECT, 1xx, 204.
    case transferEncodingNotAllowed
    /// Content-Length where there can be none: CONNECT, 1xx, 204.
    case contentLengthNotAllowed
    /// A request that asks for an upgrade and carries a body.
    case upgradeWithBody
    case unknownExpectation
    /// Connection nominates a field that says where a request goes or whence it came, or names too many.
    case wrongNomination
    case invalidChunk
    case chunkExtensionsTooLarge
    case tooManyInformationalHeads
    /// Bytes where no response is due.
    case unexpectedData
    /// The connection ended within a message.
    case incomplete

    /// The status to answer a request with. A response that failed is a 502.
    public var requestStatus: Int {
        switch self {
        case .unsupportedVersion: 505
        case .lowVersion: 426
        case .headTooLarge, .tooManyFields, .trailersTooLarge: 431
        case .unsupportedTransferEncoding: 501
        case .unknownExpectation: 417
        default: 400
        }
    }

    /// The reason in Envoy's words (`%RESPONSE_CODE_DETAILS%`) where it has them.
    public var detail: StaticString {
        switch self {
        case .invalidStartLine, .invalidMethod, .invalidLineEnd, .foldedField, .invalidContentLength,
            .duplicateContentLength, .invalidChunk, .incomplete:
            "http1.codec_error"
        case .invalidTarget: "http1.invalid_url"
        case .unsupportedVersion: "http1.unsupported_version"
        case .lowVersion: "low_version"
        case .invalidFieldName, .invalidFieldValue: "http1.invalid_characters"
        case .underscoreInFieldName: "http1.unexpected_underscore"
        case .headTooLarge: "http1.headers_too_large"
        case .tooManyFields: "http1.too_many_headers"
        case .trailersTooLarge: "http1.trailers_too_large"
        case .missingHost: "missing_host_header"
        case .invalidHost: "invalid_authority"
        case .contentLengthAndChunked: "http1.content_length_and_chunked_not_allowed"
        case .invalidTransferEncoding, .unsupportedTransferEncoding: "http1.invalid_transfer_encoding"
        case .transferEncodingNotAllowed: "http1.transfer_encoding_not_allowed"
        case .contentLengthNotAllowed: "http1.content_length_not_allowed"
        case .upgradeWithBody: "http1.body_disallowed"
        case .unknownExpectation: "http1.unknown_expectation"
        case .wrongNomination: "http1.connection_header_rejected"
        case .chunkExtensionsTooLarge: "http1.chunk_extensions_too_large"
        case .tooManyInformationalHeads: "http1.too_many_informational"
        case .unexpectedData: "http1.unexpected_data"
        }
    }
}
