-- What the scripts know of the index of a user's sessions, a sorted set: the ids, by when each session would run out.
--
-- The keys of further sessions depend on what the index holds, and every key has to be named before a script runs. A
-- script that needs a session that it was not given changes nothing and answers 'wanting' and the ids; it is called
-- again with their keys.

-- The id in a session's key: its last 22 characters.
local function id_of(key)
  return string.sub(key, -22)
end

-- The keys of sessions that this call was given, from this one on, by id.
local function given(first)
  local keys = {}
  for i = first, #KEYS do
    keys[id_of(KEYS[i])] = KEYS[i]
  end
  return keys
end

local function are_given(ids, keys)
  for _, id in ipairs(ids) do
    if not keys[id] then
      return false
    end
  end
  return true
end

-- Those that were given and have ended, by this call or before it: by an attempt of it whose outcome was not learnt, say.
local function gone(keys)
  local ids = {}
  for id, key in pairs(keys) do
    if redis.call('EXISTS', key) == 0 then
      table.insert(ids, id)
    end
  end
  return ids
end

-- Notes when a session runs out, and forgets those that have. The index lives as long as the last of them.
--
-- Not the first thing that a script writes: Redis lets one that has written go on when memory is short.
local function enter(index, key, expiry, instant)
  redis.call('ZADD', index, text(expiry), id_of(key))
  redis.call('ZREMRANGEBYSCORE', index, '-inf', text(instant))
  local last = redis.call('ZRANGE', index, -1, -1, 'WITHSCORES')
  expire_at(index, tonumber(last[2]))
end

-- Ends a session, whatever its record's format. 1 when there was one.
local function finish(index, key)
  local there = redis.call('DEL', key)
  redis.call('ZREM', index, id_of(key))
  return there
end

-- A session as a use of one of its tokens finds it at this instant. Else nil, and why: 'unknown'; 'expired', and it is ended;
-- or 'unreadable', a newer release's or damaged, and it is left as it is.
local function in_use(index, key, instant)
  if redis.call('EXISTS', key) == 0 then
    return nil, 'unknown'
  end
  local v, current, previous, previous_until, idle, absolute = unpack(
    redis.call('HMGET', key, 'v', 'current', 'previous', 'previous_until', 'idle', 'absolute'))
  idle, absolute = tonumber(idle or ''), tonumber(absolute or '')
  if v ~= FORMAT or not idle or not absolute then
    return nil, 'unreadable'
  end
  if instant >= math.min(idle, absolute) then
    finish(index, key)
    return nil, 'expired'
  end
  local grace_ends = tonumber(previous_until or '0')
  return {current = current, previous = previous, in_grace = instant <= grace_ends, absolute = absolute}
end
