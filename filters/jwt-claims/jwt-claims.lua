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
  local fine, value = pcall(json_decode, bytes)
  return fine and type(value) == "table" and value or nil
end

local function has_audience(audience, wanted)
  if audience == wanted then return true end
  if type(audience) ~= "table" then return false end
  for _, each in ipairs(audience) do
    if each == wanted then return true end
  end
  return false
end

local function problem_of(settings, claims, now)
  local leeway = settings:get("leeway") or 30
  if type(claims.exp) ~= "number" or now > claims.exp + leeway then return "token expired" end
  if type(claims.nbf) == "number" and now < claims.nbf - leeway then return "token not valid yet" end
  local issuer, audience = settings:get("issuer"), settings:get("audience")
  if issuer and claims.iss ~= issuer then return "wrong issuer" end
  if audience and not has_audience(claims.aud, audience) then return "wrong audience" end
end

function envoy_on_request(handle)
  local settings, headers = handle:filterContext(), handle:headers()
  local targets = settings:get("claims") or "sub=x-subject"
  -- What a client says of itself is no claim.
  for _, header in targets:gmatch("([^=, ]+)=([^=, ]+)") do headers:remove(header) end

  local token = (headers:get("authorization") or ""):match("^[Bb]earer +(%S+)$")
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

  local der = handle:base64Decode((settings:get("public_key") or ""):gsub("%s", "")) or ""
  local key = handle:importPublicKey(der, #der)
  local imported = key:get()
  if not imported then return refuse(handle, "no usable key") end
  local signed = head .. "." .. body
  if not handle:verifySignature("sha256", imported, bytes, #bytes, signed, #signed) then return refuse(handle, "wrong signature") end
  local problem = problem_of(settings, claims, handle:timestamp() / 1000)
  if problem then return refuse(handle, problem) end

  for claim, header in targets:gmatch("([^=, ]+)=([^=, ]+)") do
    local value = claims[claim]
    if type(value) == "string" and not value:find("%c") or type(value) == "number" then headers:replace(header, tostring(value)) end
  end
end
