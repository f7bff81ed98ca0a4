-- Asks railgate whether a request may pass, by HAProxy's own HTTP client, and puts what it answers into the request.
--
-- The question has the client's headers, but for those that frame its body and those that are set here.

local asked_at = "http://127.0.0.1:8080/_railgate/auth"
local not_asked = {
  ["connection"] = true,
  ["content-length"] = true,
  ["expect"] = true,
  ["host"] = true,
  ["te"] = true,
  ["transfer-encoding"] = true,
  ["upgrade"] = true,
}

-- As the gateway folds names: a backend may read X_Auth_User_Id as X-Auth-User-Id.
local function is_identity(name)
  return name:lower():gsub("[_.]", "-"):find("^x%-auth%-") ~= nil
end

-- HAProxy gives a handshake this header in HTTP/2, too, which has none there (RFC 8441).
local function is_websocket(headers)
  for _, value in pairs(headers["upgrade"] or {}) do
    if value:lower():find("websocket", 1, true) then
      return true
    end
  end
  return false
end

local function question(txn, headers)
  local asks = {}
  for name, values in pairs(headers) do
    if not not_asked[name] then
      asks[name] = {}
      for _, value in pairs(values) do
        table.insert(asks[name], value)
      end
    end
  end
  -- By its key railgate knows a handshake, and one of HTTP/2 has none.
  if is_websocket(headers) and not asks["sec-websocket-key"] then
    asks["sec-websocket-key"] = { "h2" }
  end
  asks["x-forwarded-method"] = { txn.sf:method() }
  asks["x-forwarded-uri"] = { txn.sf:pathq() }
  asks["x-forwarded-host"] = { txn.sf:req_hdr("host") }
  asks["x-forwarded-for"] = { txn.sf:src() }
  return asks
end

core.register_action("railgate", { "http-req" }, function(txn)
  local headers = txn.http:req_get_headers()
  local answer = core.httpclient():get({ url = asked_at, headers = question(txn, headers), timeout = 2000 })
  for name in pairs(headers) do
    if is_identity(name) then
      txn.http:req_del_header(name)
    end
  end
  -- Without an answer the status is 0.
  txn:set_var("txn.railgate", answer.status)
  if answer.status == 200 then
    for name, values in pairs(answer.headers) do
      if is_identity(name) then
        txn.http:req_set_header(name, values[0])
      end
    end
  end
end)
