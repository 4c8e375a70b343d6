-- Lets in who has an API key, tells the service whose key it is, and holds each owner to a rate.
--
-- Configured by `filter_context`:
--   keys   keys and owners, "k-123=ada, k-456=grace"
--   rates  requests a second and burst of single owners, "ada=100/200" (default: `rate` and `burst` for all)
--   rate   requests a second of an owner (default 10), counted by each worker for itself
--   burst  requests that may come at once (default 2 * rate)
--   header request header with the key (default "x-api-key"); it goes no further
--   owner  request header that gets the owner's name (default "x-api-owner")

-- Token buckets by owner. Globals of a script live as long as its worker; there are no more of them than owners.
local buckets = {}

local function entry(text, wanted)
  for key, value in (text or ""):gmatch("([^=, ]+) *= *([^=, ]+)") do
    if key == wanted then return value end
  end
end

-- Looks at every key to its end, so that the time does not tell how much of a guess was right.
local function owner_of(keys, given)
  local owner
  for key, name in (keys or ""):gmatch("([^=, ]+) *= *([^=, ]+)") do
    local difference = #key == #given and 0 or 1
    for index = 1, #key do difference = bit.bor(difference, bit.bxor(key:byte(index), given:byte(index) or 0)) end
    if difference == 0 then owner = name end
  end
  return owner
end

-- Takes one token; otherwise says in how many seconds there is one.
local function take(owner, rate, burst, now)
  local bucket = buckets[owner] or { tokens = burst, at = now }
  buckets[owner] = bucket
  bucket.tokens = math.min(burst, bucket.tokens + math.max(now - bucket.at, 0) / 1000 * rate)
  bucket.at = now
  if bucket.tokens >= 1 then
    bucket.tokens = bucket.tokens - 1
    return nil
  end
  return (1 - bucket.tokens) / rate
end

function envoy_on_request(handle)
  local settings, headers = handle:filterContext(), handle:headers()
  local header, owner_header = settings:get("header") or "x-api-key", settings:get("owner") or "x-api-owner"
  local given = headers:get(header)
  headers:remove(owner_header)
  headers:remove(header)
  local owner = given and owner_of(settings:get("keys"), given)
  if not owner then
    return handle:respond({ [":status"] = "401", ["www-authenticate"] = "ApiKey" }, given and "unknown key\n" or "key missing\n")
  end

  local rate, burst = (entry(settings:get("rates"), owner) or ""):match("^([%d.]+)/([%d.]+)$")
  rate = tonumber(rate) or settings:get("rate") or 10
  burst = tonumber(burst) or settings:get("burst") or 2 * rate
  local wait = take(owner, rate, burst, handle:timestamp())
  if wait then
    return handle:respond({ [":status"] = "429", ["retry-after"] = tostring(math.ceil(wait)) }, "too many requests\n")
  end
  headers:add(owner_header, owner)
end
