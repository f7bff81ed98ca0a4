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
local v, token, session, tries = unpack(redis.call('HMGET', key, 'v', 'token', 'session', 'tries'))
if v ~= FORMAT then
  return 'unreadable'
end
if token ~= ARGV[1] or session then
  return 'closed'
end
-- One more try where this took the last: the login goes on by the code that was right.
redis.call('HSET', key, 'proven', '1', 'tries', text(math.max(tonumber(tries or '') or 0, 1)))
return 'proven'
