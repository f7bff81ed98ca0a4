-- Takes an admitted attempt off the count, and lifts the delay that it began.
--
-- KEYS[1]  the count's key
--
-- Returns 'done'; or 'unreadable'.

local key = KEYS[1]

local v, count = unpack(redis.call('HMGET', key, 'v', 'count'))
if v and v ~= FORMAT then
  return 'unreadable'
end
count = tonumber(count or '0')
if count > 1 then
  redis.call('HSET', key, 'count', text(count - 1), 'until', '0')
else
  redis.call('DEL', key)
end
return 'done'
