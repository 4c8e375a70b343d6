-- Gives requests that must get the same answer the same key, whatever the order of their query parameters, so that a
-- cache or a service behind can answer many of them with one.
--
-- Configured by `filter_context`:
--   header request header that gets the key (default "x-coalescing-key")
--   vary   request headers on which the answer depends, with commas between them (default "accept, accept-language")
--   ignore query parameters on which it does not, with commas between them (default "utm_source, utm_medium, utm_campaign")
-- Only GET and HEAD without credentials get a key: nobody must get an answer that was meant for another.

local function list(text)
  local names = {}
  for name in text:gmatch("[^, ]+") do names[#names + 1] = name:lower() end
  table.sort(names)
  return names
end

local function hash(text, sum)
  for index = 1, #text do
    sum = bit.bxor(sum, text:byte(index))
    sum = bit.tobit(bit.lshift(sum, 24) + bit.tobit(bit.band(sum, 0xffff) * 403) + bit.lshift(bit.band(bit.rshift(sum, 16) * 403, 0xffff), 16))
  end
  return sum
end

function envoy_on_request(handle)
  local settings, headers = handle:filterContext(), handle:headers()
  local header = settings:get("header") or "x-coalescing-key"
  headers:remove(header)
  local method = headers:get(":method")
  if method ~= "GET" and method ~= "HEAD" then return end
  if headers:get("authorization") or headers:get("cookie") then return end

  local path, query = (headers:get(":path") or "/"):match("^([^?]*)%??(.*)$")
  local ignored = {}
  for _, name in ipairs(list(settings:get("ignore") or "utm_source,utm_medium,utm_campaign")) do ignored[name] = true end
  local parts = {}
  for parameter in query:gmatch("[^&]+") do
    if not ignored[(parameter:match("^[^=]*") or ""):lower()] then parts[#parts + 1] = parameter end
  end
  table.sort(parts)
  local text = { method, headers:get(":authority") or "", path, table.concat(parts, "&") }
  for _, name in ipairs(list(settings:get("vary") or "accept, accept-language")) do
    text[#text + 1] = name .. "=" .. (headers:get(name) or "")
  end
  -- Two sums with different beginnings: 64 bits. A line feed can stand in none of the parts.
  local whole = table.concat(text, "\n")
  headers:add(header, bit.tohex(hash(whole, -2128831035)) .. bit.tohex(hash(whole, 1469598103)))
end
