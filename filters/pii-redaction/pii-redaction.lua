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
local function joined(sum, byte)
  if byte < 58 then return (sum * 10 + byte - 48) % 97 end
  return (sum * 100 + byte - 55) % 97
end

-- Bytes of the longest IBAN that begins at `start`, spaces included; 0 for none. What follows it may be the next word.
local function iban_length(text, start)
  local sum, count, length = 0, 4, 0
  for index = start + 4, math.min(#text, start + 41) do
    local byte = text:byte(index)
    if byte ~= 32 then
      if byte < 48 or byte > 57 and byte < 65 or byte > 90 or count == 34 then break end
      sum, count = joined(sum, byte), count + 1
      if count >= 15 and not text:find("^%w", index + 1) then
        local whole = sum
        for place = start, start + 3 do whole = joined(whole, text:byte(place)) end
        if whole == 1 then length = index - start + 1 end
      end
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

-- From each "@" to both sides, so that the time grows with the text and no faster. Bytes from 128 on are of letters that are
-- not ASCII.
local function without_addresses(text, taken)
  local parts, position = {}, 1
  for at in text:gmatch("()@") do
    local stop = text:match("^[%w\128-\255-]+%.[%w\128-\255.-]*()", at + 1)
    while stop and not text:find("^[%w\128-\255]", stop - 1) do stop = stop - 1 end
    -- A domain has a dot between letters; the part in front of it at most 64 bytes (RFC 5321 section 4.5.3.1.1).
    if stop and text:sub(at + 1, stop - 1):find("%.") then
      local start = at
      local least = math.max(position, at - 64)
      while start > least and text:find("^[%w._%%+\128-\255-]", start - 1) do start = start - 1 end
      if start < at then
        parts[#parts + 1], parts[#parts + 2] = text:sub(position, start - 1), taken()
        position = stop
      end
    end
  end
  parts[#parts + 1] = text:sub(position)
  return table.concat(parts)
end

-- Bytes of the card number that begins at `start`: 13 to 19 digits with a right check digit, in groups with a space or a
-- hyphen between them (a space that does not break has two bytes). Whole, or in groups of 4 and then of 3 to 6; in others only
-- where no more digits stand around, for a list of numbers is none. 0 for none.
local function card_length(text, start)
  local digits, length, position, is_grouped = "", 0, start, true
  local is_first = not (start > 2 and text:find("^%d[ -]", start - 2))
  while true do
    local run = text:match("^%d+", position)
    if #digits + #run > 19 then return length end
    is_grouped = is_grouped and (digits == "" or #run >= 3 and #run <= 6)
    digits, position = digits .. run, position + #run
    local behind = text:match("^[ -]()%d", position) or text:match("^\194\160()%d", position)
    if #digits >= 13 and (is_grouped or is_first and not behind) and not text:find("^[%w_]", position) and has_luhn(digits) then
      length = position - start
    end
    if not behind then return length end
    if #digits == #run then is_grouped = #run == 4 end
    if not is_grouped and not is_first then return length end
    position = behind
  end
end

local function without_cards(text, taken)
  local parts, position, from = {}, 1, 1
  while true do
    local start, stop = text:find("%f[%w]%d+", from)
    if not start then break end
    local length = card_length(text, start)
    if length > 0 then
      parts[#parts + 1], parts[#parts + 2] = text:sub(position, start - 1), taken()
      position, stop = start + length, start + length - 1
    end
    from = stop + 1
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
  if listed(kinds, "email") then text = without_addresses(text, taken) end
  if listed(kinds, "iban") then text = without_ibans(text, taken) end
  if listed(kinds, "card") then text = without_cards(text, taken) end
  return text, count
end

function envoy_on_request(handle)
  local headers = handle:headers()
  headers:replace("accept-encoding", "identity")
  -- Of two halves of a number neither is one.
  headers:remove("range")
  headers:remove("if-range")
end

function envoy_on_response(handle)
  local settings = handle:filterContext()
  local headers = handle:headers()
  local type = (headers:get("content-type") or ""):lower():match("^[^;%s]*")
  local types = settings:get("types")
  -- What has no type is text for who reads it as text.
  local is_meant = type == "" or begins(type, (types or "text/, application/json, application/xml"):lower())
  if not is_meant and (types or not type:find("%+json$") and not type:find("%+xml$")) then return end
  local encoding = (headers:get("content-encoding") or "identity"):lower()
  -- Read before the body is waited for: in Envoy these objects do not outlive a wait.
  local kinds, replacement = settings:get("kinds") or "email, card, iban", settings:get("replacement") or "[redacted]"
  local header = settings:get("header")
  local body = handle:body()
  if not body then return end
  if encoding ~= "identity" then
    -- It was asked not to be compressed, and what cannot be read cannot be let through.
    headers = handle:headers()
    headers:replace(":status", "502")
    headers:remove("content-encoding")
    headers:replace("content-type", "text/plain")
    body:setBytes("the answer is compressed and cannot be looked at\n")
    return
  end
  local text, count = redact(body:getBytes(0, body:length()), kinds, replacement)
  if count > 0 then body:setBytes(text) end
  if header then handle:headers():replace(header, tostring(count)) end
end
