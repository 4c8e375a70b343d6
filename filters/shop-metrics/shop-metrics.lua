-- Counts what a shop earns: orders, items and revenue by currency, and orders that failed, as statistics of the proxy.
--
-- An order is a POST to `path` whose answer is 2xx; its amount is read from the answer's JSON. Or it is a gRPC call of the
-- payment service's `charge` whose status is 0; its amount is the Money in field 1 of the request (Heddle only).
--
-- Configured by `filter_context`:
--   path     path of the checkout (default "/cart/checkout")
--   charge   path of the gRPC call (default "/hipstershop.PaymentService/Charge")
--   amount   place of the amount in the answer (default "order/total/amount"), in units such as 12.50
--   currency place of the currency (default "order/total/currency")
--   items    place of the list of items (default "order/items")
--   known    currencies that have statistics of their own; others count as "other" (default "EUR,USD,GBP,JPY,CAD,TRY,CHF")
-- Metrics: shop_orders_total and shop_revenue_cents_total by currency, shop_items_total, shop_orders_failed_total,
-- shop_orders_unread_total. Where there are no metrics with labels (heddle.metric), as in Envoy, statistics below
-- http.<connection manager>.lua.: orders_<CURRENCY>, revenue_cents_<CURRENCY>, items, orders_failed, orders_unread.

-- begin json (the same text in every filter that has it; a test compares them)
-- What JSON's null becomes, since a table cannot hold nil; the reader, which returns nil and a message for what is no JSON, or
-- what readers differ about (names that come twice in an object, half a surrogate pair, invalid UTF-8); what an array is.
local null, json_decode, is_list

if json then
  null = json.null
  function json_decode(text) return json.decode(text, true) end
  function is_list(value) return type(value) == "table" and (#value > 0 or getmetatable(value) == false) end
else
  local strict = require("strict_json")
  null, json_decode, is_list = strict.null, strict.decode, strict.is_list
end
-- end json

-- The value at a path of names with slashes between them.
local function value_at(value, path)
  for name in path:gmatch("[^/]+") do
    if type(value) ~= "table" then return nil end
    value = value[name]
  end
  return value
end

local function note(handle, key, value) handle:streamInfo():dynamicMetadata():set("shop-metrics", key, value) end

function envoy_on_request(handle)
  local headers, settings = handle:headers(), handle:filterContext()
  local path = (headers:get(":path") or ""):match("^[^?]*")
  if headers:get(":method") ~= "POST" then return end
  if grpc and path == (settings:get("charge") or "/hipstershop.PaymentService/Charge") then
    local body = handle:body()
    local call = body and body:getBytes(0, body:length()) or ""
    -- google.type.Money and its kin: currency_code, units, nanos.
    local currency, units, nanos = grpc.field(call, 1, 1), grpc.field(call, 1, 2), grpc.field(call, 1, 3)
    note(handle, "order", "grpc")
    note(handle, "currency", currency or "")
    note(handle, "amount", currency and (tonumber(units) or 0) + (tonumber(nanos) or 0) / 1e9 or -1)
  elseif path == (settings:get("path") or "/cart/checkout") then
    note(handle, "order", "json")
  end
end

local metric = heddle and heddle.metric

-- Adds to a metric, or to a statistic.
local function add(handle, name, amount, currency)
  if metric then
    return metric.counter("shop_" .. name .. "_total", amount, currency and { currency = currency })
  end
  handle:stats():counter(currency and name .. "_" .. currency or name):add(amount)
end

local function count(handle, known, amount, currency, items)
  -- An amount that is none is no revenue; one that is endless would be for ever.
  if not amount or not (amount >= 0 and amount <= 1e9) or type(currency) ~= "string" then return add(handle, "orders_unread", 1) end
  known = "," .. (known or "EUR,USD,GBP,JPY,CAD,TRY,CHF"):gsub(" ", "") .. ","
  if not currency:match("^%u%u%u$") or not known:find("," .. currency .. ",", 1, true) then currency = "other" end
  add(handle, "orders", 1, currency)
  add(handle, "revenue_cents", math.floor(amount * 100 + 0.5), currency)
  if type(items) == "table" then add(handle, "items", #items) end
end

-- The status of a call stands in the head where there is nothing else, and in the trailers otherwise.
local function grpc_status(handle)
  local status = handle:headers():get("grpc-status")
  if status then return status end
  local trailers = handle:trailers()
  return trailers and trailers:get("grpc-status")
end

function envoy_on_response(handle)
  local noted = handle:streamInfo():dynamicMetadata():get("shop-metrics")
  if not noted or not noted.order then return end
  local status = handle:headers():get(":status") or ""
  if status:sub(1, 1) ~= "2" then return add(handle, "orders_failed", 1) end
  -- Read before the body is waited for: in Envoy these objects do not outlive a wait.
  local settings = handle:filterContext()
  local known, places = settings:get("known"), {
    amount = settings:get("amount") or "order/total/amount",
    currency = settings:get("currency") or "order/total/currency",
    items = settings:get("items") or "order/items",
  }
  if noted.order == "grpc" then
    local amount, currency = noted.amount, noted.currency
    if grpc_status(handle) ~= "0" then return add(handle, "orders_failed", 1) end
    return count(handle, known, amount, currency)
  end
  local body = handle:body()
  if body and body:length() > 131072 then return add(handle, "orders_unread", 1) end
  local order = json_decode(body and body:getBytes(0, body:length()) or "")
  if order == nil then return add(handle, "orders_unread", 1) end
  count(
    handle, known, tonumber(value_at(order, places.amount)), value_at(order, places.currency), value_at(order, places.items))
end
