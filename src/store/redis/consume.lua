-- Uses a challenge up.
--
-- KEYS[1]  the challenge's key
-- ARGV[1]  hash of the token that was presented
-- ARGV[2]  id of the session that is opened next
--
-- Returns 'used' when it is by this session; 'closed'; or 'unreadable'.

local key, session = KEYS[1], ARGV[2]

if redis.call('EXISTS', key) == 0 then
  return 'closed'
end
local v, token, used = unpack(redis.call('HMGET', key, 'v', 'token', 'session'))
if v ~= FORMAT then
  return 'unreadable'
end
if token ~= ARGV[1] or (used and used ~= session) then
  return 'closed'
end
redis.call('HSET', key, 'session', session)
return 'used'
