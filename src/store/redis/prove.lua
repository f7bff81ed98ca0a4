-- Notes on a challenge that its holder has shown the first code of the factor that was set up by it.
--
-- KEYS[1]  the challenge's key
-- ARGV[1]  hash of the token that was presented
--
-- Returns 'proven', 'closed' or 'unreadable'.

local key = KEYS[1]

if redis.call('EXISTS', key) == 0 then
  return 'closed'
end
local v, token, session = unpack(redis.call('HMGET', key, 'v', 'token', 'session'))
if v ~= FORMAT then
  return 'unreadable'
end
if token ~= ARGV[1] or session then
  return 'closed'
end
redis.call('HSET', key, 'proven', '1')
return 'proven'
