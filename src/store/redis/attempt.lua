-- Counts a try at a challenge.
--
-- KEYS[1]  the challenge's key
-- ARGV[1]  hash of the token that was presented
--
-- Returns 'open' and the record, the try counted; 'closed'; or 'unreadable'.

local key = KEYS[1]

if redis.call('EXISTS', key) == 0 then
  return {'closed', {}}
end
local v, token, tries, session = unpack(redis.call('HMGET', key, 'v', 'token', 'tries', 'session'))
tries = tonumber(tries or '')
if v ~= FORMAT or not tries then
  return {'unreadable', {}}
end
if token ~= ARGV[1] or session or tries < 1 then
  return {'closed', {}}
end
redis.call('HSET', key, 'tries', text(tries - 1))
return {'open', redis.call('HGETALL', key)}
