-- Checks JSON bodies of requests against a schema, a small and useful part of JSON Schema, before a service sees them.
--
-- Configured by `filter_context`:
--   schema  the schema: type (also a list of types), required, properties, additionalProperties: false, items, enum,
--           const, minimum, maximum, minLength, maxLength, minItems, maxItems, pattern (a pattern of Lua's)
--   methods methods whose bodies are checked (default "POST, PUT, PATCH")
--   status  of the answer to what is not as it must be (default 400)

-- begin json (the same text in every filter that has it; a test compares them)
local null = {} -- what JSON's null becomes, since a table cannot hold nil

local function json_decode(text)
  local position, depth, value_at = 1, 0, nil
  local escapes = { b = "\b", f = "\f", n = "\n", r = "\r", t = "\t", ['"'] = '"', ["\\"] = "\\", ["/"] = "/" }
  local function fail() error("invalid JSON at byte " .. position, 0) end
  local function skip() position = text:match("^[ \t\r\n]*()", position) end

  local function utf8(code)
    if code < 0x80 then return string.char(code) end
    if code < 0x800 then return string.char(0xC0 + math.floor(code / 64), 0x80 + code % 64) end
    return string.char(0xE0 + math.floor(code / 4096), 0x80 + math.floor(code / 64) % 64, 0x80 + code % 64)
  end

  local function string_at()
    local parts = {}
    position = position + 1
    while true do
      local plain, stop = text:match('^([^"\\%c]*)()', position)
      parts[#parts + 1], position = plain, stop
      local byte = text:sub(position, position)
      if byte == '"' then
        position = position + 1
        return table.concat(parts)
      end
      if byte ~= "\\" then fail() end
      local letter = text:sub(position + 1, position + 1)
      if letter == "u" then
        local code = tonumber(text:match("^%x%x%x%x", position + 2) or fail(), 16)
        parts[#parts + 1], position = utf8(code), position + 6
      else
        parts[#parts + 1], position = escapes[letter] or fail(), position + 2
      end
    end
  end

  local function list_at()
    local list = {}
    position = position + 1
    skip()
    if text:sub(position, position) == "]" then position = position + 1 return list end
    while true do
      list[#list + 1] = value_at()
      local mark = text:sub(position, position)
      position = position + 1
      if mark == "]" then return list end
      if mark ~= "," then fail() end
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
      skip()
      if text:sub(position, position) ~= ":" then fail() end
      position = position + 1
      -- Two values of one name: which of them the service takes nobody knows.
      if object[name] ~= nil then fail() end
      object[name] = value_at()
      local mark = text:sub(position, position)
      position = position + 1
      if mark == "}" then return object end
      if mark ~= "," then fail() end
    end
  end

  function value_at()
    depth = depth + 1
    if depth > 100 then fail() end
    skip()
    local byte, value = text:sub(position, position), nil
    if byte == "{" then
      value = object_at()
    elseif byte == "[" then
      value = list_at()
    elseif byte == '"' then
      value = string_at()
    elseif text:match("^true", position) then
      value, position = true, position + 4
    elseif text:match("^false", position) then
      value, position = false, position + 5
    elseif text:match("^null", position) then
      value, position = null, position + 4
    else
      local number = text:match("^-?%d+%.?%d*[eE]?[+-]?%d*", position)
      value = number and not number:match("^-?0%d") and tonumber(number) or fail()
      position = position + #number
    end
    skip()
    depth = depth - 1
    return value
  end

  local value = value_at()
  if position <= #text then fail() end
  return value
end
-- end json

local function kind_of(value)
  if value == null then return "null" end
  if type(value) ~= "table" then
    return type(value) == "number" and value == math.floor(value) and "integer" or type(value)
  end
  -- An empty list and an empty object cannot be told apart: it is whatever the schema wants.
  if next(value) == nil then return "empty" end
  return #value > 0 and "array" or "object"
end

local function is_kind(kind, wanted)
  if kind == wanted or wanted == "number" and kind == "integer" then return true end
  return kind == "empty" and (wanted == "array" or wanted == "object")
end

local check

local function check_type(value, wanted, place)
  local kind = kind_of(value)
  if type(wanted) == "string" then
    if not is_kind(kind, wanted) then return place .. " must be of type " .. wanted end
  elseif type(wanted) == "table" then
    for _, each in ipairs(wanted) do
      if is_kind(kind, each) then return nil end
    end
    return place .. " must be of type " .. table.concat(wanted, " or ")
  end
end

local function check_text(value, schema, place)
  if schema.minLength or schema.maxLength then
    -- Characters, as JSON Schema counts them: the bytes that do not go on with one.
    local _, length = value:gsub("[^\128-\191]", "")
    if schema.minLength and length < schema.minLength then return place .. " is too short" end
    if schema.maxLength and length > schema.maxLength then return place .. " is too long" end
  end
  if schema.pattern and not value:find(schema.pattern) then return place .. " does not have the form that it must have" end
end

local function check_number(value, schema, place)
  if schema.minimum and value < schema.minimum then return place .. " must be at least " .. schema.minimum end
  if schema.maximum and value > schema.maximum then return place .. " must be at most " .. schema.maximum end
end

local function check_table(value, schema, place)
  for _, name in ipairs(schema.required or {}) do
    if value[name] == nil then return place .. "/" .. name .. " is missing" end
  end
  if schema.minItems and #value < schema.minItems then return place .. " has too few items" end
  if schema.maxItems and #value > schema.maxItems then return place .. " has too many items" end
  for name, member in pairs(value) do
    local inner
    if type(name) == "number" then inner = schema.items else inner = (schema.properties or {})[name] end
    local where = place .. "/" .. (type(name) == "number" and name - 1 or name)
    if inner then
      local problem = check(member, inner, where)
      if problem then return problem end
    elseif schema.additionalProperties == false and type(name) == "string" then
      return where .. " is unknown"
    end
  end
end

function check(value, schema, place)
  local problem = check_type(value, schema.type, place)
  if problem then return problem end
  if schema.enum then
    local found = false
    for _, each in ipairs(schema.enum) do found = found or each == value end
    if not found then return place .. " is none of the values that it may have" end
  end
  if schema.const ~= nil and value ~= schema.const then return place .. " is not the value that it must have" end
  if type(value) == "string" then return check_text(value, schema, place) end
  if type(value) == "number" then return check_number(value, schema, place) end
  if type(value) == "table" and value ~= null then return check_table(value, schema, place) end
end

local function refuse(handle, status, problem)
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
  local status = settings:get("status") or 400
  local body = handle:body()
  local fine, value = pcall(json_decode, body and body:getBytes(0, body:length()) or "")
  if not fine then return refuse(handle, status, tostring(value)) end
  local problem = check(value, schema, "")
  if problem then refuse(handle, status, problem) end
end
