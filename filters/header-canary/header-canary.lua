-- Sends chosen clients, and a share of all others, to a canary: marks the request, and ordinary routes decide by the mark.
--
-- Configured by `filter_context`:
--   header  request header whose value chooses (default "x-canary-user")
--   values  values of it that always go to the canary, with commas between them (default none)
--   percent share of the other values that go there, by a hash of the value, so that one client stays where it is
--           (default 0); a request without the header goes to the stable version
--   mark    header that is set to "canary" or "stable" (default "x-version")

-- FNV-1a: the same value has the same place on every proxy and after every restart.
local function hash(text)
  local sum = 2166136261
  for index = 1, #text do
    sum = bit.bxor(sum, text:byte(index))
    -- The prime 16777619 is 2^24 + 403; in two parts, since a product of 32-bit numbers does not fit a double.
    sum = bit.tobit(bit.lshift(sum, 24) + bit.tobit(bit.band(sum, 0xffff) * 403) + bit.lshift(bit.band(bit.rshift(sum, 16) * 403, 0xffff), 16))
  end
  return sum % 4294967296
end

local function listed(values, value)
  for item in (values or ""):gmatch("[^, ]+") do
    if item == value then return true end
  end
  return false
end

function envoy_on_request(handle)
  local settings = handle:filterContext()
  local mark = settings:get("mark") or "x-version"
  local value = handle:headers():get(settings:get("header") or "x-canary-user")
  local version = "stable"
  if value and value ~= "" then
    -- A name is no longer than that, and each byte costs time.
    if listed(settings:get("values"), value) or hash(value:sub(1, 512)) % 10000 < (settings:get("percent") or 0) * 100 then
      version = "canary"
    end
  end
  handle:headers():replace(mark, version)
end
