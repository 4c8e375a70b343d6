-- Lets in who has an API key, tells the service whose key it is, and holds each owner to a rate.
--
-- Configured by `filter_context`:
--   keys   keys and owners, "k-123=ada, k-456=grace"
--   rates  requests a second and burst of single owners, "ada=100/200" (default: `rate` and `burst` for all)
--   rate   requests a second of an owner (default 10)
--   burst  requests that may come at once (default 2 * rate)
--   header request header with the key (default "x-api-key"); it goes no further
--   owner  request header that gets the owner's name (default "x-api-owner")

-- All workers count together where they share a table (heddle.kv); else each counts for itself.
local shared = heddle and heddle.kv
-- By owner, for a worker that counts alone: the present window's number, its count, and the count of the one before.
local own = {}

local function entry(text, wanted)
  for key, value in (text or ""):gmatch("([^=, ]+) *= *([^=, ]+)") do
    if key == wanted then return value end
  end
end

-- Looks at every key to its end, so that the time does not tell how much of a guess was right.
local function owner_of(keys, given)
  local owner
  -- A key may have "=" in it, as Base64 has at its end; an owner has none.
  for key, name in (keys or ""):gmatch("([^, ]+) *= *([^=, ]+)") do
    local difference = #key == #given and 0 or 1
    for index = 1, #key do difference = bit.bor(difference, bit.bxor(key:byte(index), given:byte(index) or 0)) end
    if difference == 0 then owner = name end
  end
  return owner
end

-- Adds to the count of a window; returns it, and the count of the window before.
local function add(owner, window, amount, seconds)
  if shared then
    -- The next window still asks for this one.
    local count = shared.incr(owner .. "/" .. window, amount, 2 * seconds + 1)
    return count, tonumber(shared.get(owner .. "/" .. window - 1)) or 0
  end
  local counts = own[owner] or { window = window, now = 0, before = 0 }
  own[owner] = counts
  if counts.window ~= window then
    counts.before = counts.window == window - 1 and counts.now or 0
    counts.window, counts.now = window, 0
  end
  counts.now = counts.now + amount
  return counts.now, counts.before
end

-- Counts one request in a window that slides: of the window before as much counts as it still overlaps. A window is as long as
-- it takes for `burst` requests at `rate`. Returns nil, or in how many seconds there is room again.
local function take(owner, rate, burst, now)
  local length = burst / rate
  local window = math.floor(now / 1000 / length)
  local passed = now / 1000 / length - window
  local count, before = add(owner, window, 1, length)
  if before * (1 - passed) + count <= burst then return nil end
  add(owner, window, -1, length) -- it was not let in
  count = count - 1
  if before > 0 and count + 1 <= burst then return (1 - (burst - count - 1) / before - passed) * length end
  return (1 - passed + math.max(1 - (burst - 1) / math.max(count, 1), 0)) * length
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
  local wait = take(owner, math.max(rate, 1e-6), math.max(burst, 1), handle:timestamp())
  if wait then
    return handle:respond({ [":status"] = "429", ["retry-after"] = tostring(math.ceil(wait)) }, "too many requests\n")
  end
  headers:add(owner_header, owner)
end
