-- Tells GraphQL operations apart, which all come to one path, so that routes, limits and logs can.
--
-- Sets, for POST with a JSON body and for GET with `query`:
--   x-graphql-type   query, mutation or subscription
--   x-graphql-name   the operation's name, if it has one
--   x-graphql-fields the fields at its top level, with commas between them (32 at most)
--
-- Configured by `filter_context`:
--   prefix     beginning of the headers' names (default "x-graphql-")
--   refuse     types that are answered with 403, with commas between them, such as "mutation" (default none)
--   max_depth  deeper operations are answered with 400 (default 20)

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

-- The document without strings, comments and what stands in parentheses: names and braces are what is left.
local function bare(document)
  document = document:gsub('"""(.-)"""', ""):gsub('\\"', ""):gsub('"[^"\n]*"', ""):gsub("#[^\n]*", "")
  local count = 1
  -- Arguments may hold objects; from the innermost parentheses outwards.
  while count > 0 do document, count = document:gsub("%([^()]*%)", "") end
  return document
end

-- The operations of a document: type, name, top-level fields, depth.
local function operations_of(document)
  local operations, current, depth, keyword, name, skipped = {}, nil, 0, nil, nil, false
  local text = bare(document)
  local position = 1
  while position <= #text do
    local word, behind = text:match("^([%a_][%w_]*)()", position)
    local letter = text:sub(position, position)
    if word then
      position = behind
      if depth == 0 then
        if not keyword then keyword = word else name = name or word end
      elseif depth == 1 and current and not skipped then
        -- Of `alias: field` the field counts.
        local field, stop = text:match("^%s*:%s*([%a_][%w_]*)()", position)
        if field then word, position = field, stop end
        if #current.fields < 32 then current.fields[#current.fields + 1] = word end
      end
      skipped = false
    elseif letter == "@" or letter == "." then
      -- A directive's or a fragment's name is no field.
      skipped = letter == "@" or text:sub(position, position + 2) == "..."
      position = position + (letter == "." and 3 or 1)
    elseif letter == "{" then
      depth = depth + 1
      if depth == 1 and keyword ~= "fragment" then
        current = { type = keyword or "query", name = name, fields = {}, depth = 0 }
        operations[#operations + 1] = current
      end
      if current then current.depth = math.max(current.depth, depth) end
      position = position + 1
    elseif letter == "}" then
      depth = depth - 1
      if depth < 0 then return nil end
      if depth == 0 then current, keyword, name = nil, nil, nil end
      position = position + 1
    else
      position = position + 1
    end
  end
  return depth == 0 and #operations > 0 and operations or nil
end

local function chosen(operations, wanted)
  if not wanted then return #operations == 1 and operations[1] or nil end
  for _, operation in ipairs(operations) do
    if operation.name == wanted then return operation end
  end
end

local function decoded(text)
  return (text:gsub("+", " "):gsub("%%(%x%x)", function(digits) return string.char(tonumber(digits, 16)) end))
end

-- The document and the name of the operation that a request asks for.
local function asked(handle)
  local headers = handle:headers()
  if headers:get(":method") == "GET" then
    local query = "&" .. ((headers:get(":path") or ""):match("%?(.*)$") or "")
    local document, name = query:match("&query=([^&]*)"), query:match("&operationName=([^&]*)")
    return document and decoded(document), name and decoded(name)
  end
  local body = handle:body()
  if not body then return nil end
  local fine, value = pcall(json_decode, body:getBytes(0, body:length()))
  if not fine or type(value) ~= "table" or type(value.query) ~= "string" then return nil end
  return value.query, type(value.operationName) == "string" and value.operationName or nil
end

function envoy_on_request(handle)
  local settings, headers = handle:filterContext(), handle:headers()
  -- Read before the body is waited for: in Envoy these objects do not outlive a wait.
  local prefix, refused_types = settings:get("prefix") or "x-graphql-", settings:get("refuse") or ""
  local max_depth = settings:get("max_depth") or 20
  for _, part in ipairs({ "type", "name", "fields" }) do headers:remove(prefix .. part) end

  local document, name = asked(handle)
  if not document then return end
  local operations = operations_of(document)
  local operation = operations and chosen(operations, name)
  if not operation then return handle:respond({ [":status"] = "400" }, "no GraphQL operation to run\n") end
  if operation.depth > max_depth then
    return handle:respond({ [":status"] = "400" }, "the operation is nested too deep\n")
  end
  for refused in refused_types:gmatch("[^, ]+") do
    if operation.type == refused then return handle:respond({ [":status"] = "403" }, refused .. " is not allowed here\n") end
  end

  headers = handle:headers()
  headers:add(prefix .. "type", operation.type)
  if operation.name then headers:add(prefix .. "name", operation.name) end
  headers:add(prefix .. "fields", table.concat(operation.fields, ","))
end
