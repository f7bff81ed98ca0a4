-- How a session is added. The keys of sessions that may have to end begin at KEYS[other], the record's other fields at
-- ARGV[field], name and value in turn.
--
-- KEYS[1]  the session's key, KEYS[2] the index
-- ARGV[1]  hash of its refresh token
-- ARGV[2]  idle lifetime, ARGV[3] absolute lifetime, in microseconds
-- ARGV[4]  how many sessions the user may have

local function add(other, field)
  local key, index, refresh, limit = KEYS[1], KEYS[2], ARGV[1], tonumber(ARGV[4])
  local others = given(other)

  if redis.call('EXISTS', key) == 1 then
    -- The same call again, after an outcome that its caller did not learn.
    if redis.call('HGET', key, 'current') == refresh then
      return {'created', gone(others), {}}
    end
    return {'conflict', {}, {}}
  end

  local start = now()
  local there = redis.call('ZRANGEBYSCORE', index, '(' .. text(start), '+inf')
  local surplus = {}
  for i = 1, #there + 1 - limit do
    surplus[i] = there[i]
  end
  if not are_given(surplus, others) then
    return {'wanting', surplus, {}}
  end

  local absolute = start + tonumber(ARGV[3])
  local idle = math.min(start + tonumber(ARGV[2]), absolute)
  -- First, so that nothing is ended when memory is too short for it.
  redis.call('HSET', key, 'v', FORMAT, 'current', refresh, 'idle', text(idle), 'absolute', text(absolute),
    unpack(ARGV, field))
  expire_at(key, idle)
  for _, id in ipairs(surplus) do
    finish(index, others[id])
  end
  enter(index, key, idle, start)
  return {'created', gone(others), {}}
end
