public import Bytes
public import HTTPModel

/// Text with Envoy's `%OPERATOR%`s, compiled once.
///
/// What is absent is printed as `-` (nothing with `omitsEmpty`). An operator that Envoy has and Heddle has not is an error,
/// and so is an unknown one. Nothing is allocated when the writer has grown to its size, but by `%DYNAMIC_METADATA%`.
public struct SubstitutionFormat: Sendable {
    /// Where the text goes, which decides what is done about bytes that could pretend to be something else.
    public enum Destination: Sendable {
        /// A header value: use ``appendHeaderValue(to:request:response:trailers:info:)``.
        case headerValue
        /// A line of a log: control characters, quotes and backslashes of values are escaped.
        case logLine
        /// A body: values stand as they are.
        case body
    }

    /// Envoy's default access log line.
    public static let defaultText = """
        [%START_TIME%] "%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%" %RESPONSE_CODE% %RESPONSE_FLAGS% \
        %BYTES_RECEIVED% %BYTES_SENT% %DURATION% %RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% "%REQ(X-FORWARDED-FOR)%" \
        "%REQ(USER-AGENT)%" "%REQ(X-REQUEST-ID)%" "%REQ(:AUTHORITY)%" "%UPSTREAM_HOST%"

        """

    let program: FormatProgram

    /// Compiles a format.
    /// - Parameters:
    /// - destination: decides how values are escaped.
    /// - omitsEmpty: write nothing instead of `-` for what has no value (`omit_empty_values`).
    public init(
        _ text: String, for destination: Destination, environment: FormatEnvironment, omitsEmpty: Bool = false
    ) throws(FormatError) {
        var builder = FormatBuilder(environment: environment)
        builder.constantEscaping = destination == .logLine ? .line : .none
        try builder.parse(text)
        program = FormatProgram(
            builder, escaping: builder.constantEscaping, omitsEmpty: omitsEmpty, instanceID: environment.instanceID)
    }

    /// Whether the text is the same for every stream.
    public var isConstant: Bool { program.isConstant }

    /// Appends the text for one stream. Empty blocks stand for messages that are not there.
    public func append(
        to writer: inout ByteWriter, request: borrowing HeaderBlock, response: borrowing HeaderBlock,
        trailers: borrowing HeaderBlock, info: borrowing StreamInfo
    ) {
        program.run(to: &writer, request: request, response: response, trailers: trailers, info: info)
    }

    /// Appends the text as a header value.
    /// - Returns: false, with nothing appended, when it would hold what no header value may (RFC 9110 section 5.5): the
    ///   field must then not be written.
    public func appendHeaderValue(
        to writer: inout ByteWriter, request: borrowing HeaderBlock, response: borrowing HeaderBlock,
        trailers: borrowing HeaderBlock, info: borrowing StreamInfo
    ) -> Bool {
        let mark = writer.count
        program.run(to: &writer, request: request, response: response, trailers: trailers, info: info)
        guard HeaderRules.isValidValue(writer.bytes.slice(mark, writer.count)) else {
            writer.truncate(to: mark)
            return false
        }
        return true
    }
}
