extension ConformanceCase {
    /// What a connection manager does to heads on the way.
    static let forwarding: [ConformanceCase] = [
        .get("xff: absent, taken as it is", "/rest"),
        .get("xff: kept inside the mesh", "/rest", with: ["x-forwarded-for: 1.2.3.4, 10.0.0.1"]),
        .get("xff: appended at the edge", "/rest", .edge, with: ["x-forwarded-for: 1.2.3.4"]),
        .get("xff: one trusted hop", "/headers", .hops, with: ["x-forwarded-for: 1.2.3.4, 5.6.7.8"]),
        .get("xff: trusted hop without the header", "/headers", .hops),
        .get("xff: not appended; via", "/rest", .appended, with: ["x-forwarded-for: 1.2.3.4"]),
        .get("xff: rubbish", "/headers", with: ["x-forwarded-for: rubbish"]),
        .get("xff: single internal address", "/rest", with: ["x-forwarded-for: 10.0.0.1", "x-envoy-max-retries: 3"]),
        .get("xfp: overwritten at the edge", "/rest", .edge, with: ["x-forwarded-proto: https"]),
        .get("xfp: kept behind a hop", "/rest", .hops, with: ["x-forwarded-proto: https", "x-forwarded-for: 1.2.3.4"]),
        .get(
            "internal headers: stripped outside", "/rest",
            with: [
                "x-forwarded-for: 8.8.8.8", "x-envoy-retry-on: 5xx", "x-envoy-internal: true",
                "x-envoy-expected-rq-timeout-ms: 1", "x-envoy-original-path: /x", "x-envoy-decorator-operation: y",
                "x-envoy-peer-metadata: z",
            ]),
        .get(
            "internal headers: at the edge", "/rest", .edge,
            with: ["x-envoy-upstream-rq-timeout-ms: 5000", "x-envoy-original-path: /x"]),
        .get("internal headers: kept inside", "/rest", .trusting, with: ["x-envoy-upstream-rq-timeout-ms: 5000"]),
        .get("request id: made", "/rest"),
        .get("request id: kept inside", "/rest", with: ["x-request-id: mine"]),
        .get(
            "request id: replaced at the edge", "/rest", .hops,
            with: ["x-request-id: mine", "x-forwarded-for: 8.8.8.8"]),
        .get(
            "request id: preserved and answered", "/rest", .named,
            with: ["x-request-id: mine", "x-forwarded-for: 8.8.8.8"]),
        .get("request id: none", "/rest", .strips),
        .get("server: overwritten", "/rest", script: "server"),
        .get("server: appended if absent", "/rest", .named, script: "server"),
        .get("server: default name", "/rest", .nameless),
        .get(
            "hop by hop: Connection nominates", "/rest",
            with: [
                "connection: x-hop, keep-alive", "x-hop: 1", "keep-alive: 5", "te: trailers",
                "proxy-connection: keep-alive",
            ]),
        .get("hop by hop: te other than trailers", "/rest", with: ["te: gzip"]),
        .get("hop by hop: of the upstream", "/rest", script: "hop"),
        .get("set-cookie: two fields", "/rest", script: "cookies"),
        .get("names: lower-cased towards both sides", "/rest", script: "upper", with: ["X-Mixed: Yes"]),
        .get("names: proper case", "/rest", .proper, script: "upper", with: ["x-mixed: Yes"]),
        .get("names: underscore allowed", "/rest", with: ["x_y: 1"]),
        .get("names: underscore rejected", "/rest", .underscores, with: ["x_y: 1"]),
        .get("values: obs-text", "/rest", with: ["x-text: caf\u{e9}"]),
        .get("values: empty and blanks", "/rest", with: ["x-empty:", "x-blank:   a b  "]),
        .get("user agent: kept", "/rest", with: ["user-agent: test"]),
        .get("grpc-timeout", "/rest", with: ["grpc-timeout: 1S", "content-type: application/grpc"]),
        .get("timeout header", "/rest", with: ["x-envoy-upstream-rq-timeout-ms: 900", "x-forwarded-for: 10.0.0.1"]),
    ]

    /// Paths before they are matched.
    static let paths: [ConformanceCase] = [
        .get("path: dot segments", "/rest/../admin/./x", .normal, host: "match.test"),
        .get("path: encoded dots", "/rest/%2e%2e/admin", .normal, host: "match.test"),
        .get("path: merged slashes", "//rest//a///b", .normal, host: "match.test"),
        .get("path: encoded letter", "/%61dmin", .normal, host: "match.test"),
        .get("path: backslash", "/rest\\..\\admin", .normal, host: "match.test"),
        .get("path: above the root", "/../../rest", .normal, host: "match.test"),
        .get("path: query is left alone", "/rest?x=/../y//z", .normal, host: "match.test"),
        .get("path: double encoding is left alone", "/rest/%252e%252e/admin", .normal, host: "match.test"),
        .get("path: case of escapes", "/rest/%c3%A9", .normal, host: "match.test"),
        .get("path: escaped NUL", "/rest/%00", .normal, host: "match.test"),
        .get("path: as it is", "/rest/../admin//x", host: "match.test"),
        .get("slashes: rejected", "/rest%2fadmin", .rejectSlash, host: "match.test"),
        .get("slashes: backslash rejected", "/rest%5cadmin", .rejectSlash, host: "match.test"),
        .get("slashes: forwarded", "/rest%2F..%2fadmin", .forwardSlash, host: "match.test"),
        .get("slashes: redirected", "/rest%2f..%2fadmin?a", .redirectSlash, host: "match.test"),
        .get("slashes: none to redirect", "/rest/a", .redirectSlash, host: "match.test"),
        .get("target: absolute form", "http://match.test/rest/x?y", host: "other.test"),
        .get("target: absolute form without a path", "http://match.test", host: "match.test"),
        .get("target: fragment", "/rest#part", host: "match.test"),
    ]
}
