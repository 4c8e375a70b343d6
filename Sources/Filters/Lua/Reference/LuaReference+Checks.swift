extension LuaReference {
    /// Odd questions that have the same answers as in Envoy. The documentation leaves them out.
    static let checks: [Case] = [
        // Times: the resolution is read from text.
        Case("h:timestamp('x')", "timestamp format must be MILLISECOND."), Case("type(h:timestamp(''))", "number"),
        Case("#h:timestampString(1.5)", "timestamp format must be MILLISECOND or MICROSECOND."),
        Case("#h:timestampString('')", "13"), Case("#h:timestampString('1')", "16"),
        Case("h:timestamp({})", "bad argument #1 to 'timestamp' (string expected, got table)"),
        // Base64 as it comes.
        Case("h:base64Decode('YWI')", "ab"), Case("h:base64Decode('YW I=\\n')", "ab"), Case("h:base64Decode('YR==')", "a"),
        Case("h:base64Decode('YWI.')", "ab"), Case("h:base64Decode('YW=')", "nil"), Case("h:base64Decode('YWI==')", "nil"),
        Case("h:base64Decode('YWI=YWI=')", "nil"), Case("h:base64Decode('Y')", "nil"), Case("h:base64Decode('__4=')", "nil"),
        Case("#h:base64Decode('//4=')", "2"), Case("h:base64Decode('')", ""),
        // Statistics take what fits into 63 bits.
        Case("h:stats():counter('c9'):add(1/0)", "counter add amount must be non-negative"),
        Case("h:stats():gauge('g9'):set(1e300)", "gauge set value must be non-negative"),
        Case("h:stats():counter('c9'):add(0/0)", "counter add amount must be non-negative"),
        Case("h:stats():gauge('g9'):sub(-1)", "gauge sub amount must be non-negative"),
        Case("h:stats():histogram('h9'):recordValue(1e300)", "histogram value must be non-negative"),
        // The same object again.
        Case("h:route():metadata() == h:route():metadata()", "true"),
        Case("h:virtualHost():metadata() == h:virtualHost():metadata()", "true"),
        // Hosts.
        Case("h:setUpstreamOverrideHost('[::1]')", "nil"), Case("h:setUpstreamOverrideHost('[::1]:80')", "nil"),
        Case("h:setUpstreamOverrideHost('fe80::1%eth0')", "nil"), Case("h:setUpstreamOverrideHost('1.2.3.4:80 ')", "nil"),
        Case("h:setUpstreamOverrideHost('1.2.3.4:70000')", "host is not a valid IP address"),
        Case("h:setUpstreamOverrideHost('1.2.3')", "host is not a valid IP address"),
        // What is wrong first is said first.
        Case("h:verifySignature('sha256', 'x')", "invalid public key"),
        Case("h:httpCall()", "bad argument #4 to 'httpCall' (number expected, got no value)"),
        Case("h:httpCall('none', {a = true}, nil, 0)", "http call cluster invalid. Must be configured"),
        Case("h:httpCall('none', {}, {}, -1)", "http call timeout must be >= 0"),
        Case("h:httpCall('main', {}, {}, 0)", "http call headers must include ':path', ':method', and ':authority'"),
        Case("h:httpCall('main', 'x', nil, 0)", "bad argument #2 to 'httpCall' (table expected, got string)"),
        Case("h:httpCall({}, {}, nil, 0)", "bad argument #1 to 'httpCall' (string expected, got table)"),
        // Tables of fields.
        Case("h:httpCall('main', {a = true}, nil, 0)", "bad argument #7 to 'httpCall' (string expected, got boolean)"),
        Case("h:httpCall('main', {a = {true}}, nil, 0)", "bad argument #9 to 'httpCall' (string expected, got boolean)"),
        Case("h:httpCall('main', {[true] = 'x'}, nil, 0)", "bad argument #6 to 'httpCall' (string expected, got boolean)"),
        Case("h:httpCall('main', {a = {b = 1}}, nil, 0)", "http call headers must include ':path', ':method', and ':authority'"),
        Case("h:httpCall('main', {1}, nil, 0)", "invalid key to 'next'"),
        Case("h:respond({[':status'] = '200', a = {true}})", "bad argument #6 to 'respond' (string expected, got boolean)"),
        Case("h:respond({[':status'] = {'200', '201'}})", ":status must be between 200-599"),
        // Options are true as anything is in Lua.
        Case("h:httpCall('main', {}, nil, {timeout_ms = '1', asynchronous = 1, send_xff = 'x', trace_sampled = {}})", "http call headers must include ':path', ':method', and ':authority'"),
        Case("h:httpCall('main', {}, nil, {timeout_ms = 'x'})", "bad argument #7 to 'httpCall' (number expected, got string)"),
        Case("h:httpCall('main', {}, nil, {timeout_ms = true})", "bad argument #7 to 'httpCall' (number expected, got boolean)"),
        Case("h:httpCall('main', {}, nil, {timeout_ms = -1})", "http call timeout must be >= 0"),
        Case("h:httpCall('main', {}, nil, {1})", "\"1\" is not valid key for httpCall() options"),
        Case("h:httpCall('main', {}, nil, {[true] = 1})", "bad argument #6 to 'httpCall' (string expected, got boolean)"),
        Case("h:httpCall('main', {}, nil, 0/0)", "http call headers must include ':path', ':method', and ':authority'"),
        // Metadata keeps lists with holes, and any bytes.
        Case("(function() local m = h:streamInfo():dynamicMetadata() m:set('x', 'k', {1, nil, 3}) local k = m:get('x').k return k[1] .. tostring(k[2]) .. k[3] end)()", "1nil3"),
        Case("(function() local m = h:streamInfo():dynamicMetadata() m:set('x', 'b', '\\255') return m:get('x').b:byte() end)()", "255"),
        Case("h:streamInfo():filterState():get('none', {})", "nil"),
        // A message that has no body.
        Case("(function() h:body() for c in h:bodyChunks() do end return 'fine' end)()", "fine"),
        Case("(function() h:bodyChunks() return h:body() end)()", "nil"),
        Case("(function() h:trailers() h:bodyChunks() h:bodyChunks() return 'fine' end)()", "fine"),
        Case("(function() for k in pairs(h:requestHeaders()) do h:requestHeaders():setHttp1ReasonPhrase('x') end end)()", "header map cannot be modified while iterating"),
    ]
}
