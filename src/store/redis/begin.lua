-- Adds a challenge.
--
-- KEYS[1]  the challenge's key
-- ARGV[1]  hash of its token
-- ARGV[2]  how long it is good, in microseconds
-- ARGV[3…] the other fields of the record, name and value in turn
--
-- Returns 'begun' or 'conflict'.

local key, token = KEYS[1], ARGV[1]

if redis.call('EXISTS', key) == 1 then
  -- The same call again, after an outcome that its caller did not learn.
  return redis.call('HGET', key, 'token') == token and 'begun' or 'conflict'
end
redis.call('HSET', key, 'v', FORMAT, 'token', token, unpack(ARGV, 3))
expire_at(key, now() + tonumber(ARGV[2]))
return 'begun'
