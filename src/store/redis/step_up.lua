-- Notes that the user of a session has shown a second factor in it.
--
-- KEYS[1]  the session's key
--
-- Returns 'noted', 'unknown' or 'unreadable'.

local key = KEYS[1]

if redis.call('EXISTS', key) == 0 then
  return 'unknown'
end
if redis.call('HGET', key, 'v') ~= FORMAT then
  return 'unreadable'
end
redis.call('HSET', key, 'mfa', '1')
return 'noted'
