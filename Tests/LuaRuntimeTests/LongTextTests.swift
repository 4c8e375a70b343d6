import LuaRuntime
import Testing

/// What the library does with long texts a piece after the other is what it does with short ones, and with LuaJIT's own functions.
@Suite("Long texts")
struct LongTextTests {
    /// Each is the same in a sandboxed and in a trusted state, whose functions are the originals or work on the text whole.
    private static let expressions = [
        // find
        #"('a'):rep(9000):find(('a'):rep(5000)), ('a'):rep(9000):find(('a'):rep(5000) .. 'b'), ('ab'):rep(9000):find(('ab'):rep(4000), 5)"#,
        #"(('ab'):rep(5000) .. 'ac'):find('ac', 1, true), (('ab'):rep(5000) .. '.'):find('.', 1, true), ('x'):rep(5000):find('', 3, true)"#,
        #"('x'):rep(5000):find(('x'):rep(4999) .. '.'), ('x'):rep(5000):find('^' .. ('x'):rep(5000) .. '$'), ('^' .. ('x'):rep(5000)):find('^' .. ('x'):rep(5000), 1, true)"#,
        #"('a\0b'):rep(3000):find(('a\0b'):rep(2000)), ('a\0b'):rep(3000):find('b\0', 1, true), ('x'):rep(5000):find('x', -3, true), ('x'):rep(5000):find('x', 9000, true)"#,
        // format
        #"('%q'):format(('a\n\r\0\1' .. '1\31' .. '9\127' .. '0\200"\\'):rep(3000))"#,
        #"('%s|%q|%%q|%d|%q'):format(('x'):rep(20000), ('\0'):rep(20000), 7, 'short'), ('%5s%q'):format('a', ('\t1'):rep(9000))"#,
        #"(select(2, pcall(string.format, '%q %q', ('x'):rep(20000))):match('bad argument.*')), ('%q%s'):format(1, ('x'):rep(17000))"#,
        #"(('y'):rep(5000) .. '%q'):format(('\1'):rep(20000))"#,
        // case
        #"('aZ@[`{\200\0'):rep(3000):upper(), ('aZ@[`{\200\0'):rep(3000):lower(), ('abc\0'):rep(5000):reverse()"#,
        // queries, forms and cookies
        #"query.escape(('a /%\0\255'):rep(5000)), query.unescape(('%41%%4%4z%'):rep(5000)), query.unescape(('x'):rep(16383) .. '%41%42'), query.unescape(('x'):rep(16382) .. '%41%42%')"#,
        #"query.unescape(('x'):rep(16384) .. '%41'), query.unescape(('x'):rep(16381) .. '%41'), query.unescape(('%%'):rep(16384))"#,
        #"query.parse('/p?a=1&' .. ('b=%20+&'):rep(9000) .. 'c=3#a=2').a, #query.parse('/p?' .. ('b=1&'):rep(9000)).b, query.parse('/' .. ('p&a=1'):rep(9000)).a"#,
        #"query.get('/p?' .. ('b=1&'):rep(9000) .. 'c=%33#d=4', 'c'), query.get('/p?' .. ('b=1&'):rep(9000) .. '#d=4', 'd'), form.get(('b=1&'):rep(9000) .. '%63=2&c=3', 'c')"#,
        #"form.parse(('a=1&&'):rep(5000) .. 'b').b, #form.parse(('a=1&&'):rep(5000)).a, form.parse(('a'):rep(40000) .. '=1&b=2').b"#,
        #"cookies.get(('a=1; '):rep(9000) .. 'b="2"; b=3', 'b'), cookies.parse(('a=1; '):rep(9000) .. ' b = 2; a=7').b, cookies.parse('a=5; ' .. ('a=1; '):rep(9000)).a"#,
        // base64
        #"base64.encode(('abc\0'):rep(9000)), base64.encode(('abc'):rep(9000) .. 'x', true), base64.encode(('abc'):rep(9000) .. 'xy')"#,
        #"base64.decode(('QUJD'):rep(9000)), base64.decode(('QUJD'):rep(9000) .. 'QQ=='), base64.decode(('QUJD'):rep(9000) .. 'QQ'), base64.decode(('QUJD'):rep(9000) .. 'Q') == nil"#,
        #"base64.decode(('QUJD'):rep(4095) .. 'QQ==' .. ('QUJD'):rep(9)) == nil, base64.decode(('QUJD'):rep(4096) .. '=') == nil, base64.decode(('QUJD'):rep(9000) .. '*') == nil, base64.decode(('QUJD'):rep(4096)), base64.decode(('QUJD'):rep(4096) .. '====') == nil"#,
        // grpc
        #"grpc.message(('\8\1'):rep(9000) .. '\8\7\18\2\8\9', 1), grpc.message(('\8\1'):rep(9000) .. '\18\2\8\9', 2, 1), grpc.message(('\8\1'):rep(9000) .. '\18\2\8\9', 2)"#,
        #"grpc.message(('\8\1'):rep(9000), 2) == nil, grpc.message(('\8\1'):rep(9000), 1, 1) == nil, select(2, grpc.message(('\8\1'):rep(9000) .. '\18\9', 1))"#,
        #"grpc.field('\0\0\0\70\80' .. ('\8\5'):rep(8999) .. '\8\6', 1), select(2, grpc.field('\1\0\0\70\80' .. ('\8\5'):rep(9000), 1)), select(2, grpc.field('\0\0\0\70\81' .. ('\8\5'):rep(9000), 1))"#,
        #"grpc.message('\9\255\255\255\255\255\255\255\255\13\1\0\0\0' .. ('\24\1'):rep(9000), 1)"#,
        // json
        #"json.encode(('a\1\n\t\11\31\127"\\/'):rep(2000)), json.encode(('x'):rep(4095) .. '\0\8\12\r')"#,
        // tables
        #"(function() local t = {} for i = 1, 9000 do t[i] = i end table.insert(t, 2.9, 'x') table.insert(t, '5', 'y') return table.concat(t, ',') end)()"#,
    ]

    @Test("are worked on as short ones", arguments: expressions)
    func agree(_ expression: String) throws {
        let ours = try evaluate(expression), theirs = try evaluate(expression, trust: .trusted)
        #expect(ours.count > 0 && ours == theirs)
    }

    @Test(
        "raise what short ones raise",
        arguments: [
            ("query.escape({})", "bad argument #1 to 'escape' (string expected, got table)"),
            ("base64.encode()", "bad argument #1 to 'encode' (string expected, got no value)"),
            ("form.get(('x'):rep(20000))", "bad argument #2 to 'get' (string expected, got no value)"),
            ("grpc.message(('x'):rep(20000), 0)", "bad argument #2 to 'message' (no field's number)"),
            ("grpc.message(('x'):rep(20000))", "bad argument #2 to 'message' (a field's number expected)"),
            ("string.upper({})", "bad argument #1 to 'upper' (string expected, got table)"),
            ("table.insert(1, 2, 3)", "bad argument #1 to 'insert' (table expected, got number)"),
            ("table.insert({}, 2, 3, 4)", "wrong number of arguments to 'insert'"),
            ("print(setmetatable({}, {__tostring = function() return {} end}))", "'tostring' must return a string to 'print'"),
            ("os.date(('x'):rep(1025))", "bad argument #1 to 'date' (date format too long)"),
            ("json.pick('{}', ('/a'):rep(30000))", "bad argument #2 to 'pick' (JSON pointer too long)"),
        ])
    func errors(_ call: (String, String)) throws {
        let values = try evaluate("select(2, pcall(function() local x = \(call.0) end))")
        #expect(values == [.text("[string \"function main() test.emit(select(2, pcall(fun...\"]:1: " + call.1)])
    }
}
