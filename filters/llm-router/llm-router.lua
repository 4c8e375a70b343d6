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
  local strict = require("strict_json")
  null, json_decode, is_list = strict.null, strict.decode, strict.is_list
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
