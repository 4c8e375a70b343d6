-- Greets whoever asks.
function envoy_on_response(handle)
  handle:headers():add("x-greeting", handle:filterContext():get("greeting") or "hello")
end
