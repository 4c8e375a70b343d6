-- A reader of JSON for the ready filters where the proxy has none, as in Envoy: `package_paths` must find this file there.
-- What is no JSON is refused, and what readers differ about: names that come twice in an object, half a surrogate pair,
-- invalid UTF-8.
--
--   null        what JSON's null becomes, since a table cannot hold nil
--   decode      a text's value, or nil and a message
--   is_list     whether a value was an array
local lists, null = {}, {}
local function is_list(value) return getmetatable(value) == lists end

local escapes = { b = "\b", f = "\f", n = "\n", r = "\r", t = "\t", ['"'] = '"', ["\\"] = "\\", ["/"] = "/" }

local function utf8(code)
  if code < 0x80 then return string.char(code) end
  if code < 0x800 then return string.char(0xC0 + math.floor(code / 64), 0x80 + code % 64) end
  local tail = string.char(0x80 + math.floor(code / 64) % 64, 0x80 + code % 64)
  if code < 0x10000 then return string.char(0xE0 + math.floor(code / 4096)) .. tail end
  return string.char(0xF0 + math.floor(code / 262144), 0x80 + math.floor(code / 4096) % 64) .. tail
end

-- RFC 3629 section 4: no overlong forms, no surrogates, nothing over U+10FFFF.
local function is_utf8(text)
  local at = text:find("[\128-\255]")
  while at do
    local first, second = text:byte(at, at + 1)
    local size = first < 0xC2 and 0 or first < 0xE0 and 2 or first < 0xF0 and 3 or first < 0xF5 and 4 or 0
    local least, most = first == 0xE0 and 0xA0 or first == 0xF0 and 0x90 or 0x80, first == 0xED and 0x9F or first == 0xF4 and 0x8F or 0xBF
    if size == 0 or not second or second < least or second > most then return false end
    if #(text:match("^[\128-\191]*", at + 2)) < size - 2 then return false end
    at = text:find("[\128-\255]", at + size)
  end
  return true
end

local function read(text)
  local position, depth, value_at = 1, 0, nil
  local function fail() error("invalid JSON at byte " .. position, 0) end
  local function skip() position = text:match("^[ \t\r\n]*()", position) end

  local function unit_at(start) return tonumber(text:match("^\\u(%x%x%x%x)", start) or fail(), 16) end

  local function string_at()
    local parts = {}
    position = position + 1
    while true do
      local plain, stop = text:match('^([^"\\%z\1-\31]*)()', position)
      if not is_utf8(plain) then fail() end
      parts[#parts + 1], position = plain, stop
      local byte = text:sub(position, position)
      if byte == '"' then
        position = position + 1
        return table.concat(parts)
      end
      if byte ~= "\\" then fail() end
      local letter = text:sub(position + 1, position + 1)
      if letter == "u" then
        local code = unit_at(position)
        if code >= 0xDC00 and code < 0xE000 then fail() end
        if code >= 0xD800 and code < 0xDC00 then
          local low = unit_at(position + 6)
          if low < 0xDC00 or low >= 0xE000 then fail() end
          code, position = 0x10000 + (code - 0xD800) * 0x400 + low - 0xDC00, position + 6
        end
        parts[#parts + 1], position = utf8(code), position + 6
      else
        parts[#parts + 1], position = escapes[letter] or fail(), position + 2
      end
    end
  end

  local function number_at()
    local start, stop = position, text:match("^-?%d+()", position) or fail()
    if text:find("^-?0%d", start) then fail() end
    stop = text:match("^%.%d+()", stop) or stop
    position = text:match("^[eE][+-]?%d+()", stop) or stop
    -- LuaJIT has no number for an exponent of very many digits.
    return tonumber(text:sub(start, position - 1)) or fail()
  end

  local function list_at()
    local list = setmetatable({}, lists)
    position = position + 1
    skip()
    if text:sub(position, position) == "]" then position = position + 1 return list end
    while true do
      list[#list + 1] = value_at()
      local mark = text:sub(position, position)
      if mark ~= "]" and mark ~= "," then fail() end
      position = position + 1
      if mark == "]" then return list end
    end
  end

  local function object_at()
    local object = {}
    position = position + 1
    skip()
    if text:sub(position, position) == "}" then position = position + 1 return object end
    while true do
      skip()
      if text:sub(position, position) ~= '"' then fail() end
      local name = string_at()
      if object[name] ~= nil then fail() end
      skip()
      if text:sub(position, position) ~= ":" then fail() end
      position = position + 1
      object[name] = value_at()
      local mark = text:sub(position, position)
      if mark ~= "}" and mark ~= "," then fail() end
      position = position + 1
      if mark == "}" then return object end
    end
  end

  function value_at()
    depth = depth + 1
    if depth > 101 then fail() end
    skip()
    local byte, value = text:sub(position, position), nil
    if byte == "{" then
      value = object_at()
    elseif byte == "[" then
      value = list_at()
    elseif byte == '"' then
      value = string_at()
    elseif text:find("^true", position) then
      value, position = true, position + 4
    elseif text:find("^false", position) then
      value, position = false, position + 5
    elseif text:find("^null", position) then
      value, position = null, position + 4
    else
      value = number_at()
    end
    skip()
    depth = depth - 1
    return value
  end

  local value = value_at()
  if position <= #text then fail() end
  return value
end

local function decode(text)
  local fine, value = pcall(read, text)
  if fine then return value end
  return nil, value
end

return { null = null, decode = decode, is_list = is_list }
