-- Routes calls of language models by their model: names the family that serves it, and holds requests to bounds that the
-- backend would only find out about later.
--
-- Configured by `filter_context`:
--   families   which beginning of a model's name belongs to which family, "gpt-=openai, claude-=anthropic, llama=local"
--   default    family of all other models (default none: they are answered with 404)
--   header     request header that gets the family, by which routes decide (default "x-llm-family")
--   max_tokens most that a request may ask for, under whichever name (default: no bound)
--   max_chars  most characters of all texts for the model together (default: no bound)
--   max_bytes  bytes that a body may have (default 131072)
-- Also sets x-llm-model and, where the answer is to be streamed, x-llm-stream.

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

local function family_of(families, model, default)
  local best, length = default, 0
  for prefix, family in (families or ""):gmatch("([^=, ]+) *= *([^=, ]+)") do
    if #prefix > length and model:sub(1, #prefix) == prefix then best, length = family, #prefix end
  end
  return best
end

-- What the APIs call the most tokens of an answer, and where they put the texts for the model.
local token_names = { "max_tokens", "max_completion_tokens", "max_output_tokens" }
local text_names = { "messages", "system", "instructions", "prompt", "input" }

-- Characters of a text, of a list's elements, of a message's content. A number is a token that the client has counted.
local function characters(value)
  if type(value) == "number" then return 1 end
  if type(value) == "string" then
    local _, count = value:gsub("[^\128-\191]", "")
    return count
  end
  if type(value) ~= "table" or value == null then return 0 end
  local count = 0
  if is_list(value) then
    for index = 1, #value do count = count + characters(value[index]) end
    return count
  end
  for _, name in ipairs({ "text", "content", "input", "arguments", "output", "thinking" }) do count = count + characters(value[name]) end
  return count
end

local function asks_for_too_much(call, most)
  for _, name in ipairs(token_names) do
    local wanted = call[name]
    -- A service may read "5000" as a number, and one below 0 as no bound.
    if wanted ~= nil and wanted ~= null and (type(wanted) ~= "number" or wanted < 0 or wanted > most) then return name end
  end
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
  local most_bytes = settings:get("max_bytes") or 131072
  local body = handle:body()
  if body and body:length() > most_bytes then
    return refuse(handle, "413", "request_too_large", "the body has more than " .. most_bytes .. " bytes")
  end
  local call = json_decode(body and body:getBytes(0, body:length()) or "")
  if type(call) ~= "table" then return refuse(handle, "400", "invalid_request_error", "the body is no JSON object") end
  local model = call.model
  if type(model) ~= "string" or model:find("[^%w%._:/-]") or #model > 128 then
    return refuse(handle, "400", "invalid_request_error", "model is missing or no name")
  end
  local family = family_of(families, model, default)
  if not family then return refuse(handle, "404", "not_found_error", "no such model") end
  local name = most and asks_for_too_much(call, most)
  if name then return refuse(handle, "400", "invalid_request_error", name .. " is no number up to " .. most) end
  local count = 0
  for _, each in ipairs(longest and text_names or {}) do count = count + characters(call[each]) end
  if longest and count > longest then return refuse(handle, "413", "request_too_large", "the messages are too long") end

  headers = handle:headers()
  headers:add(header, family)
  headers:add("x-llm-model", model)
  if call.stream == true then headers:add("x-llm-stream", "true") end
end
