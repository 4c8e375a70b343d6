import CNGHTTP2

/// Making the library's session and what it says first.
extension HTTP2Session {
    static func makeLibrarySession(role: HTTP2Role, options: HTTP2Options, memory: HTTP2Memory) -> OpaquePointer? {
        var option: OpaquePointer?
        guard nghttp2_option_new(&option) == 0, let option else { return nil }
        defer { nghttp2_option_del(option) }
        nghttp2_option_set_no_auto_window_update(option, 1)
        // Closed streams would be kept for a priority tree that nobody asks for.
        nghttp2_option_set_no_closed_streams(option, 1)
        // Unknown frames are skipped, but counted first: that needs a word on each type.
        for type in UInt8(10)...UInt8.max { nghttp2_option_set_user_recv_extension_type(option, type) }
        nghttp2_option_set_max_reserved_remote_streams(option, 0)
        nghttp2_option_set_max_deflate_dynamic_table_size(option, Int(options.headerTableSize))
        nghttp2_option_set_max_outbound_ack(option, options.abuse.maxOutboundControlFrames)
        // What a request may bring, its names twice because a rewritten one is longer; our own bounds are tighter.
        nghttp2_option_set_max_send_header_block_length(option, 1 << 20)

        var session: OpaquePointer?
        let callbacks = HTTP2Callbacks.shared.table
        var functions = memory.functions
        let result =
            switch role {
            case .server: nghttp2_session_server_new3(&session, callbacks, nil, option, &functions)
            case .client: nghttp2_session_client_new3(&session, callbacks, nil, option, &functions)
            }
        return result == 0 ? session : nil
    }

    /// Queues the first SETTINGS and the connection window.
    func submitPreface() -> Bool {
        var settings: [nghttp2_settings_entry] = [
            setting(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, UInt32(max(options.initialStreamWindow, 0))),
            setting(NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, UInt32(clamping: options.maxHeaderBytes)),
        ]
        if options.headerTableSize != 4096 {
            settings.append(setting(NGHTTP2_SETTINGS_HEADER_TABLE_SIZE, options.headerTableSize))
        }
        switch role {
        case .server:
            settings.append(setting(NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, options.maxConcurrentStreams))
            // Streams are served by RFC 9218; the dependency tree of RFC 7540 is not kept.
            settings.append(setting(NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1))
            if options.allowConnect { settings.append(setting(NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL, 1)) }
        case .client:
            settings.append(setting(NGHTTP2_SETTINGS_ENABLE_PUSH, 0))
        }
        guard nghttp2_submit_settings(library, UInt8(NGHTTP2_FLAG_NONE.rawValue), settings, settings.count) == 0 else {
            return false
        }
        let window = max(options.initialConnectionWindow, 65_535)
        return nghttp2_session_set_local_window_size(library, UInt8(NGHTTP2_FLAG_NONE.rawValue), 0, window) == 0
    }

    private func setting(_ id: nghttp2_settings_id, _ value: UInt32) -> nghttp2_settings_entry {
        nghttp2_settings_entry(settings_id: Int32(id.rawValue), value: value)
    }
}
