-- Routes by a field of a JSON body: what Heddle has for it.
function envoy_on_request(handle)
  local body = handle:body()
  local currency = json.pick(body:getBytes(0, body:length()), "/order/payment/amount/currency")
  handle:headers():replace("x-lua", currency or "none")
  handle:clearRouteCache()
end
