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
local null = {} -- what JSON's null becomes, since a table cannot hold nil

local function json_decode(text)
  local position, depth, value_at = 1, 0, nil
  local escapes = { b = "\b", f = "\f", n = "\n", r = "\r", t = "\t", ['"'] = '"', ["\\"] = "\\", ["/"] = "/" }
  local function fail() error("invalid JSON at byte " .. position, 0) end
  local function skip() position = text:match("^[ \t\r\n]*()", position) end

  local function utf8(code)
    if code < 0x80 then return string.char(code) end
    if code < 0x800 then return string.char(0xC0 + math.floor(code / 64), 0x80 + code % 64) end
    return string.char(0xE0 + math.floor(code / 4096), 0x80 + math.floor(code / 64) % 64, 0x80 + code % 64)
  end

  local function string_at()
    local parts = {}
    position = position + 1
    while true do
      local plain, stop = text:match('^([^"\\%c]*)()', position)
      parts[#parts + 1], position = plain, stop
      local byte = text:sub(position, position)
      if byte == '"' then
        position = position + 1
        return table.concat(parts)
      end
      if byte ~= "\\" then fail() end
      local letter = text:sub(position + 1, position + 1)
      if letter == "u" then
        local code = tonumber(text:match("^%x%x%x%x", position + 2) or fail(), 16)
        parts[#parts + 1], position = utf8(code), position + 6
      else
        parts[#parts + 1], position = escapes[letter] or fail(), position + 2
      end
    end
  end

  local function list_at()
    local list = {}
    position = position + 1
    skip()
    if text:sub(position, position) == "]" then position = position + 1 return list end
    while true do
      list[#list + 1] = value_at()
      local mark = text:sub(position, position)
      position = position + 1
      if mark == "]" then return list end
      if mark ~= "," then fail() end
    end
  end

  local function object_at()
    local object = {}
    position = position + 1
    skip()
    if text:sub(position, position) == "}" then position = position + 1 return object end
    while true do
      skip()
      if text:sub(position, position) ~= '"' then fail() end
      local name = string_at()
      skip()
      if text:sub(position, position) ~= ":" then fail() end
      position = position + 1
      -- Two values of one name: which of them the service takes nobody knows.
      if object[name] ~= nil then fail() end
      object[name] = value_at()
      local mark = text:sub(position, position)
      position = position + 1
      if mark == "}" then return object end
      if mark ~= "," then fail() end
    end
  end

  function value_at()
    depth = depth + 1
    if depth > 100 then fail() end
    skip()
    local byte, value = text:sub(position, position), nil
    if byte == "{" then
      value = object_at()
    elseif byte == "[" then
      value = list_at()
    elseif byte == '"' then
      value = string_at()
    elseif text:match("^true", position) then
      value, position = true, position + 4
    elseif text:match("^false", position) then
      value, position = false, position + 5
    elseif text:match("^null", position) then
      value, position = null, position + 4
    else
      local number = text:match("^-?%d+%.?%d*[eE]?[+-]?%d*", position)
      value = number and not number:match("^-?0%d") and tonumber(number) or fail()
      position = position + #number
    end
    skip()
    depth = depth - 1
    return value
  end

  local value = value_at()
  if position <= #text then fail() end
  return value
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

local function count(handle, settings, amount, currency, items)
  -- An amount that is none is no revenue; one that is endless would be for ever.
  if not amount or amount < 0 or amount > 1e9 or type(currency) ~= "string" then return add(handle, "orders_unread", 1) end
  local known = "," .. (settings:get("known") or "EUR,USD,GBP,JPY,CAD,TRY,CHF"):gsub(" ", "") .. ","
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
  local settings = handle:filterContext()
  if noted.order == "grpc" then
    local amount, currency = noted.amount, noted.currency
    if grpc_status(handle) ~= "0" then return add(handle, "orders_failed", 1) end
    return count(handle, settings, amount, currency)
  end
  local body = handle:body()
  local fine, order = pcall(json_decode, body and body:getBytes(0, body:length()) or "")
  if not fine then return add(handle, "orders_unread", 1) end
  count(
    handle, settings, tonumber(value_at(order, settings:get("amount") or "order/total/amount")),
    value_at(order, settings:get("currency") or "order/total/currency"),
    value_at(order, settings:get("items") or "order/items"))
end
