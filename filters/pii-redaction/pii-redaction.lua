-- Takes personal data out of answers: e-mail addresses, card numbers (with a right check digit), IBANs.
--
-- Configured by `filter_context`:
--   kinds       what is taken out, "email, card, iban" (the default)
--   replacement what stands in its place (default "[redacted]")
--   types       content types that are looked at, by their beginning (default "text/, application/json, application/xml")
--   header      response header that tells how much was taken out (default none)
-- The answer must fit into the listener's buffer limit. A compressed one cannot be read, so the request asks for none.

local function listed(text, wanted)
  for item in text:gmatch("[^, ]+") do
    if item == wanted then return true end
  end
  return false
end

local function begins(text, prefixes)
  for prefix in prefixes:gmatch("[^, ]+") do
    if text:sub(1, #prefix) == prefix then return true end
  end
  return false
end

-- ISO/IEC 7812: from the right every second digit counts double.
local function has_luhn(digits)
  local sum, double = 0, false
  for index = #digits, 1, -1 do
    local value = digits:byte(index) - 48
    if double then value = value * 2 > 9 and value * 2 - 9 or value * 2 end
    sum, double = sum + value, not double
  end
  return sum % 10 == 0
end

-- ISO 13616: letters count from 10, the first four characters go to the end, and the whole is 1 modulo 97.
local function is_iban(text)
  local sum = 0
  for character in (text:sub(5) .. text:sub(1, 4)):gmatch(".") do
    local value = tonumber(character, 36)
    sum = (sum * (value > 9 and 100 or 10) + value) % 97
  end
  return sum == 1
end

-- Bytes of the longest IBAN that begins at `start`, spaces included; 0 for none. What follows it may be the next word.
local function iban_length(text, start)
  local plain, length = "", 0
  for index = start, math.min(#text, start + 41) do
    local character = text:sub(index, index)
    if character ~= " " then
      if not character:find("[%u%d]") then break end
      plain = plain .. character
      local ends = not text:find("^%w", index + 1)
      if ends and #plain >= 15 and #plain <= 34 and is_iban(plain) then length = index - start + 1 end
    end
  end
  return length
end

local function without_ibans(text, taken)
  local parts, position = {}, 1
  while true do
    local start = text:find("%f[%w]%u%u%d%d", position)
    if not start then break end
    local length = iban_length(text, start)
    parts[#parts + 1] = text:sub(position, start - 1)
    parts[#parts + 1] = length > 0 and taken() or text:sub(start, start + 3)
    position = start + math.max(length, 4)
  end
  parts[#parts + 1] = text:sub(position)
  return table.concat(parts)
end

local function redact(text, kinds, replacement)
  local count = 0
  local function taken()
    count = count + 1
    return replacement
  end
  if listed(kinds, "email") then
    text = text:gsub("[%w._%%+-]+@[%w-]+%.[%w.-]*%w", taken)
  end
  if listed(kinds, "iban") then
    text = without_ibans(text, taken)
  end
  if listed(kinds, "card") then
    text = text:gsub("%f[%w]%d[%d -]*%d%f[%W]", function(found)
      local digits = found:gsub("[ -]", "")
      return #digits >= 13 and #digits <= 19 and has_luhn(digits) and taken() or nil
    end)
  end
  return text, count
end

function envoy_on_request(handle)
  handle:headers():replace("accept-encoding", "identity")
end

function envoy_on_response(handle)
  local settings = handle:filterContext()
  local type = handle:headers():get("content-type") or ""
  if not begins(type, settings:get("types") or "text/, application/json, application/xml") then return end
  -- Read before the body is waited for: in Envoy these objects do not outlive a wait.
  local kinds, replacement = settings:get("kinds") or "email, card, iban", settings:get("replacement") or "[redacted]"
  local header = settings:get("header")
  local body = handle:body()
  if not body then return end
  local text, count = redact(body:getBytes(0, body:length()), kinds, replacement)
  if count > 0 then body:setBytes(text) end
  if header then handle:headers():replace(header, tostring(count)) end
end
