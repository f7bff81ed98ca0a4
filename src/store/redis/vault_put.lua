-- Writes a sealed record over the version before it.
--
-- KEYS[1]  the record's key
-- ARGV[1]  the user
-- ARGV[2]  the version that is written over, '0' for no record
-- ARGV[3]  the version after that
-- ARGV[4]  what is sealed
--
-- Returns 'written', by this call or an earlier attempt of it; 'other' when the record has another version; or
-- 'unreadable'.
--
-- Versions are compared as text: Lua's numbers are not exact beyond 2^53.

local key, user, over, after, sealed = KEYS[1], ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local version = '0'

if redis.call('EXISTS', key) == 1 then
  local v, owner, there, kept = unpack(redis.call('HMGET', key, 'v', 'user', 'version', 'sealed'))
  if v ~= FORMAT or owner ~= user or not kept or not string.match(there or '', '^[1-9]%d*$') then
    return 'unreadable'
  end
  if there == after and kept == sealed then
    return 'written'
  end
  version = there
end
if version ~= over then
  return 'other'
end
redis.call('HSET', key, 'v', FORMAT, 'user', user, 'version', after, 'sealed', sealed)
return 'written'
