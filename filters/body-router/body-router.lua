-- Routes by a field of a JSON request body: copies the field's value into a header, and the proxy computes the route anew.
--
-- Configured by the filter's or the route's `filter_context`:
--   field   name of the field, at any depth; the first one with a string value counts (default "model")
--   header  header that gets the value (default "x-" and the field's name)
--   longest bytes of a value that are taken (default 128); a longer one is no value

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
local function find_field(text, field)
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

function envoy_on_request(handle)
  local context = handle:filterContext()
  local field = context:get("field") or "model"
  local header = context:get("header") or ("x-" .. field)
  local longest = context:get("longest") or 128

  -- What a client sent under this name decides nothing.
  handle:headers():remove(header)
  local body = handle:body()
  if not body then return end
  local value = find_field(body:getBytes(0, body:length()), field)
  -- Only what can stand in a header, and is no more than a name.
  if value and #value <= longest and not value:find("%c") then handle:headers():add(header, value) end
end
