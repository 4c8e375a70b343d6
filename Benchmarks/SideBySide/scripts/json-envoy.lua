-- Routes by a field of a JSON body where the proxy brings no decoder: one in plain Lua comes with the script.
local find, sub, byte, tonumber, char = string.find, string.sub, string.byte, tonumber, string.char
local escapes = { b = "\b", f = "\f", n = "\n", r = "\r", t = "\t", ['"'] = '"', ["\\"] = "\\", ["/"] = "/" }
local value

local function space(text, at)
  return find(text, "[^ \t\r\n]", at) or #text + 1
end

local function quoted(text, at)
  local stop = find(text, '["\\]', at + 1)
  if stop and byte(text, stop) == 34 then return sub(text, at + 1, stop - 1), stop + 1 end
  local parts, from = {}, at + 1
  while stop do
    parts[#parts + 1] = sub(text, from, stop - 1)
    if byte(text, stop) == 34 then return table.concat(parts), stop + 1 end
    local letter = sub(text, stop + 1, stop + 1)
    if letter == "u" then
      parts[#parts + 1] = char(tonumber(sub(text, stop + 2, stop + 5), 16) % 256)
      from = stop + 6
    else
      parts[#parts + 1] = escapes[letter] or error("a bad escape")
      from = stop + 2
    end
    stop = find(text, '["\\]', from)
  end
  error("a string without an end")
end

local function object(text, at)
  local result = {}
  at = space(text, at + 1)
  if byte(text, at) == 125 then return result, at + 1 end
  while true do
    local name
    name, at = quoted(text, at)
    at = space(text, at)
    if byte(text, at) ~= 58 then error("a colon is missing") end
    result[name], at = value(text, space(text, at + 1))
    at = space(text, at)
    local mark = byte(text, at)
    if mark == 125 then return result, at + 1 end
    if mark ~= 44 then error("a comma is missing") end
    at = space(text, at + 1)
  end
end

local function array(text, at)
  local result = {}
  at = space(text, at + 1)
  if byte(text, at) == 93 then return result, at + 1 end
  while true do
    result[#result + 1], at = value(text, at)
    at = space(text, at)
    local mark = byte(text, at)
    if mark == 93 then return result, at + 1 end
    if mark ~= 44 then error("a comma is missing") end
    at = space(text, at + 1)
  end
end

function value(text, at)
  local mark = byte(text, at)
  if mark == 34 then return quoted(text, at) end
  if mark == 123 then return object(text, at) end
  if mark == 91 then return array(text, at) end
  local from, stop = find(text, "^-?%d+%.?%d*[eE]?[-+]?%d*", at)
  if from then return tonumber(sub(text, from, stop)), stop + 1 end
  for word, meaning in pairs({ ["true"] = true, ["false"] = false, ["null"] = false }) do
    if sub(text, at, at + #word - 1) == word then return meaning, at + #word end
  end
  error("no value at " .. at)
end

function envoy_on_request(handle)
  local body = handle:body()
  local good, document = pcall(value, body:getBytes(0, body:length()), 1)
  local currency = good and document.order and document.order.payment and document.order.payment.amount.currency
  handle:headers():replace("x-lua", currency or "none")
  handle:clearRouteCache()
end
