-- Adds a session.
--
-- KEYS[1]  the session's key
-- ARGV[1]  hash of its refresh token
-- ARGV[2]  idle lifetime, ARGV[3] absolute lifetime, in microseconds
-- ARGV[4…] the other fields of the record, name and value in turn
--
-- Returns 'created' or 'conflict'.

local key, refresh = KEYS[1], ARGV[1]
if redis.call('EXISTS', key) == 1 then
  -- The same call again, after an outcome that its caller did not learn.
  return redis.call('HGET', key, 'current') == refresh and 'created' or 'conflict'
end

local start = now()
local absolute = start + tonumber(ARGV[3])
local idle = math.min(start + tonumber(ARGV[2]), absolute)
redis.call('HSET', key, 'v', FORMAT, 'current', refresh, 'idle', text(idle), 'absolute', text(absolute),
  unpack(ARGV, 4))
expire_at(key, idle)
return 'created'
