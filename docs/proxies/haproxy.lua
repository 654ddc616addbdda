-- The action `latchkey` of docs/proxies/haproxy.cfg: verifies the API key of a request with Latchkey's forward auth.

local CALLER = assert(os.getenv("LATCHKEY_CALLER"), "set LATCHKEY_CALLER to the proxy's own internal key")
-- HAProxy 2.6 repeats a call without an answer three times, so the client waits at most four times as long.
local TIMEOUT_MS = 2000

-- The client's headers that may contain its key. No others are sent to Latchkey. haproxy.cfg limits the number of their lines.
local KEY_HEADERS = { "x-api-key", "authorization" }
-- The headers of a rejection that are passed on to the client.
local REJECTION_HEADERS = {
  "content-type", "cache-control", "www-authenticate", "retry-after", "ratelimit", "ratelimit-policy", "x-latchkey-code", "x-latchkey-request-id",
}
-- Rejections for which the client is not responsible.
local PROXY_ERRORS = { CALLER_REFUSED = true, MISCONFIGURED = true, UNAVAILABLE = true }

local function first(headers, name)
  local values = headers and headers[name]
  return values and values[0]
end

local function call_latchkey(txn, url)
  local received = txn.http:req_get_headers()
  local headers = {
    ["x-latchkey-caller"] = { CALLER },
    ["x-forwarded-for"] = { txn.f:src() },
    ["x-forwarded-method"] = { txn.f:method() },
    ["x-forwarded-uri"] = { txn.f:pathq() },
  }
  for _, name in ipairs(KEY_HEADERS) do
    headers[name] = received[name]
  end
  return core.httpclient():get{ url = url, headers = headers, timeout = TIMEOUT_MS }
end

local function reject(txn, response)
  local code = first(response.headers, "x-latchkey-code")
  local reply
  if code and not PROXY_ERRORS[code] then
    reply = txn:reply{ status = response.status, reason = response.reason, body = response.body }
    for _, name in ipairs(REJECTION_HEADERS) do
      local value = first(response.headers, name)
      if value then reply:add_header(name, value) end
    end
  else
    reply = txn:reply{ status = 503, reason = "Service Unavailable" }
    reply:add_header("content-type", "application/problem+json")
    reply:set_body('{"type":"about:blank","title":"Service Unavailable","status":503,"code":"UNAVAILABLE"}\n')
  end
  txn:done(reply)
end

core.register_action("latchkey", { "http-req" }, function(txn, url)
  local response = call_latchkey(txn, url)
  if response.status ~= 204 or first(response.headers, "x-latchkey-code") ~= "VALID" then
    return reject(txn, response)
  end
  local expected = {}
  for name, values in pairs(response.headers) do
    if name:sub(1, 11) == "x-latchkey-" then
      txn.http:req_set_header(name, values[0])
      expected[name] = values[0]
    elseif name == "ratelimit" or name == "ratelimit-policy" then
      txn:set_var("txn." .. name:gsub("-", "_"), values[0])
    end
  end
  -- A header that does not fit into the buffer is not set, without an error.
  local set = txn.http:req_get_headers()
  for name, value in pairs(expected) do
    if first(set, name) ~= value then return reject(txn, {}) end
  end
end, 1)
