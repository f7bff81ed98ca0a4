-- Takes note that a session is used, by a refresh token that stays good.
--
-- KEYS[1]  the session's key, KEYS[2] the index
-- ARGV[1]  hash of the token that was presented
-- ARGV[2]  idle lifetime, in microseconds
--
-- Returns 'seen' and the record; 'unknown'; or 'unreadable'.

local key, index, presented = KEYS[1], KEYS[2], ARGV[1]

if redis.call('EXISTS', key) == 0 then
  return {'unknown', {}}
end
local v, current, previous, previous_until, idle, absolute = unpack(
  redis.call('HMGET', key, 'v', 'current', 'previous', 'previous_until', 'idle', 'absolute'))
idle, absolute = tonumber(idle or ''), tonumber(absolute or '')
if v ~= FORMAT or not idle or not absolute then
  return {'unreadable', {}}
end

local instant = now()
if instant >= math.min(idle, absolute) then
  finish(index, key)
  return {'unknown', {}}
end
if presented ~= current and not (presented == previous and instant <= tonumber(previous_until or '0')) then
  return {'unknown', {}}
end

idle = math.min(instant + tonumber(ARGV[2]), absolute)
redis.call('HSET', key, 'last_used', text(instant), 'idle', text(idle))
expire_at(key, idle)
enter(index, key, idle, instant)
return {'seen', redis.call('HGETALL', key)}
