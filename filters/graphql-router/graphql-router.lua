-- Tells GraphQL operations apart, which all come to one path, so that routes, limits and logs can.
--
-- Sets, for GET with `query` and for bodies that are JSON, application/graphql or a form:
--   x-graphql-type   query, mutation or subscription
--   x-graphql-name   the operation's name, if it has one
--   x-graphql-fields the fields at its top level, those of its fragments too, each once, with commas between them
--
-- Configured by `filter_context`:
--   prefix     beginning of the headers' names (default "x-graphql-")
--   refuse     types that are answered with 403, with commas between them, such as "mutation" (default none)
--   max_depth  deeper operations are answered with 400 (default 20); what fragments hold counts where they are used
--   max_bytes  bytes of a body that is looked at (default 131072)
--   strict     whether a request whose operation cannot be told is answered with 400 (default: where `refuse` or
--              `max_depth` is given, which it would get round)

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

-- More than these no real document has, and each costs time.
local most_tokens, most_fields, longest_name = 5000, 64, 128
local operations = { query = true, mutation = true, subscription = true }

-- Behind the string that begins at `start`; nil where it does not end. Steps are counted for escapes.
local function behind_string(text, start)
  if text:sub(start, start + 2) == '"""' then
    local position, steps = start + 3, 0
    while true do
      local quotes = text:match('()"""', position)
      if not quotes then return nil end
      if text:sub(quotes - 1, quotes - 1) ~= "\\" or quotes == start + 3 then return quotes + 3, steps end
      position, steps = quotes + 3, steps + 1
    end
  end
  local position, steps = start + 1, 0
  while true do
    local stop = text:find('["\\\r\n]', position)
    local byte = stop and text:sub(stop, stop)
    if byte == '"' then return stop + 1, steps end
    if byte ~= "\\" then return nil end
    position, steps = stop + 2, steps + 1
  end
end

-- Reads a document by its tokens: names and braces, without strings, comments and what stands in parentheses.
-- Returns its operations and its fragments by name; nil for what is no document.
local function document_of(text)
  local found, fragments = {}, {}
  local current, keyword, name = nil, nil, nil
  -- Of each open brace: how deep it is, fragments left away, and whether its fields are the operation's own.
  local levels, is_inline, parentheses, skips, tokens, position = {}, false, 0, false, 0, 1

  local function open()
    local outer = levels[#levels]
    if not outer then
      if keyword == "fragment" then
        if not name or fragments[name] then return false end
      elseif keyword and not operations[keyword] then
        return false
      end
      current = { type = keyword or "query", name = name, fields = {}, spreads = {}, depth = 1 }
      if keyword == "fragment" then fragments[name] = current else found[#found + 1] = current end
      levels[1] = { depth = 1, is_top = true }
      return true
    end
    local depth = outer.depth + (is_inline and 0 or 1)
    levels[#levels + 1] = { depth = depth, is_top = outer.is_top and is_inline }
    current.depth = math.max(current.depth, depth)
    return true
  end

  while true do
    position = text:match("^[%s,\239\187\191]*()", position)
    if position > #text then break end
    tokens = tokens + 1
    if tokens > most_tokens then return nil end
    local letter = text:sub(position, position)
    if letter == "#" then
      position = text:match("^[^\r\n]*()", position)
    elseif letter == '"' then
      local behind, steps = behind_string(text, position)
      if not behind then return nil end
      position, tokens = behind, tokens + steps
    elseif letter == "(" or letter == ")" then
      parentheses = parentheses + (letter == "(" and 1 or -1)
      if parentheses < 0 then return nil end
      position = position + 1
    elseif parentheses > 0 then
      position = text:match('^[^%s,()"#]+()', position)
    elseif letter:find("[%a_]") then
      local word, behind = text:match("^([%w_]+)()", position)
      position = behind
      local level = levels[#levels]
      if skips then
        skips = false
      elseif not level then
        if not keyword then keyword = word else name = name or word end
      elseif is_inline and word == "on" then
        skips = true -- the type's name
      elseif is_inline then
        is_inline = false
        current.spreads[#current.spreads + 1] = { name = word, depth = level.depth, is_top = level.is_top }
      else
        -- Of `alias: field` the field counts. Between them there may be a comment.
        local after = position
        while true do
          after = text:match("^[%s,\239\187\191]*()", after)
          if text:sub(after, after) ~= "#" then break end
          after = text:match("^[^\r\n]*()", after)
        end
        if text:sub(after, after) == ":" then
          position = after + 1
        elseif level.is_top then
          current.fields[#current.fields + 1] = word
        end
      end
    elseif letter == "@" then
      skips, position = true, position + 1
    elseif text:sub(position, position + 2) == "..." then
      is_inline, position = true, position + 3
    elseif letter == "{" then
      if not open() then return nil end
      is_inline, position = false, position + 1
    elseif letter == "}" then
      if #levels == 0 then return nil end
      levels[#levels] = nil
      if #levels == 0 then current, keyword, name = nil, nil, nil end
      position = position + 1
    else
      position = position + 1
    end
  end
  if #levels > 0 or parentheses > 0 or keyword or #found == 0 then return nil end
  return found, fragments
end

-- How deep a definition is with the fragments that it uses; nil where they use one another in a circle.
local function depth_of(definition, fragments)
  if definition.whole then return definition.whole end
  if definition.is_open then return nil end
  definition.is_open = true
  local depth = definition.depth
  for _, spread in ipairs(definition.spreads) do
    local fragment = fragments[spread.name]
    local inner = fragment and depth_of(fragment, fragments) or not fragment and 1
    if not inner then return nil end
    depth = math.max(depth, spread.depth - 1 + inner)
  end
  definition.whole = depth
  return depth
end

-- The fields at the top level, each once; nil for too many.
local function fields_of(operation, fragments)
  local list, known, used = {}, {}, {}
  local function add(definition)
    for _, field in ipairs(definition.fields) do
      if not known[field] then
        known[field], list[#list + 1] = true, field
        if #list > most_fields or #field > longest_name then return false end
      end
    end
    for _, spread in ipairs(definition.spreads) do
      local fragment = spread.is_top and not used[spread.name] and fragments[spread.name]
      used[spread.name] = used[spread.name] or spread.is_top
      if fragment and not add(fragment) then return false end
    end
    return true
  end
  return add(operation) and list or nil
end

local function chosen(found, wanted)
  if not wanted then return #found == 1 and found[1] or nil end
  local operation
  for _, each in ipairs(found) do
    if each.name == wanted then
      if operation then return nil end
      operation = each
    end
  end
  return operation
end

local function decoded(text)
  return (text:gsub("+", " "):gsub("%%(%x%x)", function(digits) return string.char(tonumber(digits, 16)) end))
end

-- The parameters of a query or a form that name an operation; nil where one of them is there twice.
local function parameters(text)
  local found, count = {}, 0
  for item in text:gmatch("[^&]+") do
    count = count + 1
    if count > 1000 then return nil end
    local name, value = item:match("^([^=]*)=?(.*)$")
    name = decoded(name)
    if name == "query" or name == "operationName" then
      if found[name] then return nil end
      found[name] = decoded(value)
    end
  end
  return found
end

local function none_if_empty(text) return text ~= "" and text or nil end

-- The document and the name of the operation that a request asks for. Without them: whether it may ask for one all the same.
local function asked(handle, most)
  local headers = handle:headers()
  local method, query = headers:get(":method"), (headers:get(":path") or ""):match("%?([^#]*)")
  local kind = (headers:get("content-type") or ""):match("^%s*([^;%s]*)"):lower()
  local found = parameters(query or "")
  if not found then return nil, nil, true end
  if method == "OPTIONS" then return nil, nil, false end
  if method == "GET" or method == "HEAD" then
    if found.query then return found.query, none_if_empty(found.operationName) end
    return nil, nil, query ~= nil or headers:get("upgrade") ~= nil
  end
  local body = handle:body()
  if body and body:length() > most then return nil, nil, true end
  local text = body and body:getBytes(0, body:length()) or ""
  -- Two places for one thing: which of them the service takes nobody knows.
  if found.query then return nil, nil, true end
  if kind == "application/graphql" then return text, none_if_empty(found.operationName) end
  local call
  if kind == "application/x-www-form-urlencoded" then
    call = parameters(text)
  else
    call = json_decode(text)
  end
  if type(call) ~= "table" or type(call.query) ~= "string" then return nil, nil, true end
  local name = call.operationName
  if name == null or name == "" then name = nil end
  if name ~= nil and type(name) ~= "string" or found.operationName and found.operationName ~= name then return nil, nil, true end
  return call.query, name
end

function envoy_on_request(handle)
  local settings, headers = handle:filterContext(), handle:headers()
  -- Read before the body is waited for: in Envoy these objects do not outlive a wait.
  local prefix, refused_types = settings:get("prefix") or "x-graphql-", settings:get("refuse")
  local max_depth, strict = settings:get("max_depth"), settings:get("strict")
  if strict == nil then strict = refused_types ~= nil or max_depth ~= nil end
  for _, part in ipairs({ "type", "name", "fields" }) do headers:remove(prefix .. part) end

  local document, name, may_ask = asked(handle, settings:get("max_bytes") or 131072)
  if not document then
    if strict and may_ask then return handle:respond({ [":status"] = "400" }, "the operation cannot be told\n") end
    return
  end
  local found, fragments = document_of(document)
  local operation = found and chosen(found, name)
  if not operation then return handle:respond({ [":status"] = "400" }, "no GraphQL operation to run\n") end
  local depth, fields = depth_of(operation, fragments), fields_of(operation, fragments)
  if not depth or depth > (max_depth or 20) then
    return handle:respond({ [":status"] = "400" }, "the operation is nested too deep\n")
  end
  if not fields or #(operation.name or "") > longest_name then
    return handle:respond({ [":status"] = "400" }, "the operation has too many fields, or too long names\n")
  end
  for refused in (refused_types or ""):gmatch("[^, ]+") do
    if operation.type == refused then return handle:respond({ [":status"] = "403" }, refused .. " is not allowed here\n") end
  end

  headers = handle:headers()
  headers:add(prefix .. "type", operation.type)
  if operation.name then headers:add(prefix .. "name", operation.name) end
  headers:add(prefix .. "fields", table.concat(fields, ","))
end
