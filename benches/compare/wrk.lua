-- wrk -s wrk.lua URL -- BODY TOKENS OFFSET: POSTs the file BODY with the tokens of the file TOKENS, a line each, in turn,
-- from the one behind OFFSET on; without a token when there is none. Requests are built before the clock runs.
local requests, at = {}, 0

function init(args)
  wrk.method, wrk.headers["Content-Type"] = "POST", "application/json"
  wrk.body = assert(io.open(args[1])):read("*a")
  for token in io.lines(args[2]) do
    wrk.headers["Authorization"] = "Bearer " .. token
    requests[#requests + 1] = wrk.format()
  end
  if #requests == 0 then requests[1] = wrk.format() end
  at = tonumber(args[3]) % #requests
end

function request()
  at = at % #requests + 1
  return requests[at]
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    'figures {"requests":%d,"microseconds":%d,"p50":%.1f,"p99":%.1f,"refused":%d,"broken":%d}\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99), errors.status,
    errors.connect + errors.read + errors.write + errors.timeout))
end
