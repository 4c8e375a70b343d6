-- Checks JSON bodies of requests against a schema, a small and useful part of JSON Schema, before a service sees them.
--
-- Configured by `filter_context`:
--   schema  the schema: type (also a list of types), required, properties, additionalProperties: false, items, enum,
--           const, minimum, maximum, minLength, maxLength, minItems, maxItems, pattern (a pattern of Lua's)
--   methods methods whose bodies are checked (default "POST, PUT, PATCH")
--   max_bytes bytes that a body may have (default 131072); a longer one is answered with 413
--   status  of the answer to what is not as it must be (default 400)

-- begin json (the same text in every filter that has it; a test compares them)
-- What JSON's null becomes, since a table cannot hold nil; the reader, which returns nil and a message for what is no JSON, or
-- what readers differ about (names that come twice in an object, half a surrogate pair, invalid UTF-8); what an array is.
local null, json_decode, is_list

if json then
  null = json.null
  function json_decode(text) return json.decode(text, true) end
  function is_list(value) return type(value) == "table" and (#value > 0 or getmetatable(value) == false) end
else
  local lists = {}
  null = {}
  function is_list(value) return getmetatable(value) == lists end

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

  function json_decode(text)
    local fine, value = pcall(read, text)
    if fine then return value end
    return nil, value
  end
end
-- end json

local function kind_of(value)
  if value == null then return "null" end
  if type(value) ~= "table" then
    return type(value) == "number" and value == math.floor(value) and "integer" or type(value)
  end
  return is_list(value) and "array" or "object"
end

local function is_kind(kind, wanted) return kind == wanted or wanted == "number" and kind == "integer" end

-- What is wrong with a value, with the place inside it in front; nil when nothing is.
local check

local function check_type(value, wanted)
  local kind = kind_of(value)
  if type(wanted) == "string" then
    if not is_kind(kind, wanted) then return " must be of type " .. wanted end
  elseif type(wanted) == "table" then
    for index = 1, #wanted do
      if is_kind(kind, wanted[index]) then return nil end
    end
    return " must be of type " .. table.concat(wanted, " or ")
  end
end

local function check_text(value, schema)
  if schema.minLength or schema.maxLength then
    -- Characters, as JSON Schema counts them: the bytes that do not go on with one.
    local _, length = value:gsub("[^\128-\191]", "")
    if schema.minLength and length < schema.minLength then return " is too short" end
    if schema.maxLength and length > schema.maxLength then return " is too long" end
  end
  if schema.pattern and not value:find(schema.pattern) then return " does not have the form that it must have" end
end

local function check_number(value, schema)
  if schema.minimum and value < schema.minimum then return " must be at least " .. schema.minimum end
  if schema.maximum and value > schema.maximum then return " must be at most " .. schema.maximum end
end

local function check_list(value, schema)
  if schema.minItems and #value < schema.minItems then return " has too few items" end
  if schema.maxItems and #value > schema.maxItems then return " has too many items" end
  local items = schema.items
  if not items then return nil end
  for index = 1, #value do
    local problem = check(value[index], items)
    if problem then return "/" .. index - 1 .. problem end
  end
end

local function check_object(value, schema)
  local required, properties = schema.required, schema.properties
  for index = 1, required and #required or 0 do
    if value[required[index]] == nil then return "/" .. required[index] .. " is missing" end
  end
  if not properties and schema.additionalProperties ~= false then return nil end
  for name, member in pairs(value) do
    local inner = properties and properties[name]
    if inner then
      local problem = check(member, inner)
      if problem then return "/" .. name .. problem end
    elseif schema.additionalProperties == false then
      return "/" .. name .. " is unknown"
    end
  end
end

local words = {}
for word in ([[type required properties additionalProperties items enum const minimum maximum minLength maxLength minItems
  maxItems pattern title description default examples]]):gmatch("%S+") do words[word] = true end

-- Schemas, and parts of them, whose words are all known.
local read = setmetatable({}, { __mode = "k" })

function check(value, schema)
  if not read[schema] then
    -- A word that nobody looks at would check nothing.
    for word in pairs(schema) do
      if not words[word] then error('the schema has "' .. word .. '", which is no word that this filter knows', 0) end
    end
    read[schema] = true
  end
  local problem = check_type(value, schema.type)
  if problem then return problem end
  if schema.enum then
    local found = false
    for _, each in pairs(schema.enum) do found = found or each == value end
    if not found then return " is none of the values that it may have" end
  end
  if schema.const ~= nil and value ~= schema.const then return " is not the value that it must have" end
  if type(value) == "string" then return check_text(value, schema) end
  if type(value) == "number" then return check_number(value, schema) end
  if type(value) ~= "table" or value == null then return nil end
  if is_list(value) then return check_list(value, schema) end
  return check_object(value, schema)
end

local function refuse(handle, status, problem)
  -- Names come from the client and may be long; a character is not cut in two.
  if #problem > 500 then
    local stop = 500
    while stop > 496 and problem:byte(stop + 1) >= 0x80 and problem:byte(stop + 1) < 0xC0 do stop = stop - 1 end
    problem = problem:sub(1, stop) .. " …"
  end
  local text = problem:gsub('[%c"\\]', function(each) return string.format("\\u%04x", each:byte()) end)
  handle:respond({ [":status"] = tostring(status), ["content-type"] = "application/problem+json" },
    '{"title": "the body is not as it must be", "detail": "' .. text .. '"}\n')
end

function envoy_on_request(handle)
  local settings = handle:filterContext()
  local schema, methods = settings:get("schema"), settings:get("methods") or "POST, PUT, PATCH"
  local method = handle:headers():get(":method") or ""
  if not schema or not (" " .. methods:gsub(",", " ") .. " "):find(" " .. method .. " ", 1, true) then return end
  -- Read before the body is waited for: in Envoy these objects do not outlive a wait.
  local status, most = settings:get("status") or 400, settings:get("max_bytes") or 131072
  local body = handle:body()
  if body and body:length() > most then return refuse(handle, 413, "the body has more than " .. most .. " bytes") end
  local value, problem = json_decode(body and body:getBytes(0, body:length()) or "")
  problem = problem or check(value, schema)
  if problem then refuse(handle, status, problem) end
end
