public import Bytes
public import HTTPModel

/// Chunk framing (RFC 9112 section 7.1) and interim responses.
extension HTTP1Writer {
    /// Bytes that the framing around one chunk takes at most.
    public static let maximumChunkOverhead = 16 + 2 + 2

    /// Appends what stands before the data of a chunk. A chunk of no bytes would end the body, so there is none.
    public func writeChunkPrefix(_ size: Int, to writer: inout ByteWriter) {
        precondition(size > 0, "an empty chunk ends the body")
        writer.append(hexadecimal: UInt64(size))
        writer.append("\r\n")
    }

    /// Appends what stands behind the data of a chunk.
    public func writeChunkSuffix(to writer: inout ByteWriter) {
        writer.append("\r\n")
    }

    /// Appends the end of a chunked body without trailers.
    public func writeLastChunk(to writer: inout ByteWriter) {
        writer.append("0\r\n\r\n")
    }

    /// Appends the end of a chunked body with trailers. Fields that frame or route are left out.
    public func writeLastChunk(trailers: borrowing HeaderBlock, to writer: inout ByteWriter) {
        writer.reserve(trailers.byteCount + 4 * trailers.count + 16)
        writer.append("0\r\n")
        // Safety: room for all names, values and their punctuation was made above.
        var cursor = WriteCursor(writer.memory + writer.count)
        putFields(trailers.raw, trailers.count, leavingOut: ownFields, &cursor)
        cursor.endLine()
        writer.setCount(cursor.position - writer.memory)
    }

    /// Appends `100 Continue`.
    public func writeContinue(to writer: inout ByteWriter) {
        writer.append("HTTP/1.1 100 Continue\r\n\r\n")
    }
}
