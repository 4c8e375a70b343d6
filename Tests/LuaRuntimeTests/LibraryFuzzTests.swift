import Foundation
import LuaRuntime
import Testing

/// Our rep, format, concat, sort, unpack and tonumber against LuaJIT's own, case for case, in the same Lua code.
@Suite("The library's functions")
struct LibraryFuzzTests {
    /// A million cases: `HEDDLE_LIBRARY_SEEDS=200 swift test --filter LibraryFuzzTests`.
    private static let seeds = ProcessInfo.processInfo.environment["HEDDLE_LIBRARY_SEEDS"].flatMap { Int($0) } ?? 4
    private static let cases = 5_000

    @Test("agree with LuaJIT's in 5,000 random cases a seed", arguments: 0..<seeds)
    func differential(_ seed: Int) throws {
        let source = Self.script(seed: seed)
        let ours = try ScriptHarness(source)
        let theirs = try ScriptHarness(source, trust: .trusted)
        #expect(try ours.call("main") == .finished)
        #expect(try theirs.call("main") == .finished)
        let (left, right) = (ours.emitted(), theirs.emitted())
        #expect(left.count == Self.cases && right.count == Self.cases)
        for (mine, other) in zip(left, right) where mine != other {
            Issue.record("ours \(Self.text(mine)), LuaJIT's \(Self.text(other))")
        }
    }

    private static func text(_ value: LuaValue) -> String {
        guard case .string(let bytes) = value else { return "\(value)" }
        return String(decoding: bytes.prefix(1000), as: UTF8.self).debugDescription
    }

    private static func script(seed: Int) -> String {
        """
        local join = table.concat
        local function describe(...)
          local parts = {}
          for i = 1, select('#', ...) do
            local value = select(i, ...)
            parts[i] = type(value) .. ':' .. (type(value) == 'table' and '' or tostring(value):gsub("^%[string.-%]:%d+: ", ""))
          end
          return join(parts, '|')
        end
        local x
        local function random(n) x = (x * 16807) % 2147483647 return x % n + 1 end
        local function one(list) return list[random(#list)] end

        local words = {'', 'a', 'b', 'ab', 'a\\0b', '%', '%d', '10', '0x1F', ' 7 ', '1e3', '-', '"q"\\n', '\\200\\255', ('x'):rep(30)}
        local numbers = {0, 1, -1, 2, 7, 10, 255, 1e3, 2^31, -2^31, 2^32, 2^53, 1e15, 1e16, 1e100, -1e-5, 0.1, 1/3, 1/0, -1/0, 0/0, -0.0, 123456.789}
        local object = setmetatable({}, {__tostring = function() return 'object' end})
        local bad = setmetatable({}, {__tostring = function() return 1 end})
        local function value()
          local kind = random(12)
          if kind <= 4 then return one(words) elseif kind <= 9 then return one(numbers)
          elseif kind == 10 then return object elseif kind == 11 then return ({true, false, bad})[random(3)] end
        end

        local flags, letters = {'', '', '', '-', '+', ' ', '#', '0', '-+', '0#'}, {'d', 'i', 'u', 'c', 'x', 'X', 'o', 'e', 'E', 'f', 'g', 'G', 'q', 's', 's', 'y', ''}
        local function directive()
          if random(10) == 1 then return '%%' end
          local width, precision = ({'', '', '', '5', '12', '99', '100'})[random(7)], ({'', '', '', '.', '.0', '.3', '.20', '.100'})[random(8)]
          return '%' .. one(flags) .. width .. precision .. one(letters)
        end
        local function arguments(count)
          local list = {}
          for i = 1, count do list[i] = value() end
          return unpack(list, 1, count)
        end
        local function list(count, kind)
          local t = {}
          for i = 1, count do
            if kind == 1 then t[i] = random(50) elseif kind == 2 then t[i] = 's' .. random(1000) elseif kind == 3 then t[i] = one(numbers)
            else t[i] = ({random(9), one(words), {}})[random(kind == 4 and 2 or 3)] end
          end
          return t
        end
        local function size() local kind = random(60) return kind == 1 and 5000 or kind == 2 and 300 or random(12) - 1 end

        local calls = {
          function() return one(words):rep(random(24) - 3, random(3) == 1 and one(words) or nil) end,
          function() return string.rep(value(), one({0, 1, -1, 2.7, '3', 'x', 12})) end,
          function() return string.rep(one(words), random(5), value()) end,
          function()
            local parts, count = {}, random(4)
            for i = 1, count do parts[2 * i - 1], parts[2 * i] = one(words):gsub('%%', ''), directive() end
            return join(parts):format(arguments(random(count + 1)))
          end,
          function()
            local parts = {('y'):rep(random(3000) + 2000)}
            for i = 1, 4 do parts[#parts + 1] = directive() parts[#parts + 1] = ('z'):rep(random(1500)) end
            return join(parts):format(arguments(random(6)))
          end,
          function() return string.format(value(), value(), value()) end,
          function() return table.concat(list(size(), random(5)), random(2) == 1 and value() or nil) end,
          function() return table.concat(list(size(), 1 + random(3) % 2), ',', random(8) - 3, random(12)) end,
          function()
            local t = list(size(), random(4))
            table.sort(t)
            for i = 1, #t do t[i] = tostring(t[i]) end
            return join(t, ',')
          end,
          function()
            local t, kind, asked = list(size(), random(2)), random(5), 0
            local fine, problem = pcall(table.sort, t, ({
              function(a, b) return a > b end, function(a, b) asked = asked + 1 return a < b end, function(a, b) return #tostring(a) < #tostring(b) end,
              function(a, b) return a <= b end, function() asked = asked + 1 return asked % 7 < 3 end,
            })[kind])
            for i = 1, #t do t[i] = tostring(t[i]) end
            return fine, fine or problem, asked, join(t, ',')
          end,
          function() return unpack(list(random(6), 1), random(5) - 1, random(8) - 1) end,
          function() return tonumber(value()), tonumber(one(words)) end,
          function() return tonumber(one(words), one({2, 8, 10, 16, 36, 1, 37})) end,
        }
        function main()
          for i = 1, \(cases) do
            -- Each case begins anew, so that one difference does not make all that follow differ.
            x = (\(seed) * 104729 + i * 7919) % 2147483646 + 1
            for _ = 1, 4 do random(2) end
            local call = random(#calls)
            test.emit(call .. ' ' .. i .. ' => ' .. describe(pcall(calls[call])))
          end
        end
        """
    }
}
