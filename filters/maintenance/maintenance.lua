-- Answers with a maintenance page while the service is worked on, and lets those through who do the work.
--
-- Configured by `filter_context`, so that a route or a whole host can be closed:
--   active      true while the service is closed (default true)
--   message     text of the page (default "We are working on it and will be back soon.")
--   retry_after seconds that clients are told to wait (default 300)
--   header      request header that lets through ... (default "x-maintenance-pass")
--   pass        ... with this value (default none: nobody is let through); it goes no further
--   open        paths that stay open, with commas between them, such as "/health" (default none)

local escapes = { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;" }

local function is_open(open, path)
  -- A service may take "/health/../orders", however it is spelt, for "/orders".
  local plain = path:match("^[^?#]*"):lower()
  if plain:find("..", 1, true) or plain:find("%%2[ef]") or plain:find("%5c", 1, true) or plain:find("[\\;]") then return false end
  for prefix in (open or ""):gmatch("[^, ]+") do
    if path == prefix or path:sub(1, #prefix + 1) == prefix .. "/" or path:sub(1, #prefix + 1) == prefix .. "?" then return true end
  end
  return false
end

function envoy_on_request(handle)
  local settings = handle:filterContext()
  if settings:get("active") == false then return end
  local headers = handle:headers()
  local pass, header = settings:get("pass"), settings:get("header") or "x-maintenance-pass"
  local given = headers:get(header)
  headers:remove(header) -- the service need not know it
  if pass and pass ~= "" and given == pass then return end
  if is_open(settings:get("open"), headers:get(":path") or "/") then return end

  local message = settings:get("message") or "We are working on it and will be back soon."
  local wantsHTML = (headers:get("accept") or ""):find("text/html", 1, true)
  local body = message .. "\n"
  if wantsHTML then
    body = "<!doctype html><meta charset=utf-8><title>Maintenance</title><h1>" .. message:gsub('[&<>"]', escapes) .. "</h1>\n"
  end
  handle:respond({
    [":status"] = "503",
    ["retry-after"] = tostring(settings:get("retry_after") or 300),
    ["cache-control"] = "no-store",
    ["content-type"] = wantsHTML and "text/html; charset=utf-8" or "text/plain; charset=utf-8",
  }, body)
end
