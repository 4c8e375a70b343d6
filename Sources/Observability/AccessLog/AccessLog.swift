public import Bytes
public import HTTPModel

/// One configured access log: a format and where its lines go.
public final class AccessLog: Sendable {
    /// Longest line; a longer one is dropped and counted.
    public static let maximumLine = 64 * 1024

    /// How a line is made.
    public enum Format: Sendable {
        case text(SubstitutionFormat)
        case json(JSONFormat)
    }

    private let format: Format
    private let file: LogFile
    private let writer: LogFileWriter

    /// Opens the file. A text format must be made for ``SubstitutionFormat/Destination/logLine``; as in Envoy its lines
    /// end only where it has a newline.
    public init(_ format: Format, path: String, writer: LogFileWriter) throws(LogFileError) {
        self.format = format
        self.writer = writer
        file = try writer.open(path)
    }

    /// Appends the line of one stream.
    /// - Parameter scratch: the worker's buffer for lines; what is in it is lost.
    public func write(
        scratch: inout ByteWriter, request: borrowing HeaderBlock, response: borrowing HeaderBlock,
        trailers: borrowing HeaderBlock, info: borrowing StreamInfo
    ) {
        scratch.reset()
        switch format {
        case .text(let format):
            format.append(to: &scratch, request: request, response: response, trailers: trailers, info: info)
        case .json(let format):
            format.append(to: &scratch, request: request, response: response, trailers: trailers, info: info)
        }
        guard scratch.count <= AccessLog.maximumLine else {
            writer.dropped()
            return
        }
        file.append(scratch.bytes)
    }
}
