function envoy_on_request(handle)
  local host = handle:headers():get(":authority")
  handle:headers():add("x-lua", host)
end
