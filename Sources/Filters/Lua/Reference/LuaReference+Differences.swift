extension LuaReference {
    /// Where scripts see something else than in Envoy.
    package static let differences: [Difference] = [
        Difference(
            what: "objects after a wait", envoy: "headers, buffer, metadata and the rest die when the hook waits",
            heddle: "they live until the hook ends; only a chunk of `bodyChunks()` dies with its turn. Counters, gauges and histograms may be kept for ever in both"),
        Difference(
            what: "how many statistics a script may make", envoy: "as many as it likes", heddle: "256 a filter; one more raises"),
        Difference(
            what: "`body()` after `httpCall()`", envoy: "raises when body has arrived meanwhile", heddle: "returns the body"),
        Difference(
            what: "what is not there: `get()` and `getAtIndex()` of headers, metadata and filter state, `getCluster()`, `body()`, `trailers()`",
            envoy: "no value at all, which `tostring()`, `tonumber()` and others refuse", heddle: "nil",
            cases: Case("tostring(h:headers():get('x-none'))", "nil", envoy: "bad argument #1 to 'tostring' (value expected)")),
        Difference(
            what: "`respond()` in the response hook", envoy: "raises", heddle: "replaces the response while its head has not gone out"),
        Difference(
            what: "a filter of a cluster", envoy: "runs while the connection is asked for; calls of `httpCall()` pass the filters of the cluster that they go to",
            heddle: "has let the request by before a connection is asked for; calls pass no filters"),
        Difference(
            what: "the key of `verifySignature()`", envoy: "what `get()` of an imported key returned", heddle: "that, or the key itself"),
        Difference(
            what: "`setBytes()` on a chunk", envoy: "may contradict the `content-length` that has been sent",
            heddle: "raises when the length would change after the head has gone out with a length"),
        Difference(
            what: "`content-length` and `transfer-encoding` that a script writes", envoy: "sent as they are",
            heddle: "what is sent is true: the length of the body, or none"),
        Difference(
            what: "names and values that a field cannot have, in `add()`, `replace()`, `respond()` and `httpCall()`",
            envoy: "names are sent as they are, values end at a NUL, a line break is sent by `respond()` and else fails the message when it is sent (503); a path may be empty or have white space; pseudo-headers that do not belong there are left out over HTTP/1",
            heddle: "raise in the script", cases: Case("h:headers():replace('x y', '1')", "invalid header name: x y", envoy: "nil")),
        Difference(
            what: "`:status` of a response that is removed, or set to what is not between 200 and 599", envoy: "answered with 502 if it is no number, or else sent",
            heddle: "raises"),
        Difference(
            what: "`add()` of a pseudo-header (and of `host`) that is there", envoy: "joins both values with a comma, which no host understands", heddle: "replaces the value",
            cases: Case("(function() h:headers():add(':path', '/z') return h:headers():get(':path') end)()", "/z", envoy: "/,/z")),
        Difference(
            what: "the order of pseudo-headers in `pairs()`", envoy: "of an HTTP/1 request `:authority`, `:path`, `:method`, `:scheme`",
            heddle: "`:method`, `:path`, `:authority`, `:scheme`; in both before all other fields"),
        Difference(
            what: "`1.5` in `filter_context` and metadata of a YAML file, without quotes", envoy: "text", heddle: "a number"),
        Difference(
            what: "a request without body whose method is made one that the proxy does not know", envoy: "has `content-length: 0`", heddle: "has none"),
        Difference(what: "the reason phrase of a 599 answer over HTTP/1", envoy: "`Last Unassigned Server Error Code`", heddle: "`Unknown`"),
        Difference(what: "a request whose `:authority` is removed", envoy: "is sent over HTTP/1 without a Host field", heddle: "has an empty one"),
        Difference(what: "a request that is made a CONNECT by its script", envoy: "503", heddle: "goes to the host as one"),
        Difference(
            what: "`connection`, `keep-alive`, `upgrade` and other fields of one connection that a script adds to a request or a call", envoy: "sent",
            heddle: "left out: the proxy's own connection is none of the message's business"),
        Difference(
            what: "a body that a script gives where there can be none (204, 304, HEAD)", envoy: "sent, and taken for the next response by the client",
            heddle: "not sent; `content-length` of an answer to HEAD is its length"),
        Difference(
            what: "an empty body that `body()` waited for, or that `body(true)` made and nobody filled", envoy: "goes on with `transfer-encoding: chunked`",
            heddle: "goes on as no body: `content-length: 0`, or nothing"),
        Difference(
            what: "`transfer-encoding` in a header map after `setBytes()`, and among the headers that `httpCall()` returns", envoy: "still there", heddle: "not there: the body has another framing now"),
        Difference(
            what: "where `bodyChunks()` cuts a body", envoy: "at what was read from the socket at once", heddle: "there, and at the ends of HTTP/1 chunks"),
        Difference(
            what: "a wait (`body()`, `httpCall()`) inside a coroutine of the script's own", envoy: "fails: `attempt to call a nil value`", heddle: "works"),
        Difference(
            what: "loops over metadata", envoy: "one after the other, each to its end, and nothing is set meanwhile; else they raise", heddle: "as many as wanted, also one in the other; values may be set meanwhile",
            cases: Case(
                "(function() pairs(h:filterContext()) pairs(h:filterContext()) return 'fine' end)()", "fine",
                envoy: "cannot create a second iterator before completing the first")),
        Difference(
            what: "`set()` on metadata of the configuration or the connection", envoy: "`attempt to call method 'set' (a nil value)`", heddle: "`metadata of the configuration cannot be modified`"),
        Difference(
            what: "bytes behind a NUL in texts (metadata, filter state, names of statistics)", envoy: "cut off", heddle: "kept",
            cases: Case(
                "(function() local m = h:streamInfo():dynamicMetadata() m:set('x', 'n', 'a\\0b') return #m:get('x').n end)()", "3", envoy: "1")),
        Difference(
            what: "names in dynamic metadata that are not UTF-8", envoy: "kept", heddle: "repaired (U+FFFD); values are kept"),
        Difference(
            what: "a list for dynamic metadata that is mostly holes (its last place beyond 64 and twice its values)", envoy: "filled up with nulls", heddle: "raises"),
        Difference(
            what: "places and counts that are no 32-bit numbers, as in `getBytes()`", envoy: "wrap around", heddle: "are what they are"),
        Difference(
            what: "a `host` field that a script gives a response", envoy: "sent", heddle: "the script sees it; over HTTP/1 it is left out, as it belongs to requests"),
        Difference(
            what: "`routeName()` after the script changed the request", envoy: "of the route as it was, until the next route is needed", heddle: "of the route as it is now"),
        Difference(
            what: "`setUpstreamOverrideHost()` with nil for `strict`, or an IPv6 address without brackets", envoy: "raises", heddle: "takes nil for not given, and the address",
            cases: Case("h:setUpstreamOverrideHost('1.2.3.4', nil)", "nil", envoy: "bad argument #2 to 'setUpstreamOverrideHost' (boolean expected, got nil)"),
            Case("h:setUpstreamOverrideHost('::1')", "nil", envoy: "host is not a valid IP address")),
        Difference(
            what: "`stats():counter()` or `gauge()` under the name of one of the filter's own statistics", envoy: "another statistic of the same name", heddle: "the filter's own, or an error if it is of another kind"),
        Difference(
            what: "a gauge below 0", envoy: "wraps around to 2^64", heddle: "is negative",
            cases: Case("(function() local g = h:stats():gauge('below') g:set(0) g:dec() return g:value() end)()", "-1", envoy: "1.844674407371e+19")),
        Difference(
            what: "`importPublicKey()` with a count that is below 0 or no number of 31 bits", envoy: "raises `C++ exception`", heddle: "takes none of the bytes, or all",
            cases: Case("type(h:importPublicKey('x', -1))", "userdata", envoy: "C++ exception")),
        Difference(
            what: "`x-forwarded-for` of calls", envoy: "the machine's address", heddle: "the address of the proxy that the client connected to"),
        Difference(
            what: "the metatable of an object", envoy: "a table that scripts can change for all", heddle: "hidden: `getmetatable()` returns false",
            cases: Case("type(getmetatable(h))", "boolean", envoy: "table")),
        Difference(
            what: "wrong arguments in a call that is the last of its function (`return h:base64Escape({})`)", envoy: "`bad argument #2 to '?'`", heddle: "`bad argument #1 to 'base64Escape'`, as elsewhere",
            cases: Case(
                "(function() return h:base64Escape({}) end)()", "bad argument #1 to 'base64Escape' (string expected, got table)",
                envoy: "bad argument #2 to '?' (string expected, got table)")),
        Difference(
            what: "functions in a table of headers or options, and names and places in one table", envoy: "options: true; lists of values: their values; else messages of their own",
            heddle: "raise"),
        Difference(
            what: "lines of the log", envoy: "`script log: <message>`, with line breaks and bytes as they are",
            heddle: "control characters are escaped and what is not UTF-8 is repaired; behind an error stand filter, hook, route and the calls that led to it"),
        Difference(
            what: "`filterState():set()` under `envoy.upstream.dynamic_host`, `envoy.upstream.dynamic_port`, `envoy.ratelimit.hits_addend`",
            envoy: "read by dynamic forward proxy clusters and by the rate limit filter",
            heddle: "kept, and read by scripts and logs alone: there are no such clusters and filters, whose configuration is refused. `envoy.network.upstream_server_name`, `upstream_subject_alt_names`, `application_protocols` and `transport_socket.original_dst_address` act as in Envoy"),
        Difference(
            what: "libraries", envoy: "all of LuaJIT's: `io`, `os.execute`, `ffi`, `debug`, `load`",
            heddle: "the safe ones; the others with `trust: TRUSTED`"),
        Difference(
            what: "a script that does not end", envoy: "stops the worker for ever",
            heddle: "gives others their turn every quarter of a millisecond, and is ended when its budget is spent"),
        Difference(
            what: "`package_paths`", envoy: "in front of Lua's own `package.path`, looked in whenever a script requires something",
            heddle: "the same with `trust: TRUSTED`; in the sandbox what lies there is read with the configuration, from patterns like `/dir/?.lua` and `/dir/?/init.lua`, and nothing else is looked in"),
        Difference(
            what: "`package_cpaths`", envoy: "in front of `package.cpath`", heddle: "the same with `trust: TRUSTED`, refused in the sandbox"),
        Difference(
            what: "`envoy_on_route()` that returns an empty text", envoy: "the proxy crashes", heddle: "503: there is no such cluster"),
        Difference(
            what: "`coroutine.yield()` in `envoy_on_route()`", envoy: "503: there is no such cluster", heddle: "an error: the default cluster"),
        Difference(
            what: "`envoy_on_route()` and `envoy_match()`", envoy: "all of LuaJIT's libraries, and as long as they take",
            heddle: "the safe libraries, and a millisecond; then the default cluster, or no match"),
        Difference(
            what: "memory of a script", envoy: "without a bound", heddle: "8 MiB, or what `limits` says; more raises `not enough memory`"),
    ]

    static let statisticsText = """

        ## Statistics

        Below `http.<stat_prefix>.lua.`, or `cluster.<name>.lua.` for a filter of a cluster, then `<lua stat_prefix>.` if there is one. `lua.lua_vm_count` says how many machines the
        worker has.

        | name | counts |
        |---|---|
        | `errors` | scripts that raised an error or were ended |
        | `executions` | hooks that were run |
        | `budget_exceeded` | scripts that were ended for their instructions; Heddle's own |
        | `deadline_exceeded` | scripts that were ended for their CPU time; Heddle's own |
        | `memory_exceeded` | hooks in which memory was refused; Heddle's own |
        | `http_calls` | calls of other services; Heddle's own |
        | `responses` | answers by `respond()`; Heddle's own |
        | `timer_runs` | runs of timers; Heddle's own |
        | `memory_bytes` | a level: what the filter's machines hold; Heddle's own |
        | `coroutines_active` | a level: hooks that wait, for a body, a call or their turn; Heddle's own |
        | `detached` | a level: 1 while the filter is out of the chain, since its scripts were ended again and again; Heddle's own |

        """
}
