-- Checks the signature of a JSON Web Token (RS256) and copies claims into headers, by which routes decide.
--
-- Configured by `filter_context`:
--   public_key the issuer's RSA key, DER in Base64 (the text of a PEM file without its first and last line)
--   claims     what is copied where, "tenant=x-tenant, plan=x-plan" (default "sub=x-subject")
--   issuer     what `iss` must be (default: anything)
--   audience   what `aud` must be or contain (default: anything)
--   leeway     seconds by which clocks may differ (default 30)
--   required   whether a request without a token is refused (default true); one with a bad token always is

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

local function base64url(text)
  if not text or text:find("[^%w_-]") then return nil end
  local plain = text:gsub("-", "+"):gsub("_", "/")
  return plain .. ("="):rep(-#plain % 4)
end

local function refuse(handle, reason)
  handle:respond({
    [":status"] = "401", ["www-authenticate"] = 'Bearer error="invalid_token", error_description="' .. reason .. '"',
  }, reason .. "\n")
end

local function claims_of(handle, text)
  local encoded = base64url(text)
  local bytes = encoded and handle:base64Decode(encoded)
  if not bytes then return nil end
  local value = json_decode(bytes)
  return type(value) == "table" and not is_list(value) and value or nil
end

local function has_audience(audience, wanted)
  if audience == wanted then return true end
  if type(audience) ~= "table" then return false end
  for _, each in ipairs(audience) do
    if each == wanted then return true end
  end
  return false
end

-- A claim as a header has it; nil for what none can carry as it is. Of a number over 2^53 the last digits are lost, and with
-- them who is meant.
local function text_of(value)
  if type(value) == "number" and math.abs(value) <= 2 ^ 53 then
    return value == math.floor(value) and ("%.0f"):format(value) or ("%.17g"):format(value)
  end
  return type(value) == "string" and not value:find("%c") and not value:find("^ ") and not value:find(" $") and value or nil
end

local function problem_of(settings, claims, now)
  local leeway = settings:get("leeway") or 30
  if type(claims.exp) ~= "number" or now > claims.exp + leeway then return "token expired" end
  if claims.nbf ~= nil and (type(claims.nbf) ~= "number" or now < claims.nbf - leeway) then return "token not valid yet" end
  local issuer, audience = settings:get("issuer"), settings:get("audience")
  if issuer and claims.iss ~= issuer then return "wrong issuer" end
  if audience and not has_audience(claims.aud, audience) then return "wrong audience" end
end

function envoy_on_request(handle)
  local settings, headers = handle:filterContext(), handle:headers()
  local targets = settings:get("claims") or "sub=x-subject"
  -- What a client says of itself is no claim.
  for _, header in targets:gmatch("([^=, ]+)=([^=, ]+)") do headers:remove(header) end

  local scheme, token = (headers:get("authorization") or ""):match("^(%a+) +(%S+)$")
  if not scheme or scheme:lower() ~= "bearer" then token = nil end
  if not token then
    if settings:get("required") ~= false then refuse(handle, "token missing") end
    return
  end
  local head, body, signature = token:match("^([%w_-]+)%.([%w_-]+)%.([%w_-]+)$")
  local algorithm = claims_of(handle, head)
  local claims = claims_of(handle, body)
  local bytes = base64url(signature) and handle:base64Decode(base64url(signature))
  if not algorithm or not claims or not bytes then return refuse(handle, "malformed token") end
  -- The algorithm is ours to choose, never the token's.
  if algorithm.alg ~= "RS256" then return refuse(handle, "algorithm not accepted") end
  -- RFC 7515 section 4.1.11: who does not know an extension that must be understood refuses the token.
  if algorithm.crit ~= nil then return refuse(handle, "extension not accepted") end

  -- The lines around a key in PEM say nothing that is needed.
  local text = (settings:get("public_key") or ""):gsub("%-%-%-%-%-[%u ]+%-%-%-%-%-", ""):gsub("%s", "")
  local der = handle:base64Decode(text) or ""
  local key = handle:importPublicKey(der, #der)
  local imported = key:get()
  if not imported then return refuse(handle, "no usable key") end
  local signed = head .. "." .. body
  if not handle:verifySignature("sha256", imported, bytes, #bytes, signed, #signed) then return refuse(handle, "wrong signature") end
  local problem = problem_of(settings, claims, handle:timestamp() / 1000)
  if problem then return refuse(handle, problem) end

  for claim, header in targets:gmatch("([^=, ]+)=([^=, ]+)") do
    local value = text_of(claims[claim])
    if value then headers:replace(header, value) end
  end
end
