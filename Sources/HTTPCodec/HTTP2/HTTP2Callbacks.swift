import Bytes
import CNGHTTP2

/// The table of C functions that all sessions share: each finds the session in the user data and calls its method.
final class HTTP2Callbacks: Sendable {
    static let shared = HTTP2Callbacks()

    // Safety: filled in `init` and only read afterwards; lives as long as the process.
    nonisolated(unsafe) let table: OpaquePointer?

    private init() {
        var made: OpaquePointer?
        guard nghttp2_session_callbacks_new(&made) == 0, let made else {
            table = nil
            return
        }
        table = made
        HTTP2Callbacks.installInbound(made)
        HTTP2Callbacks.installOutbound(made)
    }

    private static func installInbound(_ table: OpaquePointer) {
        nghttp2_session_callbacks_set_on_begin_frame_callback(table) { _, header, user in
            HTTP2Callbacks.session(user) { $0.frameBegan(header.unsafelyUnwrapped.pointee) }
        }
        nghttp2_session_callbacks_set_on_begin_headers_callback(table) { _, frame, user in
            HTTP2Callbacks.session(user) { $0.headersBegan(frame.unsafelyUnwrapped) }
        }
        nghttp2_session_callbacks_set_on_header_callback(table) { _, _, name, nameCount, value, valueCount, _, user in
            HTTP2Callbacks.session(user) {
                $0.headerReceived(
                    name: UnsafeRawBufferPointer(start: name, count: nameCount),
                    value: UnsafeRawBufferPointer(start: value, count: valueCount))
            }
        }
        nghttp2_session_callbacks_set_on_invalid_header_callback(table) { _, frame, _, _, _, _, _, user in
            HTTP2Callbacks.session(user) { $0.invalidHeaderReceived(frame.unsafelyUnwrapped.pointee.hd.stream_id) }
        }
        nghttp2_session_callbacks_set_on_data_chunk_recv_callback(table) { _, _, id, bytes, count, user in
            HTTP2Callbacks.session(user) { $0.dataReceived(id: id, UnsafeRawBufferPointer(start: bytes, count: count)) }
        }
        nghttp2_session_callbacks_set_on_frame_recv_callback(table) { _, frame, user in
            HTTP2Callbacks.session(user) { $0.frameReceived(frame.unsafelyUnwrapped) }
        }
        nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(table) { _, frame, error, user in
            HTTP2Callbacks.session(user) { $0.invalidFrameReceived(frame.unsafelyUnwrapped, error) }
        }
        // Frames of other types have been counted when they began; their payload is skipped.
        nghttp2_session_callbacks_set_unpack_extension_callback(table) { _, _, _, _ in CallbackResult.cancel }
        nghttp2_session_callbacks_set_on_stream_close_callback(table) { _, id, code, user in
            HTTP2Callbacks.session(user) { $0.streamClosed(id: id, code: code) }
        }
    }

    private static func installOutbound(_ table: OpaquePointer) {
        nghttp2_session_callbacks_set_send_data_callback(table) { _, _, header, count, source, user in
            HTTP2Callbacks.session(user) {
                $0.sendData(header: header.unsafelyUnwrapped, count: count, source: source.unsafelyUnwrapped.pointee)
            }
        }
        nghttp2_session_callbacks_set_on_frame_send_callback(table) { _, frame, user in
            HTTP2Callbacks.session(user) { $0.frameSent(frame.unsafelyUnwrapped) }
        }
        nghttp2_session_callbacks_set_on_frame_not_send_callback(table) { _, frame, _, user in
            HTTP2Callbacks.session(user) { $0.frameNotSent(frame.unsafelyUnwrapped) }
        }
    }

    /// Where DATA frames take their bytes from.
    static let readData: nghttp2_data_source_read_callback = { _, _, _, limit, flags, source, user in
        HTTP2Callbacks.session(user) {
            $0.readData(limit: limit, flags: flags.unsafelyUnwrapped, source: source.unsafelyUnwrapped.pointee)
        }
    }

    // Safety: the user data is the session that owns the library's session; it is alive while the library calls.
    private static func session<Result>(
        _ user: UnsafeMutableRawPointer?, _ body: (HTTP2Session) -> Result
    ) -> Result {
        Unmanaged<HTTP2Session>.fromOpaque(user.unsafelyUnwrapped)._withUnsafeGuaranteedRef(body)
    }
}

/// What callbacks return.
enum CallbackResult {
    static let proceed: Int32 = 0
    /// The stream is reset, the connection goes on.
    static let resetStream = Int32(NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE.rawValue)
    /// The library stops at once; the session fails.
    static let failSession = Int32(NGHTTP2_ERR_CALLBACK_FAILURE.rawValue)
    /// The frame is ignored.
    static let cancel = Int32(NGHTTP2_ERR_CANCEL.rawValue)
    static let deferred = Int(NGHTTP2_ERR_DEFERRED.rawValue)
    static let wouldBlock = Int32(NGHTTP2_ERR_WOULDBLOCK.rawValue)
}
