-- Every way we know to burn CPU without an end, or for seconds. `--- name` begins one; its lines are the body of a function.
-- In a heavy one single instructions cost so much that only the clock stops it within seconds.
--- loop
while true do end
--- numeric for
for i = 1, 1e18 do end
--- goto
::a:: goto a
--- pcall loop
while true do pcall(function() while true do end end) end
--- xpcall loop
while true do xpcall(function() while true do end end, function() while true do end end) end
--- error handler
xpcall(error, function() while true do end end)
--- error loop
while true do pcall(error, 'x') end
--- coroutine
coroutine.wrap(function() while true do end end)()
--- coroutines in a loop
while true do coroutine.wrap(function() while true do end end)() end
--- nested coroutines
local function f() coroutine.wrap(f)() end while true do pcall(f) end
--- nested coroutines that catch
local function f() xpcall(coroutine.wrap(f), f) end while true do f() end
--- chain of coroutines
local t = {} while true do for i = 1, 2000 do t[i] = coroutine.create(function() return coroutine.resume(t[i + 1]) end) end coroutine.resume(t[1]) end
--- coroutines that fail
while true do coroutine.resume(coroutine.create(error)) end
--- coroutines in metamethods
local t = setmetatable({}, {__index = function(t, k) return coroutine.wrap(function() return t[k + 1] end)() end}) while true do pcall(function() return t[1] end) end
--- recursion
local function f() return 1 + f() end while true do pcall(f) end
--- deep pcalls
local function f() pcall(f) while true do end end f()
--- tail calls
local function f() return f() end f()
--- sort
local t = {} for i = 1, 3000 do t[i] = (i * 7919) % 3001 end while true do table.sort(t) t[1] = math.random() end
--- sort comparator
table.sort({3, 2, 1, 4}, function() while true do end end)
--- sort comparator that catches
table.sort({3, 2, 1, 4}, function(a, b) pcall(function() while true do end end) return a < b end) while true do end
--- sort with a C comparator
local t = {} for i = 1, 100000 do t[i] = i end while true do pcall(table.sort, t, rawequal) end
--- pattern
return (('a'):rep(600)):find('.-.-.-b')
--- pattern in a loop
while true do pcall(string.find, ('a'):rep(600), '.-.-.-b') end
--- optional items
return (('a'):rep(28)):find(('a?'):rep(28) .. ('a'):rep(28))
--- innocent trim
local s = 'x' .. (' '):rep(20000) .. 'x' while true do s:match('^%s*(.-)%s*$') end
--- one innocent trim
return ('x' .. ('  x'):rep(300000)):match('^(.-)%s*$')
--- gsub
local s = ('a'):rep(500000) while true do s:gsub('a', 'bb') end
--- gsub callback
('a'):gsub('a', function() while true do end end)
--- gsub callback that catches
('aaaa'):gsub('a', function() pcall(function() while true do end end) end) while true do end
--- gmatch
while true do for w in (('a '):rep(1000)):gmatch('%w+') do end end
--- balance
local s = ('('):rep(100000) while true do s:find('%b()') end
--- set
local s, p = ('a'):rep(10000), '[' .. ('b'):rep(10000) .. ']' while true do s:find(p) end
--- rep
while true do local s = ('x'):rep(3000000) end
--- rep again and again
local s while true do s = ('xy'):rep(1000000) end
--- concat operator (heavy)
local s = ('x'):rep(1000000) local t = s .. 'y' while true do local u = s .. 'y' end
--- table.concat
local t = {} for i = 1, 100000 do t[i] = 'x' end while true do table.concat(t) end
--- format
while true do local s = string.format('%s%s', ('x'):rep(1000000), 'y') end
--- insert at the front
local t = {} for i = 1, 200000 do t[i] = i end while true do table.insert(t, 1, 0) table.remove(t) end
--- next over holes
local t = {} for i = 1, 300000 do t[i] = i end for i = 1, 299999 do t[i] = nil end while true do next(t) end
--- garbage
while true do local t = {{}, {}, {}} end
--- closures
while true do local function f() return f end end
--- __index chain
local t = setmetatable({}, {__index = function(t, k) return t[k + 1] end}) while true do pcall(function() return t[1] end) end
--- __tostring
local t t = setmetatable({}, {__tostring = function() return tostring(t) end}) while true do pcall(tostring, t) end
--- __tostring is tostring
local t = setmetatable({}, {__tostring = tostring}) while true do pcall(tostring, t) end
--- __pairs is pairs
local t = setmetatable({}, {__pairs = pairs}) while true do pcall(pairs, t) end
--- __call is pcall
local t = setmetatable({}, {__call = pcall}) while true do t() end
--- __lt
local m = {__lt = function() while true do end end} return setmetatable({}, m) < setmetatable({}, m)
--- __concat
local t = setmetatable({}, {__concat = function(a) return (a .. 'x') .. 'x' end}) while true do pcall(function() return t .. 'x' end) end
--- host calls
while true do pcall(test.emit, print) end
--- arithmetic with a long text of digits (heavy)
local d = ('1'):rep(60000) while true do local x = d + 0 end
--- arithmetic with a text of blanks (heavy)
local d = (' '):rep(60000) while true do pcall(function() return d + 0 end) end
--- arithmetic with many texts of digits (heavy)
local t = {} for i = 1, 40 do t[i] = tostring(i % 10):rep(5000) .. i end while true do for i = 1, 40 do local x = -t[i] end end
--- tonumber
local d = ('1'):rep(60000) while true do tonumber(d) end
--- tonumber with a base
local d = ('1'):rep(60000) while true do tonumber(d, 7) end
--- comparison of long texts (heavy)
local a, b = ('x'):rep(60000) .. 'a', ('x'):rep(60000) .. 'b' while true do local c = a < b end
--- unpack
local t = {} while true do unpack(t, 1, 7000) end
--- byte (heavy)
local s = ('x'):rep(7000) while true do s:byte(1, 7000) end
--- json.decode
local s = '[' .. ('[1,2,{"a":"b"}],'):rep(8000) .. '1]' while true do json.decode(s) end
--- json.decode of blanks
local s = (' '):rep(1000000) .. '1' while true do json.decode(s) end
--- json.encode
local t = {} for i = 1, 30000 do t[i] = {i, 'x'} end while true do json.encode(t) end
--- json.encode of one table with many keys
local t = {} for i = 1, 20000 do t['k' .. i] = i end while true do json.encode(t) end
--- json.pick
local s = '{"a":[' .. ('1,'):rep(10000) .. '1]}' while true do json.pick(s, '/b') end
--- os.date with a long format
while true do pcall(os.date, ('%c'):rep(400000)) end
--- os.date with the longest format
local f = ('%c'):rep(512) while true do os.date(f) end
--- find of text that nearly is there
local s, p = ('a'):rep(1000000), 'b' .. ('a'):rep(254) while true do s:find(p, 1, true) end
--- find of a long text
local s, p = ('a'):rep(600000), ('a'):rep(500000) .. 'b' while true do s:find(p) end
--- find of a long pattern that ends at a NUL
local p = ('\0'):rep(1000000) .. '.' while true do string.find('b', p) end
--- gsub with a long template
local t = ('%0'):rep(1000000) while true do ('a'):gsub('a', t) end
--- format of a long text in quotes
local s = ('\0001'):rep(200000) while true do string.format('%q', s) end
--- format of many digits
local t = {} for i = 1, 585 do t[i] = 1.7e308 end local f = ('%.99f'):rep(585) while true do string.format(f, unpack(t)) end
--- lower
local s = ('X'):rep(1000000) while true do s:lower() end
--- sort of long texts
local t, p = {}, ('x'):rep(3000) for i = 1, 1000 do t[i] = p .. i end while true do table.sort(t) t[1], t[1000] = t[1000], t[1] end
--- comparison of texts of megabytes (heavy)
local s = ('x'):rep(1500000) local a, b = s .. 'a', s .. 'b' s = nil while true do local c = a < b and a < b and a < b and a < b and a < b end
--- insert far from the end
while true do pcall(table.insert, {}, -1e9, 1) end
--- print of many values
local function f(...) while true do print(...) end end f(unpack({}, 1, 7000))
--- print of what takes long to say
local t = setmetatable({}, {__tostring = function() for i = 1, 1e5 do end return ('x'):rep(10000) end}) while true do print(t, t, t, t) end
--- form.parse
local s = ('a=b&'):rep(200000) while true do form.parse(s) end
--- form.parse of nothing
local s = ('&'):rep(1000000) while true do form.parse(s) end
--- form.get
local s = ('%41=b&'):rep(150000) while true do form.get(s, 'c') end
--- cookies.get
local s = (' ;'):rep(500000) while true do cookies.get(s, 'a') end
--- query.escape and query.unescape
local s = ('%41'):rep(200000) while true do query.escape(s) query.unescape(s) end
--- base64
local s = ('x'):rep(500000) while true do base64.decode(base64.encode(s)) end
--- grpc.message
local s = ('\8\1'):rep(500000) while true do grpc.message(s, 3) end
--- json.encode of control characters
local s = ('\1'):rep(500000) while true do json.encode(s) end
--- json.pick with a long pointer
local p = ('/a'):rep(1000000) while true do pcall(json.pick, '{}', p) end
