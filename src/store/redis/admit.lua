-- Counts an attempt that is about to be made.
--
-- KEYS[1]  the count's key, KEYS[2] that of the amnesty for all counts of its tag
-- ARGV[1]  how many are admitted without a delay
-- ARGV[2]  the delay after the last of them, in microseconds; each further one doubles it
-- ARGV[3]  the longest delay, ARGV[4] after how long without an attempt nothing is remembered, in microseconds
-- ARGV[5]  after how many microseconds one is taken off the count, ARGV[6] after how many attempts none is admitted until
--          all are forgotten; 0 for never
--
-- Returns 'admitted' and '0'; 'refused' and for how many microseconds; or 'unreadable' and '0'.

local key, amnesty = KEYS[1], KEYS[2]
local free, first, longest, forget = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local regain, limit = tonumber(ARGV[5]), tonumber(ARGV[6])

local v, count, blocked_until, since = unpack(redis.call('HMGET', key, 'v', 'count', 'until', 'since'))
if v and v ~= FORMAT then
  return {'unreadable', '0'}
end
local instant = now()
count, blocked_until, since = tonumber(count or '0'), tonumber(blocked_until or '0'), tonumber(since or '0')
if count == 0 or since <= tonumber(redis.call('HGET', amnesty, 'at') or '-1') then
  count, blocked_until, since = 0, 0, instant
end
local left = blocked_until - instant
if left > 0 then
  return {'refused', text(left)}
end
if regain > 0 then
  local regained = math.floor(math.max(instant - since, 0) / regain)
  count, since = math.max(count - regained, 0), since + regained * regain
end
count = count + 1
local delay = 0
if limit > 0 and count >= limit then
  delay = forget
elseif count >= free then
  delay = math.min(first * 2 ^ (count - free), longest)
end
redis.call('HSET', key, 'v', FORMAT, 'count', text(count), 'until', text(instant + delay), 'since', text(since))
expire_at(key, instant + math.max(forget, delay))
return {'admitted', '0'}
