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
  local strict = require("strict_json")
  null, json_decode, is_list = strict.null, strict.decode, strict.is_list
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
