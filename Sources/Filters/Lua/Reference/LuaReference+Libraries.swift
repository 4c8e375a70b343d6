extension LuaReference {
    /// Libraries that Envoy does not have: global tables of functions.
    package static let libraries: [Object] = [
        json, cjson, query, form, cookies, base64, grpc, crypto, heddle, store, metric, require,
    ]

    private static let json = Object(
        "json", "", "JSON (RFC 8259). `json.null` stands for null; an empty array is `json.empty_array` or a table from `json.array`.",
        [
            Function(
                "decode(text: string, strict: boolean?) → value, or nil and a message",
                "Reads a text. Of names that come twice in an object the last counts, and bytes are not looked at; with `strict` both, and half a surrogate pair, are errors.",
                Case("json.decode('{\"a\": [1, 2.5, \"x\"]}').a[3]", "x"), Case("json.decode('[null]')[1] == json.null", "true"),
                Case("json.decode('\"\\\\u00e9\\\\ud83d\\\\ude00\"')", "é😀"),
                Case("select(2, json.decode('[1,]'))", "invalid JSON at byte 4: invalid number"),
                Case("select(2, json.decode('{\"a\":1} x'))", "invalid JSON at byte 9: something follows the value"),
                Case("select(2, json.decode(('['):rep(101)))", "invalid JSON at byte 101: nested too deep"),
                Case("select(2, json.decode('01'))", "invalid JSON at byte 3: invalid number"),
                Case("select(2, json.decode('\"a\\nb\"'))", "invalid JSON at byte 3: control character in a string"),
                Case("select(2, json.decode(''))", "invalid JSON at byte 1: unfinished text"),
                Case("json.decode('{\"a\":1,\"a\":2}').a", "2"),
                Case("select(2, json.decode('{\"a\":1,\"\\\\u0061\":2}', true))", "invalid JSON at byte 16: a name comes twice"),
                Case("select(2, json.decode('[{\"a\":{\"a\":null},\"a\":2}]', true))", "invalid JSON at byte 21: a name comes twice"),
                Case("json.decode('[{\"a\":{\"a\":1}},{\"a\":\"\\\\ud83d\\\\ude00é€😀\\\\\\\\\"}]', true)[2].a", "😀é€😀\\"),
                Case("select(2, json.decode('\"a\\\\ud800\"', true))", "invalid JSON at byte 3: half a surrogate pair"),
                Case("select(2, json.decode('\"\\\\udc00\"', true))", "invalid JSON at byte 2: half a surrogate pair"),
                Case("select(2, json.decode('\"a\\192\\175\"', true))", "invalid JSON at byte 3: invalid UTF-8"),
                Case("select(2, json.decode('\"\\237\\160\\128\"', true))", "invalid JSON at byte 2: invalid UTF-8"),
                Case("select(2, json.decode('\"\\226\\130\"', true))", "invalid JSON at byte 2: invalid UTF-8")),
            Function(
                "encode(value: any) → string", "Writes a value; raises at what JSON does not have.",
                Case("json.encode({1, 'a', {b = true}, json.null})", "[1,\"a\",{\"b\":true},null]"),
                Case("json.encode({})", "{}"), Case("json.encode(json.empty_array)", "[]"),
                Case("json.encode(json.decode('{\"a\":[]}'))", "{\"a\":[]}"), Case("json.encode(0.1)", "0.1"),
                Case("json.encode(2^53)", "9007199254740992"), Case("json.encode('\"\\n\\0')", "\"\\\"\\n\\u0000\""),
                Case("json.encode(0/0)", "cannot encode a number that is not finite"), Case("json.encode(print)", "cannot encode a function"),
                Case("(function() local t = {} t[1] = t return json.encode(t) end)()", "cannot encode tables that are nested deeper than 100")),
            Function(
                "pick(text: string, pointer: string, first: boolean?) → value, or nil and perhaps a message",
                "The value that a JSON pointer (RFC 6901) names, without building the others. A name on the way that comes twice is an error, unless `first` asks for the first and for no look at the rest.",
                Case("json.pick('{\"order\": {\"amount\": 12.5}}', '/order/amount')", "12.5"), Case("json.pick('[1, [2, 3]]', '/1/0')", "2"),
                Case("json.pick('{\"a/b\": {\"~\": 1}}', '/a~1b/~0')", "1"), Case("json.pick('{\"a\": 1}', '/b')", "nil"),
                Case("json.pick('{\"\\\\u0061\": 1}', '/a')", "1"),
                Case("select(2, json.pick('{\"a\": 1, \"a\": 2}', '/a'))", "invalid JSON at byte 14: a name that was asked for comes twice"),
                Case("json.pick('{\"a\": 1, \"a\": 2}', '/a', true)", "1"),
                Case("select(2, json.pick('{\"a\": 1', '/a'))", "invalid JSON at byte 8: ',' or '}' was expected"),
                Case("json.pick('{}', 'a')", "bad argument #2 to 'pick' (a JSON pointer begins with '/')")),
            Function("array(table: table?) → table", "Marks a table as an array.", Case("json.encode(json.array())", "[]")),
        ])

    private static let cjson = Object(
        "cjson", "", "The same under the names of lua-cjson; `require \"cjson\"` and `require \"cjson.safe\"` work too.",
        [
            Function(
                "decode(text: string) → value", "As `json.decode`, but raises.",
                Case("require('cjson').decode('[7]')[1]", "7"), Case("cjson.decode('[')", "invalid JSON at byte 2: unfinished text")),
            Function("encode(value: any) → string", "As `json.encode`.", Case("cjson.encode({a = 1})", "{\"a\":1}")),
        ])

    private static let query = Object(
        "query", "", "Queries of paths.",
        [
            Function(
                "parse(path: string) → table", "All parameters, decoded; one that comes again has a list.",
                Case("query.parse('/x?a=1&b=%20+&a=2').a[2]", "2"), Case("query.parse('/x?a=1&b=%20+').b", "  "),
                Case("next(query.parse('/x'))", "nil")),
            Function(
                "get(path: string, name: string) → string or nil", "The first value of one parameter.",
                Case("query.get('/x?a=1&b=2#c', 'b')", "2"), Case("query.get('/x?%61=1', 'a')", "1"), Case("query.get('/x', 'a')", "nil")),
            Function("escape(text: string) → string", "Percent-encodes.", Case("query.escape('a b/ü')", "a%20b%2F%C3%BC")),
            Function("unescape(text: string) → string", "Percent-decodes.", Case("query.unescape('a%20b%2')", "a b%2")),
        ])

    private static let form = Object(
        "form", "", "Bodies of type `application/x-www-form-urlencoded`.",
        [
            Function("parse(body: string) → table", "As `query.parse`.", Case("form.parse('a=1+2').a", "1 2")),
            Function("get(body: string, name: string) → string or nil", "As `query.get`.", Case("form.get('a=1&b=?', 'b')", "?")),
        ])

    private static let cookies = Object(
        "cookies", "", "`Cookie` fields.",
        [
            Function("parse(field: string?) → table", "All cookies; of two of one name the first.", Case("cookies.parse('a=1; b=2; a=3').a", "1")),
            Function(
                "get(field: string?, name: string) → string or nil", "One cookie.", Case("cookies.get('a=1; b=\"x y\"', 'b')", "x y"),
                Case("cookies.get(h:headers():get('cookie'), 'b')", "nil")),
        ])

    private static let base64 = Object(
        "base64", "", "Base64 (RFC 4648).",
        [
            Function(
                "encode(bytes: string, url: boolean?) → string", "With padding; for URLs without and with the other alphabet.",
                Case("base64.encode('ab')", "YWI="), Case("base64.encode('\\255\\254', true)", "__4")),
            Function(
                "decode(text: string) → string or nil", "Either alphabet, with padding or without.", Case("base64.decode('YWI')", "ab"),
                Case("#base64.decode('__4')", "2"), Case("base64.decode('Y')", "nil")),
        ])

    private static let grpc = Object(
        "grpc", "", "Fields of protobuf messages by their numbers, without descriptors.",
        [
            Function(
                "field(body: string, number: number, deeper: number?) → value, or nil and perhaps a message",
                "A field of a gRPC body's first message; further numbers lead into messages within. Integers, and fields of 4 and 8 bytes, are taken as signed: a number if it is exact (up to 2^53), or else its decimal digits as a string. Everything else comes as bytes.",
                Case("grpc.field('\\0\\0\\0\\0\\5\\26\\3\\10\\1x', 3, 1)", "x"), Case("grpc.field('\\0\\0\\0\\0\\2\\8\\42', 1)", "42"),
                Case("grpc.field('\\0\\0\\0\\0\\2\\8\\42', 2)", "nil"),
                Case("select(2, grpc.field('\\0\\0\\0\\0\\9\\8\\42', 1))", "the message is incomplete"),
                Case("select(2, grpc.field('\\1\\0\\0\\0\\0', 1))", "the message is compressed")),
            Function(
                "message(bytes: string, number: number, deeper: number?) → value, or nil and perhaps a message", "As `field`, of a message without gRPC's frame.",
                Case("grpc.message('\\8\\1\\8\\2', 1)", "2"),
                Case("grpc.message('\\8\\255\\255\\255\\255\\255\\255\\255\\255\\255\\1', 1)", "-1"),
                Case("type(grpc.message('\\8\\129\\128\\128\\128\\128\\128\\128\\16', 1))", "string"),
                Case("grpc.message('\\8\\129\\128\\128\\128\\128\\128\\128\\16', 1)", "9007199254740993"),
                Case("grpc.message('\\8\\128\\128\\128\\128\\128\\128\\128\\16', 1) == 2^53", "true")),
        ])

    private static let crypto = Object(
        "crypto", "", "Hashes, as lower-case hexadecimal digits, or as bytes if `raw` is true. At most 1 MiB is hashed at a time.",
        ["md5", "sha1", "sha224", "sha384", "sha512"].map { Function("\($0)(bytes: string, raw: boolean?) → string", "The hash.") } + [
            Function(
                "sha256(bytes: string, raw: boolean?) → string", "The hash.",
                Case("crypto.sha256('abc')", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"), Case("#crypto.sha256('', true)", "32")),
            Function(
                "hmac(hash: string, key: string, bytes: string, raw: boolean?) → string", "The keyed hash (RFC 2104).",
                Case("crypto.hmac('sha256', 'Jefe', 'what do ya want for nothing?')", "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"),
                Case("crypto.hmac('nohash', 'k', 'b')", "unknown hash 'nohash'")),
            Function("equal(left: string, right: string) → boolean", "Compares in a time that says nothing about where they differ.", Case("crypto.equal('a', 'b')", "false"), Case("crypto.equal('ab', 'ab')", "true")),
        ])

    private static let heddle = Object(
        "heddle", "", "What else belongs to the proxy.",
        [
            Function("uuid() → string", "A random UUID.", Case("#heddle.uuid()", "36"), Case("heddle.uuid() == heddle.uuid()", "false")),
            Function("now() → number", "Seconds since 1970.", Case("heddle.now() > 1.7e9", "true")),
            Function(
                "log(level: string, message: string, fields: table?)", "Writes to the proxy's log: `name: message field=value`.",
                Case("heddle.log('loud', 'x')", "bad argument #1 to 'log' (unknown level 'loud')")),
            Function(
                "every(seconds: number, run: function) → number",
                "Calls a function with a `Job`, without a stream: first a tenth of a second after the script asked, then again and again. While one run waits, no other begins. Each worker has its own; they end when the script is loaded anew. A script has at most 16 timers.",
                Case("heddle.every(0, print)", "bad argument #1 to 'every' (seconds from 0.1 to 10000000 expected)"),
                Case("heddle.every(1)", "bad argument #2 to 'every' (function expected, got no value)")),
            Function(
                "timer(seconds: number, run: function) → number", "Likewise, once.",
                Case("heddle.cancel(heddle.timer(60, print))", "true")),
            Function("cancel(timer: number) → boolean", "Ends a timer; a run that has begun goes on.", Case("heddle.cancel(0)", "false")),
        ])

    private static let store = Object(
        "heddle.kv", "", "A table that all workers of the proxy share, a part of it for each filter name: 8192 entries of up to 992 bytes, the filter's name and the key included. What was not used for longest gives way.",
        [
            Function("get(key: string) → string, number or nil", "A value.", Case("heddle.kv.get('none')", "nil")),
            Function(
                "set(key: string, value: string, seconds: number?) → boolean", "Sets a text or number, for a time or as long as there is room; false when it is too long.",
                Case("(function() heddle.kv.set('a', 'x') return heddle.kv.get('a') end)()", "x"), Case("heddle.kv.set('a', ('x'):rep(1000))", "false"),
                Case("heddle.kv.set('a', 'x', -1)", "bad argument #3 to 'set' (seconds above 0 expected)")),
            Function(
                "incr(key: string, amount: number?, seconds: number?) → number", "Adds to a number as one step for all workers; a new one begins at 0 and lives for `seconds`.",
                Case("heddle.kv.incr('n') + heddle.kv.incr('n', 2)", "4"),
                Case("(function() heddle.kv.set('t', 'x') return heddle.kv.incr('t') end)()", "the value is no number, or the key is too long"),
                Case("heddle.kv.incr('n', 1, 0)", "bad argument #3 to 'incr' (seconds above 0 expected)")),
            Function("delete(key: string) → boolean", "Forgets a key; whether it was there.", Case("heddle.kv.delete('none')", "false")),
        ])

    private static let metric = Object(
        "heddle.metric", "", "Metrics of the business, in `/stats` and `/stats/prometheus` under their own names. A metric has at most 200 sets of labels of up to 512 bytes, and all together take at most 8 MiB; the rest counts under `overflow`.",
        [
            Function(
                "counter(name: string, amount: number?, labels: table?)", "Adds to a counter, one or an amount. Metrics hold whole numbers, and what is none is rounded: count cents.",
                Case("heddle.metric.counter('a b')", "'a b' is no name of a metric: at most 100 letters, digits and \"_\", no digit first and not envoy_")),
            Function(
                "gauge(name: string, level: number, labels: table?)", "Sets a level.",
                Case("(function() heddle.metric.counter('c') heddle.metric.gauge('c', 1) end)()", "'c' is a counter already")),
            Function("histogram(name: string, value: number, labels: table?)", "Records a value of a distribution."),
        ])

    private static let require = Object(
        "require", "", "`require(\"name\")`: a library from above, or a Lua file of the filter's `module_path`.", [])
}
