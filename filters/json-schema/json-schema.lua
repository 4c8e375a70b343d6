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
  local strict = require("strict_json")
  null, json_decode, is_list = strict.null, strict.decode, strict.is_list
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
