-- Divides browsers into the groups of an A/B test and keeps each in its group by a cookie.
--
-- Configured by `filter_context`:
--   cookie  name of the cookie (default "ab")
--   groups  names and weights of the groups, "a=50,b=50" (the default)
--   header  request header that tells the service the group (default "x-ab-group")
--   max_age seconds that the cookie lives (default 30 days)

local function groups_of(text)
  local groups, sum = {}, 0
  for name, weight in (text or "a=50,b=50"):gmatch("([%w_-]+) *= *(%d+)") do
    sum = sum + tonumber(weight)
    groups[#groups + 1] = { name = name, weight = tonumber(weight), limit = sum }
  end
  return groups, sum
end

-- The cookie's value among all cookies, if it names a group. Of very many only the first are looked at.
local function group_in(cookies, name, groups)
  for item in (cookies or ""):sub(1, 8192):gmatch("[^;,]+") do
    local key, value = item:match("^ *([^=]+)=([%w_-]+) *$")
    if key == name then
      for _, group in ipairs(groups) do
        -- A group of weight 0 is over, or not open yet.
        if group.name == value and group.weight > 0 then return value end
      end
    end
  end
end

local function draw(groups, sum)
  local place = math.random(1, math.max(sum, 1))
  for _, group in ipairs(groups) do
    if place <= group.limit then return group.name end
  end
end

function envoy_on_request(handle)
  local settings = handle:filterContext()
  local name, header = settings:get("cookie") or "ab", settings:get("header") or "x-ab-group"
  handle:headers():remove(header)
  local groups, sum = groups_of(settings:get("groups"))
  local group = group_in(handle:headers():get("cookie"), name, groups)
  if not group then
    group = draw(groups, sum)
    -- Only who has no cookie yet gets one.
    if group then handle:streamInfo():dynamicMetadata():set("ab-cookie", "set", group) end
  end
  if group then handle:headers():add(header, group) end
end

function envoy_on_response(handle)
  local own = handle:streamInfo():dynamicMetadata():get("ab-cookie")
  if not own then return end
  local settings = handle:filterContext()
  local text = string.format("%s=%s; Path=/; Max-Age=%d; SameSite=Lax; HttpOnly", settings:get("cookie") or "ab", own.set,
    settings:get("max_age") or 2592000)
  handle:headers():add("set-cookie", text)
end
