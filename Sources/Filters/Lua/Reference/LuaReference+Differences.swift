extension LuaReference {
    /// Where scripts see something else than in Envoy.
    package static let differences: [Difference] = [
        Difference(
            what: "objects after a wait", envoy: "headers, buffer, metadata and the rest die when the hook waits",
            heddle: "they live until the hook ends; only a chunk of `bodyChunks()` dies with its turn"),
        Difference(
            what: "`body()` after `httpCall()`", envoy: "raises when body has arrived meanwhile", heddle: "returns the body"),
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
            what: "invalid names and values of fields", envoy: "fail the request when it is sent: 503", heddle: "raise in the script"),
        Difference(
            what: "removing `:status` of a response", envoy: "the response breaks off", heddle: "raises"),
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
