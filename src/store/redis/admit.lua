-- Counts an attempt that is about to be made.
--
-- KEYS[1]  the count's key
-- ARGV[1]  how many are admitted without a delay
-- ARGV[2]  the delay after the last of them, in microseconds; each further one doubles it
-- ARGV[3]  the longest delay, ARGV[4] after how long without an attempt nothing is remembered, in microseconds
--
-- Returns 'admitted' and '0'; 'refused' and for how many microseconds; or 'unreadable' and '0'.

local key = KEYS[1]
local free, first, longest, forget = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])

local v, count, blocked_until = unpack(redis.call('HMGET', key, 'v', 'count', 'until'))
if v and v ~= FORMAT then
  return {'unreadable', '0'}
end
local instant = now()
local left = tonumber(blocked_until or '0') - instant
if left > 0 then
  return {'refused', text(left)}
end
count = tonumber(count or '0') + 1
local delay = 0
if count >= free then
  delay = math.min(first * 2 ^ (count - free), longest)
end
redis.call('HSET', key, 'v', FORMAT, 'count', text(count), 'until', text(instant + delay))
expire_at(key, instant + math.max(forget, delay))
return {'admitted', '0'}
