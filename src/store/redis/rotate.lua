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

local instant = now()
local session, why = in_use(index, key, instant)
if not session then
  return {why, {}}
end

if presented == session.current then
  local idle = math.min(instant + idle_span, session.absolute)
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

if presented == session.previous and successor == session.current then
  -- The same call again, after an outcome that its caller did not learn. Counted as the first use, whatever the grace.
  return {'rotated', redis.call('HGETALL', key)}
end

if presented == session.previous and session.in_grace then
  return {'repeated', redis.call('HGETALL', key)}
end

if genuine then
  local record = redis.call('HGETALL', key)
  finish(index, key)
  return {'replayed', record}
end

return {'unknown', {}}
