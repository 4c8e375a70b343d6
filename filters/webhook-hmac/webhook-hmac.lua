-- Lets in only webhooks that carry the right HMAC-SHA256 of their body, as GitHub, Stripe and others sign them.
--
-- Configured by `filter_context`:
--   secret    the shared secret
--   header    request header with the signature in hexadecimal, with or without "sha256=" (default "x-hub-signature-256");
--             with time and signatures in one field, "t=TIME,v1=SIGNATURE", as Stripe has it, where `scheme` is "stripe"
--   timestamp request header with the time in seconds that is signed in front of the body, "TIME.BODY"
--             (default none: the body alone is signed)
--   tolerance seconds that such a time may be old (default 300)
--   scheme    "plain" (the default) or "stripe"
-- The body must fit into the listener's buffer limit.

local band, bor, bxor, bnot, rshift, lshift, ror, tobit = bit.band, bit.bor, bit.bxor, bit.bnot, bit.rshift, bit.lshift, bit.ror, bit.tobit

-- The first 32 bits of the fractional parts of the cube roots of the first 64 primes (FIPS 180-4 section 4.2.2).
local rounds = {}
-- Of the square roots of the first 8 (section 5.3.3).
local start = {}
do
  local prime, found = 2, 0
  while found < 64 do
    local divisor = 2
    while divisor * divisor <= prime and prime % divisor ~= 0 do divisor = divisor + 1 end
    if divisor * divisor > prime then
      found = found + 1
      local cube, square = prime ^ (1 / 3), prime ^ (1 / 2)
      rounds[found] = tobit(math.floor((cube - math.floor(cube)) * 4294967296))
      if found <= 8 then start[found] = tobit(math.floor((square - math.floor(square)) * 4294967296)) end
    end
    prime = prime + 1
  end
end

local function block_at(text, offset, state, words)
  for index = 1, 16 do
    local a, b, c, d = text:byte(offset + index * 4 - 4, offset + index * 4 - 1)
    words[index] = bor(lshift(a, 24), lshift(b, 16), lshift(c, 8), d)
  end
  for index = 17, 64 do
    local early, late = words[index - 15], words[index - 2]
    words[index] = tobit(words[index - 16] + bxor(ror(early, 7), ror(early, 18), rshift(early, 3)) + words[index - 7]
      + bxor(ror(late, 17), ror(late, 19), rshift(late, 10)))
  end
  local a, b, c, d, e, f, g, h = unpack(state)
  for index = 1, 64 do
    local first = tobit(h + bxor(ror(e, 6), ror(e, 11), ror(e, 25)) + bxor(band(e, f), band(bnot(e), g)) + rounds[index] + words[index])
    local second = tobit(bxor(ror(a, 2), ror(a, 13), ror(a, 22)) + bxor(band(a, b), band(a, c), band(b, c)))
    h, g, f, e, d, c, b, a = g, f, e, tobit(d + first), c, b, a, tobit(first + second)
  end
  local sums = { a, b, c, d, e, f, g, h }
  for index = 1, 8 do state[index] = tobit(state[index] + sums[index]) end
end

local function bytes_of(word)
  return string.char(band(rshift(word, 24), 255), band(rshift(word, 16), 255), band(rshift(word, 8), 255), band(word, 255))
end

local function sha256(text)
  local count = #text * 8
  local padded = text .. "\128" .. ("\0"):rep((55 - #text) % 64) .. bytes_of(math.floor(count / 4294967296)) .. bytes_of(tobit(count))
  local state, words = { unpack(start) }, {}
  for offset = 1, #padded, 64 do block_at(padded, offset, state, words) end
  local digest = {}
  for index = 1, 8 do digest[index] = bytes_of(state[index]) end
  return table.concat(digest)
end

-- RFC 2104.
local function hmac(secret, text)
  if crypto then return crypto.hmac("sha256", secret, text, true) end
  if #secret > 64 then secret = sha256(secret) end
  secret = secret .. ("\0"):rep(64 - #secret)
  local function masked(mask) return (secret:gsub(".", function(each) return string.char(bxor(each:byte(), mask)) end)) end
  return sha256(masked(0x5c) .. sha256(masked(0x36) .. text))
end

local function hexadecimal(bytes)
  return (bytes:gsub(".", function(each) return string.format("%02x", each:byte()) end))
end

-- In the same time whatever is wrong with the guess.
local function same(known, given)
  local difference = #known == #given and 0 or 1
  for index = 1, #known do difference = bor(difference, bxor(known:byte(index), given:byte(index) or 0)) end
  return difference == 0
end

local function refuse(handle, reason) handle:respond({ [":status"] = "401" }, reason .. "\n") end

-- The time and the signatures of "t=TIME,v1=SIGNATURE,v1=SIGNATURE"; of two times neither counts.
local function stripe(given)
  local time, signatures = nil, {}
  for name, value in given:gmatch("([^,=%s]+)=([^,=%s]+)") do
    if name == "t" then time = time and "twice" or value end
    -- While a secret is changed there is one for each.
    if name == "v1" and #signatures < 8 then signatures[#signatures + 1] = value:lower() end
  end
  return time or "", signatures
end

function envoy_on_request(handle)
  local settings, headers = handle:filterContext(), handle:headers()
  local secret = settings:get("secret")
  local given = headers:get(settings:get("header") or "x-hub-signature-256")
  if not secret or secret == "" then return refuse(handle, "no secret is configured") end
  if not given then return refuse(handle, "signature missing") end
  local time, signatures = nil, { given:gsub("^sha256=", ""):lower() }
  if settings:get("timestamp") then time = headers:get(settings:get("timestamp")) or "" end
  if settings:get("scheme") == "stripe" then time, signatures = stripe(given) end
  if time then
    local age = time:match("^%d+$") and handle:timestamp() / 1000 - tonumber(time)
    if not age or math.abs(age) > (settings:get("tolerance") or 300) then return refuse(handle, "time missing or too old") end
  end
  local body = handle:body()
  local text = body and body:getBytes(0, body:length()) or ""
  local known, fits = hexadecimal(hmac(secret, time and time .. "." .. text or text)), false
  for _, signature in ipairs(signatures) do fits = same(known, signature) or fits end
  if not fits then refuse(handle, "wrong signature") end
end
