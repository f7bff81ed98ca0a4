-- Ends all sessions of a user. They stay in the index until their end has been announced (forget.lua): an end that could
-- not be announced is found there, and announced, when it is asked for again.
--
-- KEYS[1]  the index, KEYS[2…] its sessions
-- ARGV[1]  the user
--
-- Returns 'ended' and the ids of KEYS[2…] that have ended; or 'wanting' and ids.

local index, user = KEYS[1], ARGV[1]
local sessions = given(2)
local there = redis.call('ZRANGE', index, 0, -1)
if not are_given(there, sessions) then
  return {'wanting', there, {}}
end

-- Two users may have the same tag. A record that can't be read is the user's by its place in the index.
local function is_anothers(key)
  local record = redis.pcall('HMGET', key, 'v', 'user')
  return record[1] == FORMAT and record[2] ~= user
end

for _, id in ipairs(there) do
  if not is_anothers(sessions[id]) then
    redis.call('DEL', sessions[id])
  end
end
return {'ended', gone(sessions), {}}
