-- What the scripts know of credentials of the backend that are spent.

-- Notes that one is spent, for this span or for longer if that was said before.
local function remember(key, span)
  local said = tonumber(redis.call('HGET', key, 'until') or '0') or 0
  local last = math.max(said, now() + span)
  redis.call('HSET', key, 'v', FORMAT, 'until', text(last))
  expire_at(key, last)
end
