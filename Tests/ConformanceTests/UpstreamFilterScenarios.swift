import TestKit

/// A cluster with HTTP filters, and a request to it.
struct UpstreamFilterScenario: Sendable {
    let name: String
    /// Items of the cluster's `http_filters`, before the codec.
    let filters: [String]
    var method = "GET"
    var fields: [String] = []
    var body = ""
    var script = "ok"
    /// The host speaks HTTP/2.
    var isHTTP2 = false
    /// More of the route's action, and of the route.
    var action = ""
    var route = ""

    init(
        _ name: String, _ filters: String..., method: String = "GET", fields: [String] = [], body: String = "", script: String = "ok",
        isHTTP2: Bool = false, action: String = "", route: String = ""
    ) {
        self.isHTTP2 = isHTTP2
        self.name = name
        self.filters = filters
        self.method = method
        self.fields = fields
        self.body = body
        self.script = script
        self.action = action
        self.route = route
    }

    static func lua(_ code: String, named name: String = "up", _ more: String = "") -> String {
        "{ name: \(name), \(more) typed_config: { \"@type\": type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua, "
            + "default_source_code: { inline_string: \"\(code)\" } } }"
    }

    private static func mutation(_ mutations: String) -> String {
        "{ name: mutation, typed_config: { \"@type\": type.googleapis.com/envoy.extensions.filters.http.header_mutation.v3.HeaderMutation, "
            + "mutations: { \(mutations) } } }"
    }

    private static func request(_ code: String) -> String { lua("function envoy_on_request(h) \(code) end") }
    private static func response(_ code: String) -> String { lua("function envoy_on_response(h) \(code) end") }

    private static func both(_ mark: String) -> String {
        lua("function envoy_on_request(h) h:headers():add('x-up', '\(mark)') end function envoy_on_response(h) h:headers():add('x-up', '\(mark)') end")
    }

    private static func perRoute(_ config: String) -> String { "typed_per_filter_config: { up: { \(config) } }" }
    private static let type = "\"@type\": type.googleapis.com/envoy"

    private static let call =
        "local a, b = h:httpCall('plain', { [':method'] = 'GET', [':path'] = '/called', [':authority'] = 'o' }, nil, 2000) h:headers():add('x-called', b)"

    static let all: [UpstreamFilterScenario] = [
        .init("order", both("one"), mutation("request_mutations: [{ append: { header: { key: x-up, value: two } } }], response_mutations: [{ append: { header: { key: x-up, value: two } } }]"), both("three")),
        .init(
            "the request as the router has made it",
            request("h:headers():add('x-seen', h:headers():get(':path') .. ' ' .. h:headers():get(':authority') .. ' ' .. h:headers():get('x-level') .. ' ' .. (h:headers():get('x-envoy-expected-rq-timeout-ms') or 'nil') .. ' ' .. h:streamInfo():routeName() .. ' ' .. h:streamInfo():virtualClusterName())"),
            action: "prefix_rewrite: /new, host_rewrite_literal: host.test", route: "request_headers_to_add: [{ header: { key: x-level, value: route } }]"),
        .init(
            "the response before the router has seen it",
            response("h:headers():add('x-seen', (h:headers():get('x-envoy-upstream-service-time') or 'nil') .. ' ' .. (h:headers():get('x-level') or 'nil') .. ' ' .. h:requestHeaders():get(':path') .. ' ' .. h:streamInfo():virtualClusterName())"),
            route: "response_headers_to_add: [{ header: { key: x-level, value: route } }]"),
        .init("the status counts that a filter writes", response("h:headers():replace(':status', '404')")),
        .init("a filter answers", lua("function envoy_on_request(h) h:respond({ [':status'] = '403', ['x-a'] = 'b' }, 'no') end function envoy_on_response(h) h:headers():add('x-up', 'ran') end")),
        .init("a filter answers after the body", request("local b = h:body() h:respond({ [':status'] = '418' }, 'got ' .. b:length())"), method: "POST", body: "hello"),
        .init("bodies replaced", lua("function envoy_on_request(h) h:body():setBytes('mine') end function envoy_on_response(h) h:body(true):setBytes('theirs') end"), method: "POST", body: "hello"),
        .init("a body for a request without one", request("h:body(true):setBytes('made up')")),
        .init(
            "chunks and trailers",
            lua("local function all(h) local n = 0 for c in h:bodyChunks() do n = n + c:length() end h:streamInfo():dynamicMetadata():set('up', 'length', tostring(n)) end function envoy_on_request(h) all(h) end function envoy_on_response(h) all(h) end"),
            method: "POST", body: "hello", script: "chunked"),
        .init("calls in both directions", lua("function envoy_on_request(h) \(call) end function envoy_on_response(h) \(call) end"), method: "POST", body: "hello"),
        .init("a script that fails", lua("function envoy_on_request(h) h:headers():add('x-up', 'before') error('x') end function envoy_on_response(h) h:headers():add('x-up', 'after') h:nothing() end")),
        .init("the route is decided", request("h:headers():replace('x-to', 'other') h:clearRouteCache() h:headers():add('x-up', h:streamInfo():routeName())")),
        .init("the host is chosen", request("h:setUpstreamOverrideHost('1.2.3.4:5', true)")),
        .init("metadata for the connection manager's filters", request("h:streamInfo():dynamicMetadata():set('up', 'key', 'value')")),
        .init("metadata of the route", request("h:headers():add('x-up', h:metadata():get('key'))"), route: "metadata: { filter_metadata: { up: { key: value } } }"),
        .init("a script of the route", both("filter"), route: perRoute("\(type).extensions.filters.http.lua.v3.LuaPerRoute, source_code: { inline_string: \"function envoy_on_request(h) h:headers():add('x-up', 'route') end\" }")),
        .init("no script by the route's word", both("filter"), route: perRoute("\(type).extensions.filters.http.lua.v3.LuaPerRoute, disabled: true")),
        .init("off by the route's word", both("filter"), route: perRoute("\(type).config.route.v3.FilterConfig, disabled: true")),
        .init("off", lua("function envoy_on_request(h) h:headers():add('x-up', 'ran') end", named: "up", "disabled: true,")),
        .init(
            "off, and on by the route's word", lua("function envoy_on_request(h) h:headers():add('x-up', 'ran') end", named: "up", "disabled: true,"),
            route: perRoute("\(type).config.route.v3.FilterConfig, config: {}")),
        .init("the host hangs up", both("ran"), method: "POST", body: "x", script: "hang-up"),
        .init("the host breaks off while the head is held", response("h:body()"), script: "broken-off"),
        .init("no host", both("ran"), script: "ok", action: "timeout: 1s"),
        .init(
            "over HTTP/2",
            lua("function envoy_on_request(h) h:body():setBytes('mine') h:headers():add('x-up', 'ran') end function envoy_on_response(h) h:body():setBytes('theirs') end"),
            method: "POST", body: "hello", isHTTP2: true),
        .init("an answer over HTTP/2", request("h:respond({ [':status'] = '403' }, 'no')"), method: "POST", body: "hello", isHTTP2: true),
        .init("HEAD", lua("function envoy_on_request(h) h:headers():add('x-up', 'ran') end function envoy_on_response(h) h:headers():add('x-up', tostring(h:body() or nil)) end"), method: "HEAD"),
        .init("an answer without a body", both("ran"), script: "no-content"),
        .init("an early answer", both("ran"), method: "POST", body: "hello", script: "early"),
        .init("a time-out", both("ran"), script: "silent", action: "timeout: 0.2s"),
        .init("facts of the attempt", mutation("request_mutations: [{ append: { header: { key: x-up, value: '%UPSTREAM_CLUSTER% %VIRTUAL_CLUSTER_NAME% %ROUTE_NAME%' } } }], response_mutations: [{ append: { header: { key: x-up, value: '%UPSTREAM_CLUSTER% %RESPONSE_CODE%' } } }]")),
        .init("statistics", request("h:stats():counter('mine'):inc()")),
    ]
}
