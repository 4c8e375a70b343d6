import Foundation
import LuaRuntime
import Testing

/// Our pattern functions against LuaJIT's own, case for case, in the same Lua code.
@Suite("The pattern functions")
struct PatternTests {
    /// 100 of them, a million cases, take a minute: `HEDDLE_PATTERN_SEEDS=100 swift test --filter PatternTests`.
    private static let seeds = ProcessInfo.processInfo.environment["HEDDLE_PATTERN_SEEDS"].flatMap { Int($0) } ?? 10

    @Test("agree with LuaJIT's in 10,000 random cases a seed", arguments: 0..<seeds)
    func differential(_ seed: Int) throws {
        let cases = 10_000
        let ours = try ScriptHarness(Self.script(seed: seed, cases: cases))
        let theirs = try ScriptHarness(Self.script(seed: seed, cases: cases), trust: .trusted)
        #expect(try ours.call("main") == .finished)
        #expect(try theirs.call("main") == .finished)
        let left = ours.emitted()
        let right = theirs.emitted()
        #expect(left.count == cases && right.count == cases)
        for (mine, other) in zip(left, right) where mine != other {
            Issue.record("ours \(Self.text(mine)), LuaJIT's \(Self.text(other))")
        }
    }

    @Test("agree with LuaJIT's in known corners", arguments: corners)
    func corner(_ expression: String) throws {
        let source = Self.describe + "function main() test.emit(describe(pcall(function() return \(expression) end))) end"
        let ours = try ScriptHarness(source)
        let theirs = try ScriptHarness(source, trust: .trusted)
        #expect(try ours.call("main") == .finished)
        #expect(try theirs.call("main") == .finished)
        #expect(ours.emitted() == theirs.emitted())
    }

    private static let corners = [
        "('a\\0b'):find('\\0b')", "('a\\0b'):find('[\\0]b')", "('a\\0b'):find('%z')", "('a\\0b'):match('a.b')", "('abc'):find('%')",
        "('abc'):find('[a')", "('abc'):find('[%')", "('abc'):find('[]')", "('abc'):find('[]a]')", "('abc'):find('[^]a]')", "('abc'):find('(a')",
        "('abc'):find('a)')", "('abc'):find('.)')", "('abc'):find('%1')", "('abc'):find('(%1)')", "('abc'):find('%f')", "('abc'):find('%b')",
        "('abc'):find('%bx')", "('THE (quick) fox'):find('%((%a+)%)')", "('abc'):find('', 10)", "('abc'):find('', 4)", "('abc'):find('b', -10)",
        "('abc'):gsub('%w', '%0%0', 2.7)", "('abc'):gsub('%w', '%x', 2)", "('abc'):gsub('a', '%2')", "('abc'):gsub('a', '%')",
        "('abc'):gsub('a', true)", "('abc'):gsub('a', {a = {}})", "('abc'):gsub('a', {a = false})", "('abc'):gsub('a', {a = 7})",
        "('abc'):gsub('(', 'x')", "('hello'):gsub('', '-')", "('abc'):gsub('^a', 'x')", "('aaa'):gsub('^a', 'x')", "('abc'):gsub('b', '%1')",
        "('abc'):gsub('(b)', '%1%1%0')", "('abc'):gsub('()', '%1')", "('a b'):gsub('%f[%w]%w', string.upper)", "('x'):rep(0)", "('x'):rep(-1)",
        "('ab'):rep(3, ', ')", "(''):rep(1e6)", "(''):rep(3, 'x')", "('x'):rep(3, 5)", "('abc'):gmatch('^a')()", "('abc'):gmatch('()')()",
        "('abc'):find('b', 1, true)", "('a.c'):find('.', 1, true)", "('a.c'):find('.', 2, true)", "('abc'):find('', 2, true)", "('abc'):find(nil)",
        "string.find()", "('abc'):gsub('a')", "('abc'):match('a', 'x')", "('abc'):find(('()'):rep(33))", "('abc'):find(('()'):rep(32))",
        "(('a'):rep(300)):find(('a?'):rep(190))", "(('a'):rep(300)):find(('a?'):rep(198))", "(('a'):rep(300)):find(('a?'):rep(199))",
        "(('a'):rep(300)):find(('a?'):rep(200))", "(('a'):rep(300)):find(('a?'):rep(250))", "(('a'):rep(300)):find(('a*'):rep(199))",
        "(('a'):rep(300)):find(('a*'):rep(200))", "(('a'):rep(300)):find(('a-'):rep(200))", "(('a'):rep(300)):find(('()a?'):rep(30))",
        "(('a'):rep(300)):match(('a'):rep(300))", "('key = value'):match('^(%w+)%s*=%s*(%w+)$')",
        "('0x1F'):match('^0[xX](%x+)$')", "('äöü'):find('[ä]')", "('äöü'):upper():find('%a')", "('a-b'):find('[a-]')", "('b'):find('[a-c-]')",
        "('-'):find('[a-c-]')", "('-'):find('[%a-z]')", "('z'):find('[%a-z]')", "('%d'):gsub('%%d', '%%')", "('$x$'):match('$x$')",
        "('abc'):gsub('.', {a = 1, b = true})", "table.concat({1, 'a', 2.5}, ', ')", "table.concat({1, {}, 3})", "table.concat({})",
        "table.concat({'a', 'b', 'c'}, '-', 2)", "table.concat({'a', 'b', 'c'}, '-', 2, 9)", "table.concat({'a', 'b', 'c'}, '-', 3, 2)",
        "table.concat({1, 2}, {})", "tostring(nil), tostring(true), tostring(1e15), tostring('x')", "tostring()",
        "tostring(setmetatable({}, {__tostring = function() return 'x' end}))", "pcall()", "pcall(error)", "xpcall(error, function(m) return m end)",
        "xpcall(error, function(e) error('second') end, 'x')", "xpcall(error, function() return 'a', 'b' end, 'x')", "xpcall(error, function() end)",
        "xpcall(function() error() end, function(e) return tostring(e) end)", "xpcall(function() error({}) end, function(e) return type(e), 2 end)",
        "pcall(xpcall, error, setmetatable({}, {__call = print}), 'x')", "xpcall(nil, function(e) return 'h:' .. e end)", "xpcall()", "xpcall(error, 1)",
        "xpcall(setmetatable({}, {__call = function(t, a) return a end}), print, 7)", "xpcall(select, print, 2, 'a', 'b', 'c')",
        "xpcall(setmetatable({}, {__call = function(t, a) error(a, 0) end}), function(e) return e .. '!' end, 'x')",
        "select('#', pcall(function() return nil, nil end))", "pcall(error, 'a', 2)",
        "tonumber('0x10')", "tonumber(' 10 ')", "tonumber('10', 2)", "tonumber('zz', 36)", "tonumber('8', 8)", "tonumber('1e1', 10)", "tonumber()",
        "tonumber({})", "tonumber(nil)", "tonumber('')", "tonumber({}, 2)", "tonumber('1', 37)", "tonumber('1', 'x')", "tonumber(12, 8)", "tonumber(0/0)",
        "tonumber(('1'):rep(400))", "tonumber('inf')", "tonumber('-0')", "tonumber('0b11')", "tonumber('1 x')", "tonumber(true)", "tonumber('7', nil)",
        "unpack({1, 2, 3})", "unpack({1, 2, 3}, 2)", "unpack({1, 2, 3}, 2, 5)", "unpack({}, 1, 9000)", "unpack()", "unpack({}, 'x')", "unpack({1}, 2, 1)",
        "#('%d'):rep(3000):format(unpack({}, 1, 0))", "(('%s '):rep(3000)):format(1, 2)", "(('%d '):rep(3000)):format(unpack({1, 2, 'x'}))",
        "(('x'):rep(5000) .. '%d%d'):format(1, {})", "(('x'):rep(5000) .. '%y'):format(1)", "(('x'):rep(5000) .. '%d'):format('y')",
        "#(('%d'):rep(3000)):format(unpack((function() local t = {} for i = 1, 3000 do t[i] = i end return t end)()))",
    ]

    /// A value list as one string that two states can agree on.
    private static let describe = """
        local concat = table.concat
        function describe(...)
          local parts = {}
          for i = 1, select('#', ...) do
            local value = select(i, ...)
            parts[i] = type(value) .. ':' .. (type(value) == 'table' and '' or tostring(value):gsub("^%[string.-%]:%d+: ", ""))
          end
          return concat(parts, '|')
        end

        """

    /// Random subjects, patterns and replacements from alphabets that make matches likely; own generator, so that both states see the same.
    private static func script(seed: Int, cases: Int) -> String {
        describe + """
            local x = \(seed * 7919 + 17)
            local function random(n) x = (x * 16807) % 2147483647 return x % n + 1 end
            local letters = {'a', 'b', 'c', 'A', '1', ' ', '-', '.', '(', ')', ']', '%', '\\0', '\\t', '\\200', '_'}
            local items = {'a', 'b', 'c', '.', '%a', '%d', '%s', '%w', '%W', '%l', '%u', '%p', '%x', '%z', '%c', '%g', '%S', '[abc]', '[^a]',
              '[a-c]', '[%w_]', '[%s-]', '[]]', '[^]a]', '[a-]', '[%a-z]', '%%', '%.', '%-', ' ', '1', '[', ']', '%', '-', '$', '^', '\\200'}
            local suffixes = {'', '', '', '', '*', '+', '-', '?'}
            local function subject()
              local parts = {}
              for i = 1, random(14) - 1 do parts[i] = letters[random(#letters)] end
              return table.concat(parts)
            end
            local function pattern()
              local parts = {}
              if random(6) == 1 then parts[1] = '^' end
              for _ = 1, random(5) do
                local kind = random(16)
                if kind == 1 then parts[#parts + 1] = '(' parts[#parts + 1] = items[random(#items)] parts[#parts + 1] = ')'
                elseif kind == 2 then parts[#parts + 1] = '()'
                elseif kind == 3 then parts[#parts + 1] = '%b()'
                elseif kind == 4 then parts[#parts + 1] = '%f[%w]'
                elseif kind == 5 then parts[#parts + 1] = '%1'
                elseif kind == 6 and random(4) == 1 then parts[#parts + 1] = ({'(', ')', '%b', '%f', '[a', '%2'})[random(6)]
                elseif kind == 7 then parts[#parts + 1] = '(' .. items[random(17)] .. suffixes[random(8)] .. ')' .. suffixes[random(8)]
                else parts[#parts + 1] = items[random(#items)] .. suffixes[random(#suffixes)] end
              end
              if random(8) == 1 then parts[#parts + 1] = '$' end
              return table.concat(parts)
            end
            local replacements = {'x', '%0', '%1', '<%0>', '', '%%', '%', '%2', 'a%1b', {a = 'A', b = false, c = 3}, function(a) return a end,
              function() end, function(a, b) return b end}
            local calls = {
              function(s, p) return s:find(p) end,
              function(s, p) return s:match(p) end,
              function(s, p) return s:find(p, random(8) - 4) end,
              function(s, p) return s:match(p, random(20) - 10) end,
              function(s, p) return s:find(p, random(3), true) end,
              function(s, p) return s:gsub(p, replacements[random(#replacements)]) end,
              function(s, p) return s:gsub(p, replacements[random(#replacements)], random(4) - 1) end,
              function(s, p) local all = {} for a, b in s:gmatch(p) do all[#all + 1] = tostring(a) .. ',' .. tostring(b) end return #all, table.concat(all, ';') end,
            }
            function main()
              for _ = 1, \(cases) do
                local s, p, call = subject(), pattern(), random(#calls)
                test.emit(call .. ' ' .. s .. ' ' .. p .. ' => ' .. describe(pcall(calls[call], s, p)))
              end
            end
            """
    }

    private static func text(_ value: LuaValue) -> String {
        guard case .string(let bytes) = value else { return "\(value)" }
        return String(decoding: bytes, as: UTF8.self).debugDescription
    }

    @Test("sort gives LuaJIT's order, comparator or not", arguments: [1, 2, 10, 255, 256, 257, 1_000, 5_000])
    func sorting(_ count: Int) throws {
        let source = """
            local x = 42
            local function random(n) x = (x * 16807) % 2147483647 return x % n + 1 end
            function main()
              local a, b, c = {}, {}, {}
              for i = 1, \(count) do a[i] = random(1000) b[i] = {random(20), i} c[i] = tostring(random(100000)) end
              table.sort(a)
              table.sort(b, function(p, q) return p[1] < q[1] end)
              table.sort(c, function(p, q) return p > q end)
              for i = 1, \(count) do b[i] = b[i][2] end
              test.emit(a, b, c)
            end
            """
        let ours = try ScriptHarness(source)
        let theirs = try ScriptHarness(source, trust: .trusted)
        #expect(try ours.call("main") == .finished)
        #expect(try theirs.call("main") == .finished)
        #expect(ours.emitted() == theirs.emitted())
    }

    @Test("insert puts values where LuaJIT does", arguments: ["1", "2", "3", "4", "7", "-1", "0", "1.5"])
    func inserting(_ position: String) throws {
        let source = "function main() local t = {'a', 'b', 'c'} table.insert(t, \(position), 'x') local s = '' for k, v in pairs(t) do s = s .. k .. v .. ' ' end test.emit(s, #t) end"
        let ours = try ScriptHarness(source)
        let theirs = try ScriptHarness(source, trust: .trusted)
        #expect(try ours.call("main") == .finished)
        #expect(try theirs.call("main") == .finished)
        #expect(ours.emitted() == theirs.emitted())
    }
}
