-- Gives requests that must get the same answer the same key, whatever the order of their query parameters, so that a
-- cache or a service behind can answer many of them with one.
--
-- Configured by `filter_context`:
--   header request header that gets the key (default "x-coalescing-key")
--   vary   request headers on which the answer depends, with commas between them (default "accept, accept-encoding,
--          accept-language")
--   ignore query parameters on which it does not, with commas between them (default "utm_source, utm_medium, utm_campaign")
-- Only GET and HEAD without credentials get a key: nobody must get an answer that was meant for another. Nor do requests for
-- a part of the answer, on a condition, or with a body.
local own_answer = {
  "authorization", "cookie", "range", "if-match", "if-none-match", "if-modified-since", "if-unmodified-since", "upgrade",
  "transfer-encoding",
}

-- Bytes of a path, and of all that a key is made of. Who sends more asks for nothing that others ask for, and each costs time.
local longest = 4096

local function list(text)
  local names = {}
  for name in text:gmatch("[^, ]+") do names[#names + 1] = name end
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
  for _, name in ipairs(own_answer) do
    if headers:get(name) then return end
  end
  if (headers:get("content-length") or "0") ~= "0" then return end

  local target = headers:get(":path") or "/"
  if #target > longest then return end
  local path, query = target:match("^([^?]*)%??(.*)$")
  local ignored = {}
  for _, name in ipairs(list(settings:get("ignore") or "utm_source,utm_medium,utm_campaign")) do ignored[name] = true end
  local parts = {}
  for parameter in query:gmatch("[^&]+") do
    local name = parameter:match("^[^=]*")
    if not ignored[name] then parts[#parts + 1] = { name = name, text = parameter, place = #parts } end
  end
  -- Those of one name stay in their order: of two values some services take the first, some the last.
  table.sort(parts, function(left, right)
    if left.name ~= right.name then return left.name < right.name end
    return left.place < right.place
  end)
  for index, part in ipairs(parts) do parts[index] = part.text end
  local text = { method, headers:get(":scheme") or "", headers:get(":authority") or "", path, table.concat(parts, "&") }
  for _, name in ipairs(list(settings:get("vary") or "accept, accept-encoding, accept-language")) do
    text[#text + 1] = name:lower() .. "=" .. (headers:get(name) or "")
  end
  -- Two sums with different beginnings: 64 bits. A line feed can stand in none of the parts.
  local whole = table.concat(text, "\n")
  if #whole > longest then return end
  headers:add(header, bit.tohex(hash(whole, -2128831035)) .. bit.tohex(hash(whole, 1469598103)))
end
