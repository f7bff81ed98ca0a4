-- Reads all sessions of an index, at one instant.
--
-- KEYS[1]  the index, KEYS[2…] its sessions
--
-- Returns 'listed', ids and their records in the same order; or 'wanting' and ids.

local sessions = given(2)
local there = redis.call('ZRANGE', KEYS[1], 0, -1)
if not are_given(there, sessions) then
  return {'wanting', there, {}}
end

local ids, records = {}, {}
for _, id in ipairs(there) do
  local record = redis.call('HGETALL', sessions[id])
  -- One that has just run out, or was ended by a release that knew no index.
  if #record > 0 then
    table.insert(ids, id)
    table.insert(records, record)
  end
end
return {'listed', ids, records}
