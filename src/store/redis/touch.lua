-- Takes note that a session is used, by a refresh token that stays good.
--
-- KEYS[1]  the session's key, KEYS[2] the index
-- ARGV[1]  hash of the token that was presented
-- ARGV[2]  idle lifetime, in microseconds
--
-- Returns 'seen' and the record; or why not, 'unknown', 'expired' or 'unreadable'.

local key, index, presented = KEYS[1], KEYS[2], ARGV[1]

local instant = now()
local session, why = in_use(index, key, instant)
if not session then
  return {why, {}}
end
if presented ~= session.current and not (presented == session.previous and session.in_grace) then
  return {'unknown', {}}
end

local idle = math.min(instant + tonumber(ARGV[2]), session.absolute)
redis.call('HSET', key, 'last_used', text(instant), 'idle', text(idle))
expire_at(key, idle)
enter(index, key, idle, instant)
return {'seen', redis.call('HGETALL', key)}
