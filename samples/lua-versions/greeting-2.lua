-- Greets by name, and in capitals where that is wanted.
function envoy_on_request(handle)
  local name = handle:headers():get("x-name")
  if name then handle:streamInfo():dynamicMetadata():set("greeting", "name", name) end
end

function envoy_on_response(handle)
  local greeting = handle:filterContext():get("greeting") or "hello"
  local known = handle:streamInfo():dynamicMetadata():get("greeting")
  if known then greeting = greeting .. " " .. known["name"] end
  if handle:filterContext():get("loud") then greeting = greeting:upper() end
  handle:headers():add("x-greeting", greeting)
end
