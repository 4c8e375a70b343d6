extension LuaReference {
    /// What Envoy gives to scripts.
    package static let objects: [Object] = [
        streamHandle, headerMap, buffer, metadataMap, metadataOwner, streamInfo, connectionStreamInfo, filterState, connection,
        sslConnection, parsedName, publicKey, statsScope, counter, gauge, histogram, job,
    ]

    private static let log: [Function] = ["Trace", "Debug", "Info", "Warn", "Err", "Critical"].map {
        Function("log\($0)(message: string)", "Writes `script log: <message>` to the proxy's log.")
    }

    private static let streamHandle = Object(
        "StreamHandle", "h", "What a hook is given: the message and all that belongs to it.",
        [
            Function(
                "headers() → HeaderMap", "The message's fields. They can be changed until the head has gone on.",
                Case("h:headers() == h:headers()", "true")),
            Function("requestHeaders() → HeaderMap", "The request's fields, in either hook."),
            Function(
                "body(always_wrap: boolean?) → Buffer or nil",
                "Waits for the whole body. nil for a message without one, unless `always_wrap` asks for an empty buffer.",
                Case("h:body()", "nil"), Case("h:body(true):length()", "0"),
                Case("h:body('x')", "bad argument #1 to 'body' (boolean expected, got string)")),
            Function("bodyChunks() → iterator", "`for chunk in handle:bodyChunks()`: each piece as it comes. The head goes on first."),
            Function("trailers() → HeaderMap or nil", "Waits for the trailers."),
            Function(
                "httpCall(cluster: string, headers: table, body: string?, timeout_or_options: any, asynchronous: boolean?) → headers, body",
                "Asks a service and waits for its answer: a table of fields and the body or nil. Options: `timeout_ms`, `asynchronous`, `return_duplicate_headers`, `send_xff`, `trace_sampled`.",
                Case("h:httpCall('none', {}, nil, 0)", "http call cluster invalid. Must be configured"),
                Case("h:httpCall('main', {}, nil, -1)", "http call timeout must be >= 0"),
                Case("h:httpCall('main', {}, nil, 0)", "http call headers must include ':path', ':method', and ':authority'"),
                Case("h:httpCall('main', {}, nil, {bogus = 1})", "\"bogus\" is not valid key for httpCall() options"),
                Case("h:httpCall('main', {}, nil, 0, 'x')", "http call asynchronous flag must be 'true', 'false', or empty")),
            Function(
                "respond(headers: table, body: string?)",
                "Answers the request, or replaces the response while its head has not gone out. The hook ends here.",
                Case("h:respond({})", ":status must be between 200-599"),
                Case("h:respond({[':status'] = '999'})", ":status must be between 200-599")),
            Function("metadata() → MetadataMap", "The route's metadata under the filter's name."),
            Function("filterContext() → MetadataMap", "`filter_context` of the route, or of the filter."),
            Function("route() → MetadataOwner", "The route."),
            Function("virtualHost() → MetadataOwner", "The virtual host."),
            Function("streamInfo() → StreamInfo", "What is known of the stream."),
            Function("connection() → Connection", "The client's connection."),
            Function("connectionStreamInfo() → ConnectionStreamInfo", "What is known of the connection alone."),
            Function("clearRouteCache()", "Has the route computed anew when it is next needed. Does nothing in the response hook and in a filter of a cluster."),
            Function(
                "setUpstreamOverrideHost(host: string, strict: boolean?)",
                "Sends the request to this host (`ip:port`) of the cluster; to none if it is not there and `strict` is given.",
                Case("h:setUpstreamOverrideHost('example.com')", "host is not a valid IP address"),
                Case("h:setUpstreamOverrideHost('1.2.3.4', 1)", "bad argument #2 to 'setUpstreamOverrideHost' (boolean expected, got number)")),
            Function("stats() → StatsScope", "Statistics of the script's own, below the filter's."),
            Function(
                "base64Escape(bytes: string) → string", "Base64 with padding.", Case("h:base64Escape('a\\0b')", "YQBi")),
            Function(
                "base64Decode(text: string) → string or nil", "The bytes, nil when it is no Base64.",
                Case("h:base64Decode('YWI=')", "ab"), Case("h:base64Decode('?')", "nil")),
            Function(
                "importPublicKey(der: string, count: number) → PublicKey", "Takes a key for `verifySignature`; a hook has one.",
                Case("h:importPublicKey('x', 1):get()", "nil")),
            Function(
                "verifySignature(hash: string, key: string, signature: string, signature_count: number, data: string, data_count: number) → boolean, message",
                "Checks a signature. Hashes: sha1, sha224, sha256, sha384, sha512.",
                Case("h:verifySignature('sha256', 'x', 's', 1, 'd', 1)", "invalid public key")),
            Function(
                "timestamp(resolution: any?) → number", "Milliseconds since 1970.",
                Case("h:timestamp(EnvoyTimestampResolution.MICROSECOND)", "timestamp format must be MILLISECOND.")),
            Function(
                "timestampString(resolution: any?) → string", "The time in milliseconds or microseconds, as text.",
                Case("#h:timestampString(EnvoyTimestampResolution.MICROSECOND)", "16"),
                Case("h:timestampString(7)", "timestamp format must be MILLISECOND or MICROSECOND.")),
        ] + log)

    private static let headerMap = Object(
        "HeaderMap", "h:headers()", "Fields of a head or of trailers. `pairs()` gives all in their order; meanwhile nothing can be changed.",
        [
            Function(
                "get(name: string) → string or nil", "All values of a field, joined with commas.",
                Case("h:headers():get('X-A')", "1,2"), Case("h:headers():get('x-none')", "nil")),
            Function(
                "getAtIndex(name: string, index: number) → string or nil", "One value, counted from 0.",
                Case("h:headers():getAtIndex('x-a', 1)", "2"), Case("h:headers():getAtIndex('x-a', -1)", "nil")),
            Function("getNumValues(name: string) → number", "How many values a field has.", Case("h:headers():getNumValues('x-a')", "2")),
            Function(
                "add(name: string, value: string)", "Adds a field.",
                Case("h:headers():add('x-b', nil)", "bad argument #2 to 'add' (string expected, got nil)"),
                Case("h:headers():add('x-b', 'a\\nb')", "invalid header value for: x-b", envoy: "nil"),
                Case(
                    "(function() for k in pairs(h:headers()) do h:headers():add('x-b', '1') end end)()",
                    "header map cannot be modified while iterating")),
            Function("replace(name: string, value: string)", "Sets a field to one value."),
            Function("remove(name: string)", "Removes a field, if it is there."),
            Function("setHttp1ReasonPhrase(phrase: string)", "The phrase of an HTTP/1 status line; does nothing elsewhere."),
        ] + log)

    private static let buffer = Object(
        "Buffer", "h:body(true)", "A body, or a piece of it.",
        [
            Function("length() → number", "Bytes."),
            Function(
                "getBytes(index: number, count: number) → string", "A part, counted from 0.",
                Case("h:body(true):getBytes(0, 0)", ""),
                Case(
                    "h:body(true):getBytes(0, 1)",
                    "index/length must be >= 0 and (index + length) must be <= buffer size")),
            Function("setBytes(bytes: string) → number", "Replaces it, and `content-length` with it; returns the new length."),
        ] + log)

    private static let metadataMap = Object(
        "MetadataMap", "h:streamInfo():dynamicMetadata()", "Metadata, by key; `pairs()` goes through it.",
        [
            Function("get(key: string) → value or nil", "A value as Lua's own: table, string, number or boolean."),
            Function(
                "set(filter: string, key: string, value: any)", "Sets a key of the stream's dynamic metadata.",
                Case("h:streamInfo():dynamicMetadata():set('a', 'k', {1, x = 2})", "unexpected type number in table key (only string keys are supported)"),
                Case("h:streamInfo():dynamicMetadata():set('a', 'k', print)", "unexpected type 'function' in dynamicMetadata"),
                Case(
                    "h:metadata():set('a', 'k', 1)", "metadata of the configuration cannot be modified",
                    envoy: "attempt to call method 'set' (a nil value)")),
        ] + log)

    private static let metadataOwner = Object(
        "MetadataOwner", "h:route()", "What metadata belongs to.",
        [Function("metadata() → MetadataMap", "Its metadata under the filter's name.")] + log)

    private static let streamInfo = Object(
        "StreamInfo", "h:streamInfo()", "What is known of a stream.",
        [
            Function("protocol() → string", "`HTTP/1.1`, `HTTP/2`.", Case("h:streamInfo():protocol()", "HTTP/1.1")),
            Function("routeName() → string", "The route's name, empty without one.", Case("h:streamInfo():routeName()", "")),
            Function("virtualClusterName() → string", "The virtual cluster that the router found: empty before it, and for a request that none is for."),
            Function("requestedServerName() → string", "The server name of the TLS handshake."),
            Function("downstreamLocalAddress() → string", "`ip:port`."),
            Function("downstreamDirectLocalAddress() → string", "`ip:port` of the socket."),
            Function("downstreamRemoteAddress() → string", "The client after `x-forwarded-for`."),
            Function("downstreamDirectRemoteAddress() → string", "The other end of the socket."),
            Function("dynamicMetadata() → MetadataMap", "What filters left for each other, by filter."),
            Function(
                "dynamicTypedMetadata(name: string) → table or nil", "Nil: no filter leaves typed metadata of a stream.",
                Case("h:streamInfo():dynamicTypedMetadata('envoy.filters.listener.proxy_protocol')", "nil")),
            Function("filterState() → FilterState", "What filters left under names, with types."),
            Function("downstreamSslConnection() → SslConnection or nil", "The TLS session.", Case("h:streamInfo():downstreamSslConnection()", "nil")),
            Function("drainConnectionUponCompletion()", "Has the connection closed after its requests (`connection: close`, GOAWAY)."),
        ] + log)

    private static let connectionStreamInfo = Object(
        "ConnectionStreamInfo", "h:connectionStreamInfo()", "What is known of the connection alone.",
        [
            Function(
                "dynamicMetadata() → MetadataMap",
                "Metadata of listener filters, by filter: what `rules` of `proxy_protocol` take from the client's PROXY header, as text."),
            Function(
                "dynamicTypedMetadata(name: string) → table or nil",
                "The same as a message, with the bytes as they came: `{ typed_metadata = { KEY = bytes } }`; nil for a filter that left none.",
                Case("h:connectionStreamInfo():dynamicTypedMetadata('envoy.filters.listener.proxy_protocol')", "nil")),
        ] + log)

    private static let filterState = Object(
        "FilterState", "h:streamInfo():filterState()", "Objects that filters leave for each other.",
        [
            Function("get(name: string, field: string?) → string, number or nil", "An object as text."),
            Function(
                "set(name: string, factory: string, bytes: string)", "Makes an object; factories: \(FilterStateType.factories.keys.sorted().map { "`\($0)`" }.joined(separator: ", ")).",
                Case("h:streamInfo():filterState():set('a', 'x', 'v')", "'x' does not have an object factory"),
                Case(
                    "(function() local s = h:streamInfo():filterState() s:set('a', 'envoy.string', 'v') return s:get('a') end)()", "v"),
                Case(
                    "(function() local s = h:streamInfo():filterState() s:set('t1', 'envoy.network.ip', '10.0.0.1') return s:get('t1') end)()",
                    "10.0.0.1:0"),
                Case(
                    "(function() local s = h:streamInfo():filterState() s:set('t2', 'envoy.network.ip', '10.0.0.1:80') return s:get('t2') end)()",
                    "failed to create an object 't2' from value '10.0.0.1:80'"),
                Case(
                    "(function() local s = h:streamInfo():filterState() s:set('t3', 'envoy.network.ip', '::1') return s:get('t3') end)()",
                    "[::1]:0"),
                Case(
                    "(function() local s = h:streamInfo():filterState() s:set('t4', 'envoy.filters.listener.original_dst.local_ip', '10.0.0.1:80') return s:get('t4') end)()",
                    "10.0.0.1:80"),
                Case(
                    "(function() local s = h:streamInfo():filterState() s:set('t5', 'envoy.filters.listener.original_dst.local_ip', '10.0.0.1') return s:get('t5') end)()",
                    "failed to create an object 't5' from value '10.0.0.1'"),
                Case(
                    "(function() local s = h:streamInfo():filterState() s:set('t6', 'envoy.network.transport_socket.original_dst_address', '[::1]:80') return s:get('t6') end)()",
                    "[::1]:80"),
                Case(
                    "(function() local s = h:streamInfo():filterState() s:set('t7', 'envoy.bool', 'true') return s:get('t7') end)()",
                    "true"),
                Case(
                    "(function() local s = h:streamInfo():filterState() s:set('t8', 'envoy.bool', 'No') return s:get('t8') end)()",
                    "false"),
                Case(
                    "(function() local s = h:streamInfo():filterState() s:set('t14', 'envoy.bool', '2') return s:get('t14') end)()",
                    "failed to create an object 't14' from value '2'"),
                Case(
                    "(function() local s = h:streamInfo():filterState() s:set('t9', 'envoy.tcp_proxy.disable_tunneling', 'x') return s:get('t9') end)()",
                    "false"),
                Case(
                    "(function() local s = h:streamInfo():filterState() s:set('t10', 'envoy.tcp_proxy.per_connection_idle_timeout_ms', '5') return s:get('t10') end)()",
                    "5"),
                Case(
                    "(function() local s = h:streamInfo():filterState() s:set('t11', 'envoy.upstream.dynamic_port', 'x') return s:get('t11') end)()",
                    "failed to create an object 't11' from value 'x'"),
                Case(
                    "(function() local s = h:streamInfo():filterState() s:set('t12', 'envoy.ratelimit.hits_addend', '7') return s:get('t12') end)()",
                    "7"),
                Case(
                    "(function() local s = h:streamInfo():filterState() s:set('t13', 'envoy.network.upstream_subject_alt_names', 'a.test,b.test') return s:get('t13') end)()",
                    "a.test,b.test"),
                Case(
                    "(function() local s = h:streamInfo():filterState() s:set('envoy.network.upstream_server_name', 'envoy.network.upstream_server_name', 'a.test') return s:get('envoy.network.upstream_server_name') end)()",
                    "a.test"),
                Case(
                    "(function() local s = h:streamInfo():filterState() s:set('t15', 'envoy.network.application_protocols', 'h2') return s:get('t15') end)()",
                    "nil"),
                Case(
                    "(function() local s = h:streamInfo():filterState() s:set('envoy.network.application_protocols', 'envoy.string', 'h2') return s:get('envoy.network.application_protocols') end)()",
                    "h2"),
                Case(
                    "(function() local s = h:streamInfo():filterState() s:set('envoy.upstream.dynamic_host', 'envoy.upstream.dynamic_host', 'a.test') return s:get('envoy.upstream.dynamic_host') end)()",
                    "a.test")),
        ] + log)

    private static let connection = Object(
        "Connection", "h:connection()", "The client's connection.",
        [Function("ssl() → SslConnection or nil", "The TLS session.", Case("h:connection():ssl()", "nil"))] + log)

    private static let sslConnection = Object(
        "SslConnection", "", "A TLS session. What a certificate does not say is empty.",
        [
            ("peerCertificatePresented", "boolean"), ("peerCertificateValidated", "boolean"), ("uriSanLocalCertificate", "table"),
            ("uriSanPeerCertificate", "table"), ("dnsSansLocalCertificate", "table"), ("dnsSansPeerCertificate", "table"),
            ("oidsLocalCertificate", "table"), ("oidsPeerCertificate", "table"), ("sha256PeerCertificateDigest", "string"),
            ("serialNumberPeerCertificate", "string"), ("issuerPeerCertificate", "string"), ("subjectPeerCertificate", "string"),
            ("subjectLocalCertificate", "string"), ("parsedSubjectPeerCertificate", "ParsedX509Name or nil"),
            ("urlEncodedPemEncodedPeerCertificate", "string"), ("urlEncodedPemEncodedPeerCertificateChain", "string"),
            ("validFromPeerCertificate", "number"), ("expirationPeerCertificate", "number"), ("sessionId", "string"),
            ("ciphersuiteId", "string"), ("ciphersuiteString", "string"), ("tlsVersion", "string"),
        ].map { Function("\($0)() → \($1)", "As its name says.") } + log)

    private static let parsedName = Object(
        "ParsedX509Name", "", "The subject of a certificate in its parts.",
        [
            Function("commonName() → string", "The first common name."),
            Function("organizationName() → table", "The organisations."),
        ] + log)

    private static let publicKey = Object(
        "PublicKey", "h:importPublicKey('x', 1)", "A key that was imported.",
        [Function("get() → string or nil", "Its bytes, nil when they are no key.")] + log)

    private static let statsScope = Object(
        "StatsScope", "h:stats()", "Statistics below `http.<stat_prefix>.lua.<lua stat_prefix>.`",
        [
            Function("counter(name: string) → Counter", "A number that only grows."),
            Function("gauge(name: string) → Gauge", "A level."),
            Function(
                "histogram(name: string, unit: string?) → Histogram", "A distribution; units: ms, milliseconds, microseconds, nanoseconds, bytes, unspecified.",
                Case(
                    "h:stats():histogram('d', 'miles')",
                    "invalid histogram unit 'miles', expected 'ms', 'milliseconds', 'microseconds', 'nanoseconds', 'bytes', or 'unspecified'")),
        ] + log)

    private static let counter = Object(
        "Counter", "h:stats():counter('c')", "A number that only grows.",
        [
            Function("inc()", "Adds one."), Function(
                "add(amount: number)", "Adds an amount.",
                Case("h:stats():counter('c'):add(-1)", "counter add amount must be non-negative")),
            Function(
                "value() → number", "What this worker has counted.",
                Case("(function() local c = h:stats():counter('d') c:inc() c:add(2) return c:value() end)()", "3")),
        ] + log)

    private static let gauge = Object(
        "Gauge", "h:stats():gauge('g')", "A level.",
        [
            Function("inc()", "Adds one."), Function("dec()", "Takes one away."), Function("add(amount: number)", "Adds an amount."),
            Function("sub(amount: number)", "Takes an amount away."),
            Function("set(level: number)", "Sets the level.", Case("h:stats():gauge('g'):set(-1)", "gauge set value must be non-negative")),
            Function("value() → number", "The level of this worker."),
        ] + log)

    private static let histogram = Object(
        "Histogram", "h:stats():histogram('h')", "A distribution.",
        [
            Function(
                "recordValue(value: number)", "Records a value.",
                Case("h:stats():histogram('h'):recordValue(-1)", "histogram value must be non-negative"))
        ] + log)

    private static let job = Object(
        "Job", "", "What the function of a timer is called with (`heddle.every`, `heddle.timer`).",
        [
            Function(
                "httpCall(cluster: string, headers: table, body: string?, timeout_or_options: any, asynchronous: boolean?) → headers, body",
                "As that of a stream. An answer may have 1 MiB.", own: true)
        ])
}
