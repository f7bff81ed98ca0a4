-- Has all that was counted under a tag until now count for nothing.
--
-- KEYS[1]  the amnesty for the tag
-- ARGV[1]  how long what was counted could be remembered, in microseconds

local key, instant = KEYS[1], now()
redis.call('HSET', key, 'v', FORMAT, 'at', text(instant))
expire_at(key, instant + tonumber(ARGV[1]))
