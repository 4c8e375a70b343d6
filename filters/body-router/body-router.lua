-- Routes by what stands in the body of a request: copies a field's value into a header, and the proxy computes the route
-- anew. The body may be JSON, a web form, or a gRPC message.
--
-- Configured by the filter's or the route's `filter_context`:
--   format  "json" (default), "form" or "grpc"; a form and a gRPC message are told by their content-type, too
--   field   name of the field (default "model"); in JSON at any depth, the first one with a string value;
--           in a gRPC message numbers from the outside in, such as "1.1"
--   after   only what stands behind this text, such as "@" for the domain of an address (default: all of the value)
--   path    only requests for this path (default: all)
--   header  header that gets the value (default "x-" and the field's name)
--   scan_limit bytes of a body that is looked at (default 65536); a longer one has no field
--   longest bytes of a value that are taken (default 128); a longer one is no value

-- JSON ------------------------------------------------------------------------------------------------------------

-- The text of a JSON string, without its escapes; nil for one that has an escape other than these.
local plain = { ['\\"'] = '"', ["\\\\"] = "\\", ["\\/"] = "/" }

local function unescape(text)
  local known = true
  text = text:gsub("\\.", function(escape)
    if not plain[escape] then known = false end
    return plain[escape]
  end)
  return known and text or nil
end

-- The string that begins at the quote at `start`, and where what is behind it begins.
local function string_at(text, start)
  local position = start + 1
  while true do
    local stop = text:find('["\\]', position)
    if not stop then return nil, #text + 1 end
    if text:sub(stop, stop) == '"' then return text:sub(start + 1, stop - 1), stop + 1 end
    position = stop + 2
  end
end

-- The value of the first member called `field` whose value is a string. Goes from string to string, so that a name
-- inside another string is none.
local function find_in_json(text, field)
  local position = 1
  while true do
    local start = text:find('"', position, true)
    if not start then return nil end
    local name, behind = string_at(text, start)
    local value_start = name == field and text:match("^%s*:%s*()\"", behind)
    if value_start then
      local value = string_at(text, value_start)
      return value and unescape(value)
    end
    position = behind
  end
end

-- Forms -----------------------------------------------------------------------------------------------------------

local function decode_form(text)
  text = text:gsub("%+", " ")
  return (text:gsub("%%(%x%x)", function(digits) return string.char(tonumber(digits, 16)) end))
end

-- The value of the first field of this name in application/x-www-form-urlencoded.
local function find_in_form(text, field)
  for item in text:gmatch("[^&]+") do
    local stop = item:find("=", 1, true)
    if stop and decode_form(item:sub(1, stop - 1)) == field then return decode_form(item:sub(stop + 1)) end
  end
  return nil
end

-- gRPC ------------------------------------------------------------------------------------------------------------

-- A number of protobuf at `position`, and where what is behind it begins. Ten bytes are the longest.
local function varint_at(text, position, last)
  local value, factor = 0, 1
  for index = position, math.min(position + 9, last) do
    local byte = text:byte(index)
    if byte < 128 then return value + byte * factor, index + 1 end
    value, factor = value + (byte - 128) * factor, factor * 128
  end
  return nil
end

-- Where the bytes of field `number` of the message from `first` to `last` begin and end: those of the last one, as
-- protobuf has it.
local function field_at(text, number, first, last)
  local position, found_first, found_last = first, nil, nil
  while position <= last do
    local key, behind = varint_at(text, position, last)
    if not key then return nil end
    local kind, this = key % 8, math.floor(key / 8)
    if kind == 0 then
      local _, stop = varint_at(text, behind, last)
      if not stop then return nil end
      position = stop
    elseif kind == 1 then position = behind + 8
    elseif kind == 5 then position = behind + 4
    elseif kind == 2 then
      local length, start = varint_at(text, behind, last)
      if not length or length > last - start + 1 then return nil end
      position = start + length
      if this == number then found_first, found_last = start, position - 1 end
    else return nil end
  end
  return found_first, found_last
end

-- The text at the end of a path of field numbers in the first message of a gRPC call; nil for a compressed one.
local function find_in_grpc(text, path)
  if #text < 5 or text:byte(1) ~= 0 then return nil end
  local length = ((text:byte(2) * 256 + text:byte(3)) * 256 + text:byte(4)) * 256 + text:byte(5)
  if length > #text - 5 then return nil end
  local first, last = 6, 5 + length
  for number in path:gmatch("%d+") do
    first, last = field_at(text, tonumber(number), first, last)
    if not first then return nil end
  end
  return text:sub(first, last)
end

--------------------------------------------------------------------------------------------------------------------

local formats = {
  json = { find = find_in_json },
  form = { find = find_in_form, type = "application/x-www-form-urlencoded" },
  grpc = { find = find_in_grpc, type = "application/grpc" },
}

-- Whether the request is one that the configuration means.
local function is_meant(headers, context, format)
  local path = context:get("path")
  if path and (headers:get(":path") or ""):match("^[^?#]*") ~= path then return false end
  if not format.type then return true end
  local type = headers:get("content-type") or ""
  return type:sub(1, #format.type):lower() == format.type
end

function envoy_on_request(handle)
  local context, headers = handle:filterContext(), handle:headers()
  local field = context:get("field") or "model"
  local header = context:get("header") or ("x-" .. field)
  local longest = context:get("longest") or 128
  local format = formats[context:get("format") or "json"]

  -- What a client sent under this name decides nothing.
  headers:remove(header)
  if not format then error("format is json, form or grpc") end
  if format.find == find_in_grpc and not field:find("^%d[%d.]*$") then
    error('field is "' .. field .. '"; of a gRPC message it is numbers such as "1.1"', 0)
  end
  if not is_meant(headers, context, format) then return end
  -- Read before the body is waited for: in Envoy these objects do not outlive a wait.
  local after, limit = context:get("after"), context:get("scan_limit") or 65536
  local body = handle:body()
  if not body or body:length() > limit then return end
  local value = format.find(body:getBytes(0, body:length()), field)
  if value and after then
    local _, stop = value:find(after, 1, true)
    value = stop and value:sub(stop + 1)
  end
  -- Only what can stand in a header, and is no more than a name.
  if value and #value <= longest and not value:find("%c") then handle:headers():add(header, value) end
end
