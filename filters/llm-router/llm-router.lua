-- Routes calls of language models by their model: names the family that serves it, and holds requests to bounds that the
-- backend would only find out about later.
--
-- Configured by `filter_context`:
--   families   which beginning of a model's name belongs to which family, "gpt-=openai, claude-=anthropic, llama=local"
--   default    family of all other models (default none: they are answered with 404)
--   header     request header that gets the family, by which routes decide (default "x-llm-family")
--   max_tokens most that a request may ask for (default: no bound)
--   max_chars  most characters of all messages together (default: no bound)
-- Also sets x-llm-model and, where the answer is to be streamed, x-llm-stream.

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

local function family_of(families, model, default)
  local best, length = default, 0
  for prefix, family in (families or ""):gmatch("([^=, ]+) *= *([^=, ]+)") do
    if #prefix > length and model:sub(1, #prefix) == prefix then best, length = family, #prefix end
  end
  return best
end

local function characters(messages)
  local count = 0
  for _, message in ipairs(type(messages) == "table" and messages or {}) do
    local content = type(message) == "table" and message.content
    if type(content) == "string" then
      count = count + #content
    elseif type(content) == "table" then
      for _, part in ipairs(content) do
        if type(part) == "table" and type(part.text) == "string" then count = count + #part.text end
      end
    end
  end
  return count
end

local function refuse(handle, status, kind, message)
  handle:respond({ [":status"] = status, ["content-type"] = "application/json" },
    '{"error": {"type": "' .. kind .. '", "message": "' .. message .. '"}}\n')
end

function envoy_on_request(handle)
  local settings, headers = handle:filterContext(), handle:headers()
  local header = settings:get("header") or "x-llm-family"
  for _, name in ipairs({ header, "x-llm-model", "x-llm-stream" }) do headers:remove(name) end
  if headers:get(":method") ~= "POST" then return end

  -- Read before the body is waited for: in Envoy these objects do not outlive a wait.
  local families, default = settings:get("families"), settings:get("default")
  local most, longest = settings:get("max_tokens"), settings:get("max_chars")
  local body = handle:body()
  local fine, call = pcall(json_decode, body and body:getBytes(0, body:length()) or "")
  if not fine or type(call) ~= "table" then return refuse(handle, "400", "invalid_request_error", "the body is no JSON object") end
  local model = call.model
  if type(model) ~= "string" or model:find("[^%w%._:/-]") or #model > 128 then
    return refuse(handle, "400", "invalid_request_error", "model is missing or no name")
  end
  local family = family_of(families, model, default)
  if not family then return refuse(handle, "404", "not_found_error", "no such model") end
  if most and type(call.max_tokens) == "number" and call.max_tokens > most then
    return refuse(handle, "400", "invalid_request_error", "max_tokens is over " .. most)
  end
  if longest and characters(call.messages) > longest then
    return refuse(handle, "413", "request_too_large", "the messages are too long")
  end

  headers = handle:headers()
  headers:add(header, family)
  headers:add("x-llm-model", model)
  if call.stream == true then headers:add("x-llm-stream", "true") end
end
