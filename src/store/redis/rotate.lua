-- Exchanges a refresh token for its successor.
--
-- KEYS[1]  the session's key, KEYS[2] the index
-- ARGV[1]  hash of the token that was presented
-- ARGV[2]  '1' when that token is genuine
-- ARGV[3]  hash of the successor, ARGV[4] the successor sealed under the presented token
-- ARGV[5]  grace, ARGV[6] idle lifetime, in microseconds
-- ARGV[7]  mark of the user's password, or empty
--
-- Returns what became of it and the record, or an empty list where there is none to tell of.

local key, index = KEYS[1], KEYS[2]
local presented, genuine, successor, sealed = ARGV[1], ARGV[2] == '1', ARGV[3], ARGV[4]
local grace, idle_span, password = tonumber(ARGV[5]), tonumber(ARGV[6]), ARGV[7]

if redis.call('EXISTS', key) == 0 then
  return {'unknown', {}}
end
local v, current, previous, previous_until, idle, absolute = unpack(
  redis.call('HMGET', key, 'v', 'current', 'previous', 'previous_until', 'idle', 'absolute'))
idle, absolute = tonumber(idle or ''), tonumber(absolute or '')
if v ~= FORMAT or not idle or not absolute then
  -- A newer release's, or damaged: left as it is.
  return {'unreadable', {}}
end

local instant = now()
if instant >= math.min(idle, absolute) then
  finish(index, key)
  return {'expired', {}}
end

if presented == current then
  idle = math.min(instant + idle_span, absolute)
  redis.call('HSET', key, 'current', successor, 'previous', presented, 'previous_until', text(instant + grace),
    'sealed', sealed, 'last_used', text(instant), 'idle', text(idle))
  if password ~= '' then
    redis.call('HSET', key, 'password', password)
  end
  expire_at(key, idle)
  -- A session of a release that knew no index comes into it here.
  enter(index, key, idle, instant)
  return {'rotated', redis.call('HGETALL', key)}
end

if presented == previous and successor == current then
  -- The same call again, after an outcome that its caller did not learn. Counted as the first use, whatever the grace.
  return {'rotated', redis.call('HGETALL', key)}
end

if presented == previous and instant <= tonumber(previous_until or '0') then
  return {'repeated', redis.call('HGETALL', key)}
end

if genuine then
  local record = redis.call('HGETALL', key)
  finish(index, key)
  return {'replayed', record}
end

return {'unknown', {}}
