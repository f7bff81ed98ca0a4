-- Adds the end of sessions to the feed.
--
-- KEYS[1]  the stream, KEYS[2] where it stands
-- ARGV[1]  how long an entry is of use, ARGV[2] how long it is known where the stream stands, in microseconds
-- ARGV[3]  the id of one of the sessions, ARGV[4] the ids of all of them, a space between two

local stream, place, of_use, known = KEYS[1], KEYS[2], tonumber(ARGV[1]), tonumber(ARGV[2])
local instant = now()

-- First, on purpose: Redis lets a script that has written go on when memory is short, and no end waits for memory.
-- By age alone: a rush of ends must not push out those that some gateway has yet to read.
redis.call('XTRIM', stream, 'MINID', '~', text(math.max(math.floor((instant - of_use) / 1000), 0)))

local epoch, number = unpack(redis.call('HMGET', place, 'epoch', 'number'))
number = tonumber(number or '')
if not epoch or not number then
  -- The stream begins, or Redis lost its data. Nobody can take it for another one: an id has 128 random bits.
  epoch, number = text(instant) .. '-' .. ARGV[3], 0
end
number = text(number + 1)
local entry = redis.call('XADD', stream, '*', 'v', FORMAT, 'epoch', epoch, 'number', number, 'sessions', ARGV[4])
redis.call('HSET', place, 'epoch', epoch, 'number', number, 'entry', entry)
expire_at(stream, instant + of_use)
expire_at(place, instant + known)
return entry
