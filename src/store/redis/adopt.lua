-- Adds the session of a credential of the backend, and spends that.
--
-- KEYS[1…2], ARGV[1…4]  as in add.lua
-- KEYS[3]  the credential's note, KEYS[4…] sessions that may have to end
-- ARGV[5]  hash of the credential, ARGV[6] the refresh token sealed under it
-- ARGV[7]  grace, ARGV[8] how long it is remembered, in microseconds
-- ARGV[9…] the other fields of the record, name and value in turn
--
-- Returns 'created' and the ids of KEYS[4…] that have ended; 'spent'; or 'wanting' and ids.

local key, note, span = KEYS[1], KEYS[3], tonumber(ARGV[8])

if redis.call('EXISTS', note) == 1 or redis.call('EXISTS', key) == 1 then
  remember(note, span)
  if redis.call('HGET', key, 'current') ~= ARGV[1] then
    return {'spent', {}, {}}
  end
  -- The same call again, after an outcome that its caller did not learn.
  return add(4, 9)
end

local said = add(4, 9)
if said[1] == 'created' then
  redis.call('HSET', key, 'previous', ARGV[5], 'previous_until', text(now() + tonumber(ARGV[7])), 'sealed', ARGV[6])
  remember(note, span)
end
return said
